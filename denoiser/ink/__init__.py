"""Strokes or any picture -> one 28 x 28 digit with MNIST's geometry. Knows nothing of models."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data import SIDE
from ..image_decoder import FILES, Limits
from .cropped import cropped_ink
from .errors import NO_INK, NO_PICTURE, NOTHING_DRAWN, BlankInk, InkError, UnreadablePicture
from .framing import Box, as_it_is, drawn_again, square_around
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
    "FoundDigit",
    "InkError",
    "UnreadablePicture",
    "digit_from_image",
    "digit_from_strokes",
    "find_digit",
    "frame_digit",
    "framed_from_image",
]


class FoundDigit(NamedTuple):
    """A digit (1, 1, 28, 28) in [0, 1], and the part of its picture that it was cut out of.

    `box` is the part's left, top, width and height as shares of the picture.
    """

    digit: Tensor
    box: tuple[float, float, float, float]


def digit_from_image(picture: Any, limits: Limits = FILES) -> Tensor:
    """One digit, float32 (1, 1, 28, 28) in [0, 1], from a picture of any kind, size, colour and polarity.

    `picture` is a PIL image, an array (H, W[, 3 or 4]) of uint8, uint16, bool or float, the bytes of a file, the open
    file, or its path. Files are decoded in a process of its own within `limits`; those of strangers within UPLOADS.
    A 28 x 28 picture that is an MNIST digit already, inverted or not, is taken as it is. Raises BlankInk where
    no ink stands out from its paper, UnreadablePicture where there is no usable picture, InkError for other things.
    """
    return find_digit(picture, limits).digit


def find_digit(picture: Any, limits: Limits = FILES) -> FoundDigit:
    """The digit of `digit_from_image`, and where in the picture it is. Takes and raises the same."""
    pixels = pixels_of(picture, limits)
    whole = Box(0, 0, pixels.shape[1], pixels.shape[0])
    if (digit := as_it_is(pixels)) is not None:
        return FoundDigit(digit, _shares(whole, pixels))
    cropped = cropped_ink(pixels)
    ink, box = main_ink(contrast_of(pixels) if cropped is None else cropped)
    return FoundDigit(drawn_again(shape_of(ink)), _shares(box if cropped is None else whole, pixels))


def framed_from_image(picture: Any, limits: Limits = FILES) -> Tensor:
    """A picture that is noisy already, float32 (1, 1, 28, 28) in [0, 1], light on dark: framed, and nothing else.

    No threshold and no new stroke width: where its noise goes, goes what a denoiser is for. 28 x 28 pixels stay as
    they are; of larger pictures the square around the ink (or the whole, where the ink fills it as MNIST's digits
    fill theirs) is meaned down, which takes some of the noise along. Paper that is lit unevenly is levelled. Takes
    what digit_from_image takes and raises what it raises, BlankInk only where all is one shade.
    """
    return frame_digit(picture, limits).digit


def frame_digit(picture: Any, limits: Limits = FILES) -> FoundDigit:
    """The digit of `framed_from_image`, and where in the picture it is. Takes and raises the same."""
    from skimage.transform import resize_local_mean

    grey = pixels_of(picture, limits).mean(axis=2)
    if np.ptp(grey) < FAINTEST:
        raise BlankInk(NO_INK)
    if grey.shape != (SIDE, SIDE):
        grey = levelled(grey)
    frame = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    if np.median(frame) > 0.5 * (grey.min() + grey.max()):
        grey = 1 - grey
    square, box = grey, Box(0, 0, grey.shape[1], grey.shape[0])
    if grey.shape != (SIDE, SIDE):
        square, box = square_around(grey)
        square = resize_local_mean(square, (SIDE, SIDE))
    digit = torch.from_numpy(np.ascontiguousarray(square, dtype=np.float32)).clamp(0, 1).view(1, 1, SIDE, SIDE)
    return FoundDigit(digit, _shares(box, grey))


def _shares(box: Box, picture: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, width and height of a box as shares of a picture (h, w, ...)."""
    height, width = picture.shape[:2]
    return box.left / width, box.top / height, (box.right - box.left) / width, (box.bottom - box.top) / height
