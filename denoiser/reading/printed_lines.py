"""Rules, squares and boxes printed on paper: found as long, thin, nearly straight runs of ink, and taken out.

Lines are nearly horizontal or nearly vertical, as on a sheet that was photographed upright. Where a pen crosses a line,
its ink stays.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

VISIBLE = 0.18  # contrast from which a pixel may belong to a printed line
INK = 0.4  # contrast of ink that goes on beyond a line
LONG = 0.3  # of the picture's longer side: a line of this length is printed
STRAIGHT = 0.03  # of a line's length: as far as it may bend
STEEPEST = 4  # a line moves by a pixel in so many, at most


class Line(NamedTuple):
    """A printed line: the pixels `start` to `stop` along it, its offset across at each, and its thickness."""

    start: int
    stop: int
    across: np.ndarray
    thickness: float
    strength: float


def without_lines(contrast: np.ndarray) -> np.ndarray:
    """The contrast (h, w), paper 0 and ink 1, with printed lines set to 0."""
    height, width = contrast.shape
    mask = contrast > VISIBLE
    long = LONG * max(height, width)
    across, down = path_lengths(mask), path_lengths(mask.T)
    horizontal = _lines(contrast, across, min(long, 0.8 * width), mask)
    vertical = _lines(contrast.T, down, long if height > long else 0.93 * height, mask.T)
    if height <= long and len(vertical) < 3:  # a single tall digit may fill a low picture; squares have many lines
        vertical = []
    boxes_across, boxes_down = _boxes(mask, across, down)
    horizontal += _lines(contrast, np.where(boxes_across, across, 0), 1, mask)
    vertical += _lines(contrast.T, np.where(boxes_down, down.T, 0).T, 1, mask.T)
    if len(horizontal) >= 2 and len(vertical) < 3:
        vertical += _between(contrast, horizontal, down, mask)
    # Whether a pen crosses a line is seen where the lines that cross it are gone.
    no_vertical, no_horizontal = contrast.copy(), contrast.copy()
    for line in vertical:
        _erase(no_vertical.T, None, line)
    for line in horizontal:
        _erase(no_horizontal, None, line)
    cleaned = contrast.copy()
    for line in horizontal:
        _erase(cleaned, no_vertical, line)
    for line in vertical:
        _erase(cleaned.T, no_horizontal.T, line)
    return cleaned


def path_lengths(mask: np.ndarray) -> np.ndarray:
    """For each set pixel of (h, w) the length of the longest nearly horizontal path of set pixels through it.

    A path goes from column to column; every STEEPEST columns it may move by a row. Gaps of one pixel are bridged.
    """
    closed = mask.copy()
    closed[:, 1:-1] |= mask[:, :-2] & mask[:, 2:]
    columns = np.ascontiguousarray(closed.T)
    lengths = np.zeros(columns.shape, np.int32)
    for order in (range(len(columns)), range(len(columns) - 1, -1, -1)):
        run = np.zeros(columns.shape[1], np.int32)
        for number in order:
            if number % STEEPEST == 0:
                moved = run.copy()
                np.maximum(moved[1:], run[:-1], out=moved[1:])
                np.maximum(moved[:-1], run[1:], out=moved[:-1])
                run = moved
            run = (run + 1) * columns[number]
            lengths[number] += run
    return np.where(mask, lengths.T - 1, 0)


def _lines(contrast: np.ndarray, lengths: np.ndarray, least: float, mask: np.ndarray) -> list[Line]:
    """The nearly horizontal lines whose paths are at least so long."""
    from scipy import ndimage

    label, _ = ndimage.label(lengths >= max(least, 1), np.ones((3, 3)))
    lines: list[Line] = []
    for number, area in enumerate(ndimage.find_objects(label), 1):
        found = label[area] == number
        line = _line(found, area, contrast, mask)
        if line is not None:
            lines.append(line)
    return lines


def _line(found: np.ndarray, area: tuple[slice, slice], contrast: np.ndarray, mask: np.ndarray) -> Line | None:
    """The thin line along the pixels `found` in an area; None where they are no line."""
    columns = np.flatnonzero(found.any(0))
    if len(columns) < 5:
        return None
    thick = np.median(found.sum(0)[columns])
    if thick > max(4.0, 0.08 * len(columns)):
        return None
    index = np.arange(found.shape[0])[:, None]
    centre = (index * found).sum(0)[columns] / found.sum(0)[columns]
    weight = np.ones(len(columns))
    x = (columns - columns.mean()) / max(1, len(columns))
    powers = np.vander(x, 3 if len(columns) > 40 else 2)
    fit = np.zeros(1)
    for _ in range(4):  # least squares, in which outliers count less; np.polyfit takes ten times as long
        weighted = powers * np.square(weight)[:, None]
        fit = np.linalg.solve(weighted.T @ powers, weighted.T @ centre)
        off = np.abs(centre - powers @ fit)
        weight = 1 / (1 + np.square(off / max(1.0, 0.5 * thick)))
    near = off < max(1.5, 0.75 * thick)
    bend = abs(fit[0]) / 4 if len(fit) == 3 else 0.0  # pixels between the line's middle and its ends, across
    if bend > max(2.0, STRAIGHT * len(columns)):
        return None
    if near.mean() < 0.6:
        return None
    whole = (np.arange(found.shape[1]) - columns.mean()) / max(1, len(columns))
    across = area[0].start + np.polyval(fit, whole)
    at = across.round().astype(int).clip(0, contrast.shape[0] - 1)
    strength = float(np.median(contrast[at, np.arange(area[1].start, area[1].stop)]))
    return Line(area[1].start, area[1].stop, across, float(np.median(found.sum(0)[columns][near])), strength)


def _erase(cleaned: np.ndarray, strokes: np.ndarray | None, line: Line) -> None:
    """Set the line's pixels to 0 in `cleaned`, except where one of the strokes (h, w), if given, crosses it."""
    reach = line.thickness / 2 + 1.2
    height = cleaned.shape[0]
    start, stop = line.start, line.stop
    columns = np.arange(start, stop)
    crossed = np.zeros(len(columns), bool)
    if strokes is not None:
        above, below = (
            strokes[(line.across + side * (reach + 0.8)).round().astype(int).clip(0, height - 1), columns] > INK
            for side in (-1, 1)
        )
        crossed = _near(above) & _near(below)
    darker = line.strength + 0.55 * max(0.0, 1 - line.strength)
    for step in range(-int(np.ceil(reach)), int(np.ceil(reach)) + 1):
        rows = (line.across + step).round().astype(int)
        inside = (np.abs(rows - line.across) <= reach) & (rows >= 0) & (rows < height) & ~crossed
        r, c = rows[inside], columns[inside]
        if strokes is not None and line.strength < 0.7:  # a pale line under a darker pen
            pale = cleaned[r, c] < darker
            r, c = r[pale], c[pale]
        cleaned[r, c] = 0


