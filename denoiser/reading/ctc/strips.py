"""A row as a straight strip of fixed height, as the network that reads whole rows takes it."""

import numpy as np
import torch
from torch import Tensor

from ..rows import Row

SIDE = 40  # pixels: height of a strip
SCALE = 0.75  # pixels of a strip per pixel of a scaled row
STEP = 2  # columns of a strip per frame of the network


def strip_of(row: Row) -> Tensor:
    """The row's ink with the middle of its digits along the middle, float32 (SIDE, w) in [0, 1]; w is a multiple of
    STEP."""
    from scipy import ndimage

    width = row.ink.shape[1]
    count = STEP * max(1, round(width * SCALE / STEP))
    x = (np.arange(count) + 0.5) / SCALE - 0.5
    middle = np.interp(x, np.arange(width), row.centre)
    y = middle + ((np.arange(SIDE) + 0.5 - SIDE / 2) / SCALE)[:, None] - 0.5
    ink = ndimage.map_coordinates(row.ink, (y, np.broadcast_to(x, y.shape)), order=1, mode="constant")
    return torch.from_numpy(ink.clip(0, 1).astype(np.float32))


def column_of(frame: float) -> float:
    """The column of the row, from its left edge, at which a frame has its middle."""
    return STEP * (frame + 0.5) / SCALE


def frame_of(column: float) -> float:
    """The frame that has its middle at a column of the row: the inverse of `column_of`."""
    return column * SCALE / STEP - 0.5
