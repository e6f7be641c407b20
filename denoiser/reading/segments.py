"""Segments of a row, each of which may be a digit: pieces of ink, cut where digits may touch, and runs of them.

Too many segments are made on purpose; a network judges them and `lattice` chooses.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..data import SIDE
from .rows import HEIGHT, Row

WIDE = 0.72  # of a digit's height: connected ink that is wider may be several digits
MOST_INK = 20.0  # that a cut may go through, in pixels
LEAST_INK = 20.0  # by which two cuts differ
LEAST_SIDE = 60.0  # ink on each side of a cut: a digit has no less
MOST_CUTS = 8  # in ink as wide as a digit is high
CROSSING = 4.0  # ink between two cuts on the wrong side
NEIGHBOURS = 2  # columns on each side in which a cut is the cheapest
HOLE = 0.4  # price of a pixel inside a loop: digits that touch seldom enclose paper, single digits often do
ANCHORS = (0.3, 0.5, 0.7)  # of the ink's height: the rows whose pixels each lie on a path that is tried
SLANTS = (-0.25, 0.0, 0.25, 0.5)  # of cuts: columns to the right per row upwards
DIAGONAL = 0.3  # price of a step to a neighbouring column, beside the slant
WIDEST = round(1.5 * HEIGHT)  # segment
TALLEST = round(2.0 * HEIGHT)
MOST_PIECES = 7
WINDOW = 72  # pixels a side from which a segment is framed
FEATURES = 6
NOWHERE = np.zeros(0)


@dataclass(frozen=True)
class Segments:
    """Segments of a row: runs of its pieces `first` to `last`, both included, int64 (N,).

    `frames` are float32 (N, 2, 28, 28): the segment's ink framed as MNIST frames digits, and the other ink around it
    in the same frame. `features` are float32 (N, FEATURES): size and position within the row. `boxes` are float64
    (N, 4): left, top, right, bottom in pixels of the row. `whole` says which are whole connected pieces of ink.
    `pieces` numbers the pieces from 1, int32 (h, w), and `count` is how many there are.
    """

    first: np.ndarray
    last: np.ndarray
    frames: Tensor
    features: Tensor
    boxes: np.ndarray
    whole: np.ndarray
    pieces: np.ndarray
    count: int


def find_segments(row: Row, middles: np.ndarray = NOWHERE) -> Segments:
    """All segments of a row that may be a mark.

    Connected ink that has several of the columns `middles` (n,), in which marks may have their middles, is always cut
    between them, however much ink there is to cut.
    """
    pieces, parents = _pieces(row, middles)
    count = len(parents)
    boxes = _boxes(pieces, count)
    pairs = []
    for first in range(count):
        for last in range(first, min(count, first + MOST_PIECES)):
            span = boxes[first : last + 1]
            width = span[:, 2].max() - span[:, 0].min()
            height = span[:, 3].max() - span[:, 1].min()
            if last > first and (width > WIDEST or height > TALLEST or _apart(boxes, first, last)):
                break
            pairs.append((first, last))
    firsts, lasts = np.array(pairs, dtype=int).reshape(-1, 2).T
    frames, features, around = _framed(row, pieces, boxes, firsts, lasts)
    changes = np.array([True, *(one != other for one, other in pairwise(parents)), True])
    begins, ends = changes[:-1], changes[1:]
    whole = begins[firsts] & ends[lasts]
    return Segments(firsts, lasts, frames, features, around, whole, pieces, count)


def _apart(boxes: np.ndarray, first: int, last: int) -> bool:
    """Whether the last piece of a run begins so far to the right of the others that they are no one mark."""
    return bool(boxes[last, 0] - boxes[first:last, 2].max() > 0.45 * HEIGHT)


def _boxes(pieces: np.ndarray, count: int) -> np.ndarray:
    """(count, 4): left, top, right, bottom of each piece."""
    from scipy import ndimage

    found = ndimage.find_objects(pieces, count)
    return np.array([(c.start, r.start, c.stop, r.stop) for r, c in found], dtype=float).reshape(-1, 4)


# ---- pieces ----


def _pieces(row: Row, middles: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The row's pieces from left to right, int32 (h, w) from 1, and the connected ink that each is part of."""
    from scipy import ndimage

    found: list[tuple[float, int, np.ndarray, tuple[slice, slice]]] = []
    for label, area in enumerate(ndimage.find_objects(row.labels), 1):
        if area is None:
            continue
        own = row.labels[area] == label
        parts = [own]
        inside = middles[(middles > area[1].start) & (middles < area[1].stop)] - area[1].start
        if len(inside) > 1 or own.shape[1] > WIDE * HEIGHT * min(1.0, max(0.6, own.shape[0] / HEIGHT)):
            parts = _cut(row.ink[area] * own, own, inside)
        for part in parts:
            columns = np.flatnonzero(part.any(0))
            if len(columns) and part.sum() >= 3:
                found.append(
                    (area[1].start + float(np.average(columns, weights=part.sum(0)[columns])), label, part, area)
                )
    found.sort(key=lambda piece: piece[0])
    pieces = np.zeros(row.labels.shape, np.int32)
    for number, (_, _, part, area) in enumerate(found, 1):
        pieces[area][part] = number
    return pieces, [label for _, label, _, _ in found]


