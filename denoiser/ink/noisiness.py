"""Whether a picture looks noisy already: grain or specks, rather than ink on clean paper.

`python -m pytest tests/core/files/test_ink.py -k nois` tries them on clean and noisy pictures.
"""

import numpy as np
from torch import Tensor

from ..data import SIDE

GRAIN = 0.1  # a pixel this far from the median of its neighbourhood, between paper 0 and ink 1, counts as grain
NOISY = 0.15  # share of such pixels from which on a picture looks noisy
SPECK = 0.3  # a pixel this much lighter, or darker, than all its eight neighbours is a speck
SPECKS = 5  # of them
ROUGH = 0.7  # sum of the second differences, as a share of the ink, from which on ink looks rough


def looks_noisy(framed: Tensor, pixels: np.ndarray) -> bool:
    """Whether a picture looks as if noise had been added to it.

    `framed`, (1, 1, 28, 28) in [0, 1], is what `frame_digit` made of `pixels`, (h, w, 3) in [0, 1]. Noise that leaves
    the paper clean, such as speckle, is noticed in pictures of 28 x 28 pixels, or of as many squares: a thin pen that
    was scaled down is as rough as that.
    """
    picture = framed[0, 0].numpy()
    return _is_grainy(picture) or count_specks(picture) >= SPECKS or (_has_28_squares(pixels) and _is_rough(picture))


def _is_grainy(picture: np.ndarray) -> bool:
    """Whether there is grain all over a picture (28, 28)."""
    from scipy import ndimage

    away = np.abs(picture - ndimage.median_filter(picture, 3, mode="nearest"))
    return float((away > GRAIN).mean()) > NOISY


def count_specks(picture: np.ndarray) -> int:
    """How many single pixels of a picture (h, w) stand out from all around them, as salt and pepper make them."""
    from scipy import ndimage

    around = np.ones((3, 3), dtype=bool)
    around[1, 1] = False
    lighter = picture - ndimage.maximum_filter(picture, footprint=around, mode="nearest")
    darker = ndimage.minimum_filter(picture, footprint=around, mode="nearest") - picture
    return int((np.maximum(lighter, darker) > SPECK).sum())


def _is_rough(picture: np.ndarray) -> bool:
    """Whether the ink of a picture (28, 28) varies from pixel to pixel.

    Measured by the mask of Immerkaer (1996), which is blind to slopes and straight edges.
    """
    from scipy import ndimage

    second = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 4
    return float(np.abs(ndimage.convolve(picture, second, mode="nearest")).sum()) > ROUGH * float(picture.sum())


def _has_28_squares(pixels: np.ndarray) -> bool:
    """Whether a picture (h, w, 3) is one of 28 x 28 pixels, perhaps enlarged by a whole number."""
    height, width = pixels.shape[:2]
    if height != width or height % SIDE:
        return False
    times = height // SIDE
    squares = pixels.reshape(SIDE, times, SIDE, times, -1)
    return bool(np.ptp(squares, axis=(1, 3)).max() < 0.02)