def _near(found: np.ndarray) -> np.ndarray:
    """Where (n,) is set, or a neighbour is."""
    wide = found.copy()
    wide[1:] |= found[:-1]
    wide[:-1] |= found[1:]
    return wide


def _boxes(mask: np.ndarray, across: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels belong to the horizontal and which to the vertical sides of single boxes, (h, w) each.

    `down` is transposed, as path_lengths gave it.
    """
    from scipy import ndimage

    horizontal, vertical = np.zeros(mask.shape, bool), np.zeros(mask.shape, bool)
    label, _ = ndimage.label(mask, np.ones((3, 3)))
    for number, area in enumerate(ndimage.find_objects(label), 1):
        height, width = area[0].stop - area[0].start, area[1].stop - area[1].start
        if min(height, width) < 12 or max(height, width) > 4 * min(height, width):
            continue
        own = label[area] == number
        wide = own & (across[area] >= 0.78 * width)
        tall = own & (down.T[area] >= 0.78 * height)
        edge_rows, edge_columns = max(3, height // 5), max(3, width // 5)
        corner = max(3, round(0.12 * min(height, width)))
        corners = [
            own[rows, columns].any()
            for rows in (slice(corner), slice(-corner, None))
            for columns in (slice(corner), slice(-corner, None))
        ]
        if (
            all(corners)
            and wide[:edge_rows].any()
            and wide[-edge_rows:].any()
            and tall[:, :edge_columns].any()
            and tall[:, -edge_columns:].any()
        ):
            wide[edge_rows:-edge_rows] = False
            tall[:, edge_columns:-edge_columns] = False
            horizontal[area] |= wide
            vertical[area] |= tall
    return horizontal, vertical


def _between(contrast: np.ndarray, horizontal: list[Line], down: np.ndarray, mask: np.ndarray) -> list[Line]:
    """The vertical sides of boxes in a strip: lines that lead from one horizontal line to the next.

    `down` is transposed, as path_lengths gave it.
    """
    found = np.zeros(mask.shape, bool)
    order = sorted(horizontal, key=lambda line: float(line.across.mean()))
    for upper, lower in pairwise(order):
        start, stop = max(upper.start, lower.start), min(upper.stop, lower.stop)
        if stop - start < 8:
            continue
        top = upper.across[start - upper.start : stop - upper.start]
        bottom = lower.across[start - lower.start : stop - lower.start]
        gap = float((bottom - top).mean())
        if gap < 12:
            continue
        rows = np.arange(mask.shape[0])[:, None]
        inside = (rows > top + 1) & (rows < bottom - 1)
        sides = inside & (down.T[:, start:stop] >= 0.93 * (bottom - top)) & mask[:, start:stop]
        ends = round(0.2 * gap)
        if sides[:, :ends].any() and sides[:, -ends:].any():  # a strip of boxes ends with sides, ruled paper does not
            found[:, start:stop] |= sides
    return _lines(contrast.T, np.where(found, down.T, 0).T, 1, mask.T)