def _cut(ink: np.ndarray, own: np.ndarray, middles: np.ndarray) -> list[np.ndarray]:
    """Connected ink (h, w) cut from top to bottom where there is little to cut, and between `middles`, columns (n,),
    in any case: the parts from left to right."""
    from scipy import ndimage

    seams, costs = _seams(ink + HOLE * (ndimage.binary_fill_holes(own) & ~own))
    columns = np.arange(ink.shape[1])
    total = float(ink.sum())
    chosen: list[np.ndarray] = []  # which pixels lie to the right of a cut

    def choose(seam: np.ndarray) -> bool:
        """Cut here, unless that leaves too little ink on a side or is too close to another cut."""
        right = columns >= seam[:, None]
        share = float((ink * right).sum())
        if min(share, total - share) < LEAST_SIDE or not all(_apart_from(ink, right, other) for other in chosen):
            return False
        chosen.append(right)
        return True

    order = np.argsort(costs, kind="stable")
    where = seams.mean(axis=1)
    for left, right in pairwise(middles):
        any(choose(seams[number]) for number in order if left < where[number] < right)
    most = len(chosen) + max(3, round(MOST_CUTS * own.shape[1] / HEIGHT))
    for number in order:
        if costs[number] > MOST_INK or len(chosen) >= most:
            break
        choose(seams[number])
    side = np.sum(chosen, axis=0) if chosen else np.zeros(own.shape, int)
    return [own & (side == number) for number in range(len(chosen) + 1)]


def _apart_from(ink: np.ndarray, right: np.ndarray, other: np.ndarray) -> bool:
    """Whether two cuts, given by what lies to the right of them, differ by enough ink and do not cross."""
    more, less = float((ink * (right & ~other)).sum()), float((ink * (other & ~right)).sum())
    return more + less >= LEAST_INK and min(more, less) <= CROSSING


