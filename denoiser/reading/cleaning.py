"""Cleaned pictures: the page with each digit replaced by its cleaned one in place, and the digits side by side."""

import numpy as np
import torch
from torch import Tensor

from ..data import SIDE
from .result import ReadDigit, Reading, clean

INK = 0.12  # brightness of cleaned ink
MARGIN = 0.12  # of a digit's height: paper around it that is cleared of the old ink
CLEAR = 0.12  # contrast of ink that is cleared


def cleaned_strip(reading: Reading) -> Tensor:
    """The cleaned digits side by side, float32 (1, 1, 28 * rows, 28 * columns) in [0, 1], ink 1; a row for each row."""
    clean(reading.digits)
    rows = [[mark.cleaned for mark in row.marks if isinstance(mark, ReadDigit)] for row in reading.rows]
    width = max(map(len, rows))
    blank = torch.zeros(1, 1, SIDE, SIDE)
    return torch.cat([torch.cat(row + [blank] * (width - len(row)), dim=3) for row in rows], dim=2)


def cleaned_page(reading: Reading) -> np.ndarray:
    """The levelled picture with each digit replaced by its cleaned one in place, uint8 (h, w, 3), dark on white."""
    clean(reading.digits)
    page = np.array(reading.paper)
    for digit in reading.digits:
        _clear(page, digit)
    for digit in reading.digits:
        _draw(page, digit)
    return (page.clip(0, 1) * 255).round().astype(np.uint8)


def _clear(page: np.ndarray, digit: ReadDigit) -> None:
    """Make paper of a digit's ink and of what fades around it."""
    from scipy import ndimage

    height = digit.box.bottom - digit.box.top
    zoom = height / max(1, digit.ink.shape[0] - 6)  # the ink has a margin of three pixels
    ink = ndimage.zoom(digit.ink, zoom, order=1)
    reach = max(1, round(MARGIN * height / 4))
    mask = ndimage.binary_dilation(np.pad(ink > CLEAR, reach), iterations=reach)
    top = round(digit.box.top - 3 * zoom) - reach
    left = round(digit.box.left - 3 * zoom) - reach
    area, part = _within(page, top, left, mask.shape)
    page[area][mask[part]] = 1.0


def _draw(page: np.ndarray, digit: ReadDigit) -> None:
    """Draw the cleaned digit over the place of the old one: its ink's box over the other's."""
    from scipy import ndimage

    picture = digit.cleaned[0, 0].numpy()
    rows, columns = np.flatnonzero((picture > 0.3).any(1)), np.flatnonzero((picture > 0.3).any(0))
    if not len(rows):
        return
    zoom = max(
        (digit.box.bottom - digit.box.top) / (np.ptp(rows) + 1),
        (digit.box.right - digit.box.left) / (np.ptp(columns) + 1),
    )
    side = int(np.ceil(SIDE * zoom))
    middle = (digit.box.top + digit.box.bottom) / 2, (digit.box.left + digit.box.right) / 2
    inner = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    top, left = (round(middle[axis] - side / 2) for axis in (0, 1))
    index = np.arange(side) + 0.5
    at = np.meshgrid(
        (index + top - middle[0]) / zoom + inner[0], (index + left - middle[1]) / zoom + inner[1], indexing="ij"
    )
    ink = ndimage.map_coordinates(picture, at, order=1)
    ink = np.clip(0.5 + (ink - 0.45) * max(1.0, 0.7 * zoom), 0, 1)[:, :, None]
    area, part = _within(page, top, left, ink.shape[:2])
    page[area] = page[area] * (1 - ink[part]) + INK * ink[part]


def _within(
    page: np.ndarray, top: int, left: int, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a patch at (top, left) lies on the page, and which part of it does."""
    ends = min(page.shape[0], top + shape[0]), min(page.shape[1], left + shape[1])
    starts = max(0, top), max(0, left)
    area = slice(starts[0], max(starts[0], ends[0])), slice(starts[1], max(starts[1], ends[1]))
    part = (
        slice(starts[0] - top, max(starts[0], ends[0]) - top),
        slice(starts[1] - left, max(starts[1], ends[1]) - left),
    )
    return area, part
