"""Strokes of a pen to one digit with MNIST's geometry."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ..data import SIDE
from .errors import NOTHING_DRAWN, BlankInk, InkError
from .framing import HALF_WIDTH, OUTLINE_SIDE, centred, grey

STEP = 0.25  # pixels between samples along a stroke; at this step the scalloped edge is off by less than 0.01
SHORTEST = 0.04  # of the pad's side: what is smaller is a tap, drawn as a dot, and not blown up to 20 pixels
CORNER = math.cos(math.radians(70))  # a sharper turn between two points is a corner, and no curve is led through it
MOST_POINTS = 20_000
REACH = (-1.0, 2.0)  # where a point may lie, in sides of the pad: a captured pointer leaves the pad, but not by far


def digit_from_strokes(strokes: Sequence[Sequence[Sequence[float]]]) -> Tensor:
    """One digit, float32 (1, 1, 28, 28) in [0, 1], from strokes: lists of (x, y[, seconds[, pressure]]).

    x and y are in units of the pad's side, y downwards; pressure in [0, 1] moves the width a little. Raises BlankInk
    where there is no point, InkError for anything that is not such strokes.
    """
    paths = [_smooth(path) for path in _scaled([_stroke(stroke) for stroke in _checked(strokes)])]
    points = np.concatenate([_curve(path) for path in paths])
    points, tall = _fitted(points)

    def draw(row: float, column: float) -> np.ndarray:
        return grey(_pen_distance(points, row, column))

    return centred(draw, tall)


def _checked(strokes: Any) -> list:
    """The strokes that have points; InkError where there are too many points or no strokes at all."""
    if not isinstance(strokes, (list, tuple)) or not all(isinstance(s, (list, tuple, np.ndarray)) for s in strokes):
        raise InkError("A drawing is a list of strokes, and a stroke a list of points.")
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not strokes:
        raise BlankInk(NOTHING_DRAWN)
    count = sum(len(stroke) for stroke in strokes)
    if count > MOST_POINTS:
        raise InkError("That drawing has {0} points; {1} are the most we take.", f"{count:,}", f"{MOST_POINTS:,}")
    return strokes


def _stroke(stroke: Any) -> np.ndarray:
    """A stroke's points as float64 (n, 3): x, y, pressure (0 where the device gives none); InkError for any others."""
    try:
        points = np.asarray(stroke)
    except ValueError:  # points of unequal length: take what all of them have
        try:
            points = np.asarray([point[:2] for point in stroke])
        except (TypeError, ValueError, IndexError, KeyError):
            raise InkError("Each point of a stroke is (x, y), with seconds and pressure if known.") from None
    if points.dtype.kind not in "iuf" or points.ndim != 2 or not 2 <= points.shape[1] <= 4:
        raise InkError("Each point of a stroke is (x, y), with seconds and pressure if known, all of them numbers.")
    if not np.isfinite(points).all():
        raise InkError("A point of that drawing is not a finite number.")
    place = points[:, :2]
    if place.min() < REACH[0] or place.max() > REACH[1]:
        raise InkError("A point of that drawing lies far outside the pad.")
    pressure = points[:, 3:4].clip(0, 1) if points.shape[1] == 4 else np.zeros((len(points), 1))
    return np.hstack((place, pressure)).astype(np.float64)


