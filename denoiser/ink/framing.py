"""MNIST's geometry, and how ink of any size and stroke width is brought into it.

For each of the 28 x 28 pixel centres the distance to the nearest edge of the ink is known, in pixels and positive
inside, and `grey` turns it into ink. So the size drawn, the pen and the camera change nothing: the longest side of the
ink is 20 pixels, its centre of mass lies at pixel (14, 14) counted from 0, strokes are about 2.6 pixels wide and fade
over 1.4.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data import SIDE

BOX = 20  # the longest side of MNIST's ink, in pixels that hold any: so in 9,997 of its 10,000 test digits
CENTRE = 14.0  # MNIST's centre of mass, from 0 at the centre of the first pixel: mean 14.00, deviation 0.29

# How MNIST's strokes look across. For 1,500 training digits we took the skeleton at 8 times the size and sought the
# half width and the fade with which clip(0.5 + (half width - distance to the skeleton) / fade, 0, 1) comes nearest to
# the picture: half widths have mean 1.27 (5 to 95 %: 0.8 to 2.0), fades 1.32. The ink per pixel of skeleton is 2.69.
HALF_WIDTH = 1.32
FADE = 1.4

# The ink's outline is where its grey is one half; pixels that hold any grey reach FADE / 2 further. Twenty of them
# in a row have their first and last centre 19 apart, and the next ones, which must stay empty, 21.
OUTLINE_SIDE = BOX + 1 - FADE - 0.02

THINNEST, THICKEST = 2.3, 3.2  # stroke widths that are left alone, in pixels of the result


class Box(NamedTuple):
    """A part of a picture (h, w): rows from `top` and columns from `left` on, without `bottom` and `right`."""

    left: int
    top: int
    right: int
    bottom: int

    def within(self, shape: tuple[int, ...]) -> "Box":
        """What of it lies in a picture of this shape (h, w, ...)."""
        height, width = shape[:2]
        return Box(max(0, self.left), max(0, self.top), min(width, self.right), min(height, self.bottom))


class Shape(NamedTuple):
    """The ink's outline as arrays (h, w) with an empty margin all around; distances in their pixels."""

    edge: np.ndarray  # distance to the edge, positive inside
    spine: np.ndarray  # distance to the strokes' middle; infinite for a blob
    width: float  # of the strokes


def grey(edge_distance: np.ndarray) -> np.ndarray:
    """Ink in [0, 1] from the distance to the edge of the ink, in pixels, positive inside."""
    return np.clip(0.5 + edge_distance / FADE, 0, 1)


def centred(draw: Callable[[float, float], np.ndarray], tall: bool) -> Tensor:
    """(1, 1, 28, 28) with the centre of mass at CENTRE, of what `draw(row, column)` paints around a place.

    MNIST moved its 20 x 20 boxes by whole pixels. So do we along the longer side, which keeps it at 20 pixels (or
    nearly whole ones where that would leave the centre half a pixel off); along the shorter, the place is exact.
    Ink is never moved out of the picture.
    """
    middle = (SIDE - 1) / 2
    shift, index, longer = np.zeros(2), np.arange(SIDE), 0 if tall else 1
    image = draw(middle, middle)
    filled = [np.flatnonzero(image.max(1 - axis) > 0) for axis in (0, 1)]
    room = [(-float(line[0]), float(SIDE - 1 - line[-1])) for line in filled]
    for _ in range(2):  # the second time for what the first, by moving along one side, changed along the other
        shift += CENTRE - np.array([image.sum(1) @ index, image.sum(0) @ index]) / image.sum()
        shift[longer] = min(max(round(shift[longer]), shift[longer] - 0.48), shift[longer] + 0.48)
        shift = np.clip(shift, *np.transpose(room))
        image = draw(*(middle + shift))
    return torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32)).view(1, 1, SIDE, SIDE)