def _seams(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paths from top to bottom through ink (h, w): columns (n, h), and what each costs: mostly the ink on it.

    For each slant, the cheapest path through each pixel of some rows that keeps to the slant as far as that pays.
    """
    height, width = ink.shape
    found = []
    for slant in SLANTS:
        shift = np.round(slant * (height / 2 - np.arange(height))).astype(int)
        reach = int(np.abs(shift).max())
        upright = np.zeros((height, width + 2 * reach), ink.dtype)
        for y in range(height):
            upright[y, reach - shift[y] : reach - shift[y] + width] = ink[y]
        paths, costs = _upright_seams(upright)
        found.append((paths - reach + shift, costs))
    return np.concatenate([paths for paths, _ in found]), np.concatenate([costs for _, costs in found])


def _upright_seams(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`_seams` of ink that is not slanted."""
    from scipy import ndimage

    height, width = ink.shape
    price = ink + 0.02  # a longer path costs a little
    down, came = _cheapest(price)
    up, goes = (values[::-1] for values in _cheapest(price[::-1]))
    seams, costs = [], []
    start = np.arange(width)
    for row in sorted({round(share * (height - 1)) for share in ANCHORS}):
        path = np.zeros((width, height), int)
        at = start
        for y in range(row, -1, -1):
            path[:, y] = at
            at = at + came[y, at]
        at = start
        for y in range(row, height):
            path[:, y] = at
            at = at + goes[y, at]
        cost = (down + up - price)[row]
        lowest = cost <= ndimage.minimum_filter1d(cost, 2 * NEIGHBOURS + 1) + 1e-6
        seams.append(path[lowest])
        costs.append(cost[lowest])
    return np.concatenate(seams), np.concatenate(costs)


def _cheapest(price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least price of a path from the top to each pixel (h, w), and by how many columns its last step came."""
    best, came = price.copy(), np.zeros(price.shape, int)
    width = price.shape[1]
    for y in range(1, len(price)):
        options = np.full((3, width), np.inf)
        options[0, 1:] = best[y - 1, :-1] + DIAGONAL
        options[1] = best[y - 1]
        options[2, :-1] = best[y - 1, 1:] + DIAGONAL
        step = options.argmin(0)
        came[y] = step - 1
        best[y] = price[y] + options[step, np.arange(width)]
    return best, came


# ---- frames ----


def _framed(
    row: Row, pieces: np.ndarray, boxes: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[Tensor, Tensor, np.ndarray]:
    """Frames (N, 2, 28, 28), features (N, FEATURES) and boxes (N, 4) of runs of pieces."""
    from scipy import ndimage

    if not len(first):
        return torch.zeros(0, 2, SIDE, SIDE), torch.zeros(0, FEATURES), np.zeros((0, 4))
    # Pixels beside the ink, where it fades, belong to the piece next to them.
    near = np.where(pieces > 0, pieces, ndimage.maximum_filter(pieces, 3))
    pad = WINDOW // 2
    ink = np.pad(row.ink, pad)
    near = np.pad(near, pad)
    around = np.array(
        [(*boxes[i : j + 1, :2].min(0), *boxes[i : j + 1, 2:].max(0)) for i, j in zip(first, last, strict=True)]
    )
    middle = (around[:, :2] + around[:, 2:]) / 2
    corner = np.floor(middle).astype(int)  # of the window, in the padded row
    x, y = corner.T
    index = np.arange(WINDOW)
    at = (y[:, None, None] + index[:, None], x[:, None, None] + index)
    windows, owner = ink[at], near[at]
    own = (owner > first[:, None, None]) & (owner <= last[:, None, None] + 1)
    mine = torch.from_numpy(np.where(own, windows, 0)).float()
    other = torch.from_numpy(np.where(own, 0, windows)).float()
    mass = mine.sum((1, 2)).clamp(min=1e-6)
    axis = torch.arange(WINDOW, dtype=torch.float32)
    centre_x, centre_y = (mine.sum(1) @ axis) / mass, (mine.sum(2) @ axis) / mass
    sides = torch.from_numpy(around[:, 2:] - around[:, :2]).float()
    zoom = 20 / sides.max(1).values.clamp(min=3)
    # Frame pixel (i, j) shows the window at centre + ((j, i) - 14) / zoom, in pixels.
    half = (WINDOW - 1) / 2
    theta = torch.zeros(len(first), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = (SIDE / 2) / zoom / (WINDOW / 2)
    shift = (SIDE - 1) / 2 - 14
    theta[:, 0, 2] = (centre_x + shift / zoom - half) / (WINDOW / 2)
    theta[:, 1, 2] = (centre_y + shift / zoom - half) / (WINDOW / 2)
    both = torch.stack((mine, other), dim=1)
    grid = F.affine_grid(theta, [len(first), 2, SIDE, SIDE], align_corners=False)
    frames = F.grid_sample(both, grid, align_corners=False).clamp_(0, 1)
    columns = middle[:, 0].astype(int).clip(0, len(row.centre) - 1)
    features = np.stack(
        (
            (around[:, 2] - around[:, 0]) / HEIGHT,
            (around[:, 3] - around[:, 1]) / HEIGHT,
            (middle[:, 1] - row.centre[columns]) / HEIGHT,
            (around[:, 3] - row.base[columns]) / HEIGHT,
            mass.numpy() / HEIGHT**2 * 4,
            (last - first) / MOST_PIECES,
        ),
        axis=1,
    )
    return frames, torch.from_numpy(features).float(), around