def _scaled(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Strokes (n, 3) in about the pixels of the result, pressure turned into a half width in pixels.

    Only how pressure varies within the drawing counts, since devices that feel none report 0, 0.5 or 1 throughout.
    """
    every = np.concatenate(strokes)
    low, high = every[:, :2].min(0), every[:, :2].max(0)
    scale = (OUTLINE_SIDE - 2 * HALF_WIDTH) / max((high - low).max(), SHORTEST)
    usual = every[:, 2].mean()
    return [
        np.column_stack(
            ((stroke[:, :2] - low) * scale, HALF_WIDTH * (1 + 0.4 * (stroke[:, 2] - usual)).clip(0.8, 1.25))
        )
        for stroke in strokes
    ]


def _smooth(points: np.ndarray) -> np.ndarray:
    """The stroke (n, 3) with points at least 0.6 pixels of path apart, a trembling hand's jitter averaged out.

    A corner among dense points loses a quarter of a pixel; sparse points stay where they are.
    """
    length = np.hypot(*np.diff(points[:, :2], axis=0).T)
    walked = np.concatenate(([0.0], np.cumsum(length)))
    keep = np.concatenate(([True], np.diff(np.floor(walked / 0.6)) > 0))
    keep[1:-1] &= walked[1:-1] < walked[-1] - 0.3
    keep[-1] = keep[-1] or walked[-1] > 0
    points = points[keep]
    if len(points) < 3:
        return points
    for _ in range(2):
        bend = (points[:-2] - 2 * points[1:-1] + points[2:]) / 4
        gap = np.hypot(*np.diff(points[:, :2], axis=0).T)
        points[1:-1] += bend * (np.maximum(gap[:-1], gap[1:]) < 1.5)[:, None]
    return points


def _curve(points: np.ndarray) -> np.ndarray:
    """Samples (m, 3) every STEP pixels of the centripetal Catmull-Rom curve through a stroke (n, 3); corners stay."""
    way = np.diff(points, axis=0)
    length = np.hypot(way[:, 0], way[:, 1])
    points, way = points[np.concatenate(([True], length > 1e-9))], way[length > 1e-9]
    if not len(way):
        return points[:1]
    length = length[length > 1e-9][:, None]
    # Each piece is a cubic from its start to its end with these velocities; a piece's own direction is the one it
    # has at the stroke's ends and at corners, the centripetal one everywhere else.
    leaving, arriving = way.copy(), way.copy()
    before, after, t0, t1 = way[:-1], way[1:], np.sqrt(length[:-1]), np.sqrt(length[1:])
    velocity = before / t0 - (before + after) / (t0 + t1) + after / t1
    cosine = (before[:, :2] * after[:, :2]).sum(1, keepdims=True) / (length[:-1] * length[1:])
    leaving[1:] = np.where(cosine > CORNER, velocity * t1, after)
    arriving[:-1] = np.where(cosine > CORNER, velocity * t0, before)

    count = np.ceil(length[:, 0] / STEP).astype(int)
    piece = np.repeat(np.arange(len(way)), count)
    t = ((np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)) / count[piece])[:, None]
    start, end = points[:-1][piece], points[1:][piece]
    samples = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * leaving[piece]
        + (3 * t**2 - 2 * t**3) * end
        + (t**3 - t**2) * arriving[piece]
    )
    samples[:, 2] = ((1 - t) * start + t * end)[:, 2]
    return np.concatenate((samples, points[-1:]))


def _fitted(points: np.ndarray) -> tuple[np.ndarray, bool]:
    """Samples (m, 3) scaled so that the ink's longest side is OUTLINE_SIDE, around 0; whether it is taller than wide.

    A tap stays a dot. Of a long scribble only samples an eighth of a pixel apart are kept.
    """
    place, radius = points[:, :2], points[:, 2:]
    scale, longest = 1.0, np.ptp(place, axis=0).max()
    tap = longest < 0.9 * (OUTLINE_SIDE - 2 * HALF_WIDTH)  # else _scaled has already made it about this long
    for _ in range(3):  # the ink's side is the path's plus the pen's width, which does not scale
        low, high = (place * scale - radius).min(0), (place * scale + radius).max(0)
        side = (high - low).max()
        scale = 1.0 if tap else scale * (1 + (OUTLINE_SIDE - side) / max(longest * scale, 1e-9))
    low, high = (place * scale - radius).min(0), (place * scale + radius).max(0)
    points = np.hstack((place * scale - (low + high) / 2, radius))
    if len(points) > 2_000:
        points = points[np.unique(np.round(points[:, :2] * 8).astype(int), axis=0, return_index=True)[1]]
    width, height = high - low
    return points.astype(np.float32), bool(height >= width)


def _pen_distance(points: np.ndarray, row: float, column: float) -> np.ndarray:
    """(28, 28) distance from each pixel's centre to the edge of the strokes (m, 3) painted around a place."""
    index = np.arange(SIDE, dtype=np.float32)
    best = np.full((SIDE, SIDE), -np.inf, dtype=np.float32)
    for part in np.array_split(points, len(points) // 2_000 + 1):
        across = np.square(index - np.float32(column) - part[:, :1])
        down = np.square(index - np.float32(row) - part[:, 1:2])
        distance = np.sqrt(down[:, :, None] + across[:, None, :])
        np.maximum(best, (part[:, 2, None, None] - distance).max(0), out=best)
    return best
