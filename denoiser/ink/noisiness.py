"""Whether a picture looks noisy already: grain all over it, rather than ink on clean paper."""

import numpy as np
from torch import Tensor

GRAIN = 0.1  # a pixel this far from the median of its neighbourhood, between paper 0 and ink 1, counts as grain
NOISY = 0.15  # share of such pixels from which on a picture looks noisy: of 213 photos and drawings none had 0.1


def looks_noisy(framed: Tensor) -> bool:
    """Whether grain lies over a picture (1, 1, 28, 28) in [0, 1] that `framed_from_image` returned.

    Noise that leaves the paper clean, such as speckle, is not noticed.
    """
    from scipy import ndimage

    picture = framed[0, 0].numpy()
    away = np.abs(picture - ndimage.median_filter(picture, 3, mode="nearest"))
    return float((away > GRAIN).mean()) > NOISY
