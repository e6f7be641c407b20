"""Rows of ink on a page: which connected pieces of ink stand side by side, top to bottom."""

from typing import NamedTuple

import numpy as np

from .errors import TOO_MUCH, NoDigits

HEIGHT = 32  # pixels of a usual digit in a row that is scaled to be read
MARGIN = 16  # pixels of paper around it
FAINT, STRONG = 0.3, 0.55  # contrast of ink, and of ink that its neighbours may be believed for
WIDEST_GAP = 3.0  # between neighbours of a row, in heights of a digit
SMALLEST = 9  # pixels that the digits of a row must be high
MOST_ROWS = 60  # of a page that are looked at, from the top
MOST_MARKS = 3_000  # connected pieces of ink on a page: dense text has as many, noise more


class Row(NamedTuple):
    """Ink of one row: the contrast (h, w), scaled so that its digits are about HEIGHT high.

    `labels` numbers its connected pieces from 1, int32 (h, w). A point (x, y) of it lies at
    `left + x / scale`, `top + y / scale` on the page. `centre` and `base` are the rows (y) of the digits' middle and
    of their lower end, for each column.
    """

    ink: np.ndarray
    labels: np.ndarray
    left: float
    top: float
    scale: float
    centre: np.ndarray
    base: np.ndarray


def find_rows(contrast: np.ndarray, most: int = MOST_MARKS) -> list[Row]:
    """The rows of a page's ink (h, w), paper 0 and ink 1, from top to bottom.

    Raises NoDigits where there is too much ink, or where the rows have more than `most` pieces as large as digits.
    """
    from scipy import ndimage
    from skimage.filters import apply_hysteresis_threshold

    contrast = _levelled(contrast)
    mask = apply_hysteresis_threshold(contrast, FAINT, STRONG)
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return []
    if count > MOST_MARKS:
        raise NoDigits(TOO_MUCH)
    boxes = np.array([(r.start, c.start, r.stop, c.stop) for r, c in ndimage.find_objects(labels)])
    areas = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    inside = (boxes[:, :2] > 0).all(1) & (boxes[:, 2:] < contrast.shape).all(1)
    upright = (heights >= SMALLEST) & (widths < 6 * heights)
    if not upright.any():
        return []
    candidates = upright & (inside | ~(upright & inside).any())
    usual = _weighted_median(heights[candidates], np.sqrt(areas[candidates]) * heights[candidates])
    digits = np.flatnonzero(candidates & (heights > 0.5 * usual) & (heights < 2.2 * usual))
    rows = [row for group in _grouped(boxes[digits]) if (row := digits[group]).size]
    rows = sorted(rows, key=lambda row: float(boxes[row, 0].mean()))[:MOST_ROWS]
    if sum(map(len, rows)) > most:
        raise NoDigits(TOO_MUCH)
    found = []
    for row in rows:
        small = _belonging(boxes, areas, row, digits)
        found.append(_scaled(contrast, labels, boxes, row, np.concatenate((row, small))))
    return found


