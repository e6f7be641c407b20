"""Strokes or any picture -> one 28 x 28 digit with MNIST's geometry. Knows nothing of models."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import SIDE
from ..image_decoder import FILES, Limits
from .cropped import cropped_ink
from .errors import NO_INK, NO_PICTURE, NOTHING_DRAWN, BlankInk, InkError, UnreadablePicture
from .framing import as_it_is, drawn_again, square_around
from .image_files import LARGEST, pixels_of
from .segmentation import FAINTEST, contrast_of, levelled, main_ink, shape_of
from .strokes import MOST_POINTS, digit_from_strokes

__all__ = [
    "LARGEST",
    "MOST_POINTS",
    "NOTHING_DRAWN",
    "NO_INK",
    "NO_PICTURE",
    "BlankInk",
    "InkError",
    "UnreadablePicture",
    "digit_from_image",
    "digit_from_strokes",
    "framed_from_image",
]


def digit_from_image(picture: Any, limits: Limits = FILES) -> Tensor:
    """One digit, float32 (1, 1, 28, 28) in [0, 1], from a picture of any kind, size, colour and polarity.

    `picture` is a PIL image, an array (H, W[, 3 or 4]) of uint8, uint16, bool or float, the bytes of a file, the open
    file, or its path. Files are decoded in a process of its own within `limits`; those of strangers within UPLOADS.
    A 28 x 28 picture that is an MNIST digit already, inverted or not, is taken as it is. Raises BlankInk where
    no ink stands out from its paper, UnreadablePicture where there is no usable picture, InkError for other things.
    """
    pixels = pixels_of(picture, limits)
    if (digit := as_it_is(pixels)) is not None:
        return digit
    contrast = cropped_ink(pixels)
    return drawn_again(shape_of(main_ink(contrast_of(pixels) if contrast is None else contrast)))


def framed_from_image(picture: Any, limits: Limits = FILES) -> Tensor:
    """A picture that is noisy already, float32 (1, 1, 28, 28) in [0, 1], light on dark: framed, and nothing else.

    No threshold and no new stroke width: where its noise goes, goes what a denoiser is for. 28 x 28 pixels stay as
    they are; of larger pictures the square around the ink (or the whole, where the ink fills it as MNIST's digits
    fill theirs) is meaned down, which takes some of the noise along. Paper that is lit unevenly is levelled. Takes
    what digit_from_image takes and raises what it raises, BlankInk only where all is one shade.
    """
    from skimage.transform import resize_local_mean

    grey = pixels_of(picture, limits).mean(axis=2)
    if np.ptp(grey) < FAINTEST:
        raise BlankInk(NO_INK)
    if grey.shape != (SIDE, SIDE):
        grey = levelled(grey)
    frame = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    if np.median(frame) > 0.5 * (grey.min() + grey.max()):
        grey = 1 - grey
    if grey.shape != (SIDE, SIDE):
        grey = resize_local_mean(square_around(grey), (SIDE, SIDE))
    return torch.from_numpy(np.ascontiguousarray(grey, dtype=np.float32)).clamp(0, 1).view(1, 1, SIDE, SIDE)