def drawn_again(shape: Shape) -> Tensor:
    """The shape at MNIST's size with MNIST's stroke width, as a digit (1, 1, 28, 28)."""
    from scipy import ndimage

    grow, scale = _growth(shape)
    edge = shape.edge + grow
    if grow < 0:  # thinning must not cut a stroke where it was thin
        edge = np.maximum(edge, 0.35 * THINNEST / scale - shape.spine)
    rows, columns = np.flatnonzero((edge > 0).any(1)), np.flatnonzero((edge > 0).any(0))
    tall = np.ptp(rows) >= np.ptp(columns)
    scale = min(scale, OUTLINE_SIDE / (max(np.ptp(rows), np.ptp(columns)) + 1))
    middle = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    index = np.arange(SIDE)

    def draw(row: float, column: float) -> np.ndarray:
        at = np.meshgrid((index - row) / scale + middle[0], (index - column) / scale + middle[1], indexing="ij")
        return grey(ndimage.map_coordinates(edge, at, order=1, mode="nearest") * scale)

    return centred(draw, bool(tall))


def _growth(shape: Shape) -> tuple[float, float]:
    """By how much to move the outline outwards (pixels of the shape), and the scale to the result's pixels.

    Moving it by g makes the strokes `width + 2 g` and the longest side `side + 2 g` long, and the latter becomes
    OUTLINE_SIDE. No more than 0.8 of a width is taken away; what is still too thick then is no stroke but a blob,
    and becomes a dot.
    """
    side = longest_side(shape.edge > 0)
    wanted = min(max(shape.width * OUTLINE_SIDE / side, THINNEST), THICKEST)
    grow = (wanted * side - OUTLINE_SIDE * shape.width) / (2 * OUTLINE_SIDE - 2 * wanted)
    grow = max(grow, -0.4 * shape.width)
    return grow, min(OUTLINE_SIDE / (side + 2 * grow), THICKEST / (shape.width + 2 * grow))


def as_it_is(pixels: np.ndarray) -> Tensor | None:
    """The picture (h, w, 3) as a digit (1, 1, 28, 28) where it is one of MNIST's geometry, of either polarity."""
    if pixels.shape[:2] != (SIDE, SIDE) or np.ptp(pixels, axis=2).max() > 0.02:
        return None
    for ink in (pixels[:, :, 0], 1 - pixels[:, :, 0]):
        frame = np.concatenate((ink[0], ink[-1], ink[:, 0], ink[:, -1]))
        if (frame > 0.1).mean() > 0.25 or ink.max() < 0.5:
            continue
        rows, columns = (np.flatnonzero((ink > 0.1).any(axis)) for axis in (1, 0))
        longest = max(np.ptp(rows), np.ptp(columns)) + 1
        index, weight = np.arange(SIDE), ink * (ink > 0.02)
        off = [abs(weight.sum(axis) @ index / weight.sum() - CENTRE) for axis in (1, 0)]
        if BOX - 1 <= longest <= BOX + 1 and max(off) < 0.75:
            return torch.from_numpy(np.ascontiguousarray(ink)).view(1, 1, SIDE, SIDE)
    return None


def square_around(grey: np.ndarray) -> tuple[np.ndarray, Box]:
    """The square around a picture's light ink (h, w), or around all of it where the ink fills it as MNIST's does.

    Also the box of the picture that is in that square.
    """
    from scipy import ndimage

    side, paper = max(grey.shape), float(np.median(grey))
    before = [(side - extent) // 2 for extent in grey.shape]
    widths = [(first, side - extent - first) for first, extent in zip(before, grey.shape, strict=True)]
    square = np.pad(grey, widths, constant_values=paper)
    whole = Box(0, 0, grey.shape[1], grey.shape[0])
    calm = ndimage.gaussian_filter(square, side / SIDE)
    strong = calm - np.median(calm) > 0.5 * (calm.max() - np.median(calm))
    if not strong.any():  # so narrow a picture that it blurs into one shade
        return square, whole
    longest, middle = longest_side(strong), ndimage.center_of_mass(strong)
    if 0.5 <= longest / side <= 0.9:
        return square, whole
    half = 0.5 * longest * SIDE / BOX
    margin = math.ceil(half)
    padded = np.pad(square, margin, constant_values=paper)
    top, left = (max(0, round(place + margin - half)) for place in middle)
    length = round(2 * half)
    x, y = left - margin - before[1], top - margin - before[0]
    box = Box(x, y, x + length, y + length).within(grey.shape)
    return padded[top : top + length, left : left + length], box


def longest_side(mask: np.ndarray) -> int:
    """Of the box around what is set in (h, w)."""
    return max(int(np.ptp(np.flatnonzero(mask.any(axis)))) + 1 for axis in (0, 1))