def ink_area(contrast: np.ndarray) -> float:
    """How many pixels of a page (h, w) are ink, apart from what reaches its border and from specks."""
    from scipy import ndimage

    labels, count = ndimage.label(_levelled(contrast) > STRONG, np.ones((3, 3)))
    border = np.unique(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    areas[border] = 0
    areas[0] = 0
    return float(areas[areas >= SMALLEST].sum())


def _levelled(contrast: np.ndarray) -> np.ndarray:
    """The contrast with the usual ink at 1: what printed lines or a single dark spot have set is undone."""
    strong = contrast[contrast > STRONG * max(1e-6, float(np.percentile(contrast, 99.5)))]
    return contrast if not len(strong) else contrast / max(0.15, float(np.median(strong)))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _grouped(boxes: np.ndarray) -> list[np.ndarray]:
    """Which of the boxes (n, 4) stand side by side: their positions, row by row."""
    group = np.arange(len(boxes))
    top, left, bottom, right = boxes.T
    heights = bottom - top
    for i in range(len(boxes)):
        overlap = np.minimum(bottom[i], bottom) - np.maximum(top[i], top)
        gap = np.maximum(left, left[i]) - np.minimum(right, right[i])
        near = (overlap > 0.4 * np.minimum(heights, heights[i])) & (gap < WIDEST_GAP * np.maximum(heights, heights[i]))
        for j in np.flatnonzero(near):
            if group[j] != group[i]:
                group[group == group[j]] = group[i]
    return [np.flatnonzero(group == name) for name in np.unique(group)]


def _belonging(boxes: np.ndarray, areas: np.ndarray, row: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Small pieces of ink (points, hyphens, parts of digits) that stand within a row or at its ends."""
    height = float(np.median(boxes[row, 2] - boxes[row, 0]))
    others = np.setdiff1d(np.arange(len(boxes)), digits)
    top, left, bottom, right = boxes[others].T
    first_top, first_left = boxes[row, :2].min(0)
    last_bottom, last_right = boxes[row, 2:].max(0)
    near = (right > first_left - height) & (left < last_right + height)
    near &= (bottom > first_top - 0.15 * height) & (top < last_bottom + 0.2 * height)
    near &= (bottom - top <= 2.2 * height) & (right - left <= 2 * height)
    x = (boxes[row, 1] + boxes[row, 3]) / 2
    found = []
    for number in others[near & (areas[others] > max(4, 0.004 * height * height))]:
        top, left, bottom, right = boxes[number]
        nearest = row[np.argsort(np.abs(x - (left + right) / 2))[:2]]
        low, high = boxes[nearest, 0].min() - 0.15 * height, boxes[nearest, 2].max() + 0.2 * height
        if low < (top + bottom) / 2 < high:
            found.append(number)
    return np.array(found, dtype=int)


def _scaled(contrast: np.ndarray, labels: np.ndarray, boxes: np.ndarray, row: np.ndarray, members: np.ndarray) -> Row:
    """The row cut out and scaled."""
    from scipy import ndimage

    height = _weighted_median(boxes[row, 2] - boxes[row, 0], np.ones(len(row)))
    scale = HEIGHT / height
    margin = MARGIN / scale
    top, left = boxes[members, :2].min(0) - margin
    bottom, right = boxes[members, 2:].max(0) + margin
    shape = round((bottom - top) * scale), round((right - left) * scale)
    area = (
        slice(max(0, int(top) - 2), min(contrast.shape[0], int(bottom) + 3)),
        slice(max(0, int(left) - 2), min(contrast.shape[1], int(right) + 3)),
    )
    patch, own = contrast[area], labels[area]
    belongs = np.isin(own, members + 1)
    near = ndimage.maximum_filter(np.where(belongs, own, 0), 3)
    ink = np.where(belongs | ((near > 0) & (own == 0)), patch, 0)
    if scale < 1:
        ink = ndimage.gaussian_filter(ink, 0.35 / scale)
    y = (np.arange(shape[0]) + 0.5) / scale + top - area[0].start - 0.5
    x = (np.arange(shape[1]) + 0.5) / scale + left - area[1].start - 0.5
    at = np.meshgrid(y, x, indexing="ij")
    ink = ndimage.map_coordinates(ink, at, order=1, mode="constant").clip(0, 1.2).astype(np.float32)
    number = ndimage.map_coordinates(near, at, order=0, mode="constant")
    order = {member + 1: index + 1 for index, member in enumerate(members[np.argsort(boxes[members, 1])])}
    table = np.zeros(labels.max() + 1, np.int32)
    for old, new in order.items():
        table[old] = new
    number = np.where(ink > 0.25, table[number], 0)
    middle = (boxes[row, 1] + boxes[row, 3]) / 2
    columns = x + area[1].start
    return Row(
        ink,
        number,
        left,
        top,
        scale,
        (_trend(middle, (boxes[row, 0] + boxes[row, 2]) / 2, columns) - top) * scale,
        (_trend(middle, boxes[row, 2], columns) - top) * scale,
    )


def _trend(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A straight line through the points (x, y), of which outliers count less, at other x."""
    if len(x) < 3:
        return np.full(len(at), float(np.median(y)))
    weight, fit = np.ones(len(x)), np.zeros(2)
    for _ in range(4):
        fit = np.polyfit(x - x.mean(), y, 1, w=weight)
        off = np.abs(y - np.polyval(fit, x - x.mean()))
        weight = 1 / (1 + off / max(1.0, float(np.median(off))))
    return np.polyval(fit, at - x.mean())
