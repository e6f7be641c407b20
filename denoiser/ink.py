"""Strokes or any picture -> one 28 x 28 digit with MNIST's geometry.

Both ways end alike: for each of the 28 x 28 pixel centres the distance to the nearest edge of the ink is known, in
pixels and positive inside, and `_grey` turns it into ink. So the size drawn, the pen and the camera change nothing:
the longest side of the ink is 20 pixels, its centre of mass lies at pixel (14, 14) counted from 0, strokes are about
2.6 pixels wide and fade over 1.4. Knows nothing of models.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .data import SIDE
from .errors import DenoiserError
from .image_decoder import (
    FILES,
    SMALLEST,
    DamagedImage,
    Limits,
    Refused,
    RefusedImage,
    array_pixels,
    decode,
    working_pixels,
)

BOX = 20  # the longest side of MNIST's ink, in pixels that hold any: so in 9,997 of its 10,000 test digits
CENTRE = 14.0  # MNIST's centre of mass, from 0 at the centre of the first pixel: mean 14.00, deviation 0.29

# How MNIST's strokes look across. For 1,500 training digits we took the skeleton at 8 times the size and sought the
# half width and the fade with which clip(0.5 + (half width - distance to the skeleton) / fade, 0, 1) comes nearest to
# the picture: half widths have mean 1.27 (5 to 95 %: 0.8 to 2.0), fades 1.32. The ink per pixel of skeleton is 2.69.
HALF_WIDTH = 1.32
FADE = 1.4

STEP = 0.25  # pixels between samples along a stroke; at this step the scalloped edge is off by less than 0.01
SHORTEST = 0.04  # of the pad's side: what is smaller is a tap, drawn as a dot, and not blown up to 20 pixels
CORNER = math.cos(math.radians(70))  # a sharper turn between two points is a corner, and no curve is led through it
MOST_POINTS = 20_000
REACH = (-1.0, 2.0)  # where a point may lie, in sides of the pad: a captured pointer leaves the pad, but not by far

LARGEST = FILES.pixels  # of an array or an image that is open already
OUTLINE = 160  # pixels on the longer side of the ink while its outline is measured
THINNEST, THICKEST = 2.3, 3.2  # stroke widths that are left alone, in pixels of the result
FAINTEST = 0.06  # contrast between ink and paper below which a picture counts as blank


class InkError(DenoiserError, ValueError):
    """Strokes or a picture that no digit can be made of."""


class BlankInk(InkError):
    """There is no ink."""


class UnreadablePicture(InkError):
    """Not a picture, damaged, or of a size we cannot use."""


NOTHING_DRAWN = "Nothing is drawn yet."
NO_INK = "There is no ink to be seen in that picture."
NO_PICTURE = "That file is not a picture we can read. Try a PNG or JPEG."


# ---- what strokes and pictures share: from the distance to the ink's edge to a digit ----


def _grey(edge_distance: np.ndarray) -> np.ndarray:
    """Ink in [0, 1] from the distance to the edge of the ink, in pixels, positive inside."""
    return np.clip(0.5 + edge_distance / FADE, 0, 1)


# The ink's outline is where its grey is one half; pixels that hold any grey reach FADE / 2 further. Twenty of them
# in a row have their first and last centre 19 apart, and the next ones, which must stay empty, 21.
OUTLINE_SIDE = BOX + 1 - FADE - 0.02


def _centred(draw: Callable[[float, float], np.ndarray], tall: bool) -> Tensor:
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


# ---- strokes ----


def digit_from_strokes(strokes: Sequence[Sequence[Sequence[float]]]) -> Tensor:
    """One digit, float32 (1, 1, 28, 28) in [0, 1], from strokes: lists of (x, y[, seconds[, pressure]]).

    x and y are in units of the pad's side, y downwards; pressure in [0, 1] moves the width a little. Raises BlankInk
    where there is no point, InkError for anything that is not such strokes.
    """
    paths = [_smooth(path) for path in _scaled([_stroke(stroke) for stroke in _checked(strokes)])]
    points = np.concatenate([_curve(path) for path in paths])
    points, tall = _fitted(points)

    def draw(row: float, column: float) -> np.ndarray:
        return _grey(_pen_distance(points, row, column))

    return _centred(draw, tall)


def _checked(strokes) -> list:
    """The strokes that have points; InkError where there are too many points or no strokes at all."""
    if not isinstance(strokes, (list, tuple)) or not all(isinstance(s, (list, tuple, np.ndarray)) for s in strokes):
        raise InkError("A drawing is a list of strokes, and a stroke a list of points.")
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not strokes:
        raise BlankInk(NOTHING_DRAWN)
    count = sum(len(stroke) for stroke in strokes)
    if count > MOST_POINTS:
        raise InkError(f"That drawing has {count:,} points; {MOST_POINTS:,} are the most we take.")
    return strokes


def _stroke(stroke) -> np.ndarray:
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


# ---- pictures ----


def digit_from_image(picture, limits: Limits = FILES) -> Tensor:
    """One digit, float32 (1, 1, 28, 28) in [0, 1], from a picture of any kind, size, colour and polarity.

    `picture` is a PIL image, an array (H, W[, 3 or 4]) of uint8, uint16, bool or float, the bytes of a file, the open
    file, or its path. Files are decoded in a process of its own within `limits`; those of strangers within UPLOADS.
    A 28 x 28 picture that is an MNIST digit already, inverted or not, is taken as it is. Raises BlankInk where
    no ink stands out from its paper, UnreadablePicture where there is no usable picture, InkError for other things.
    """
    pixels = _pixels(picture, limits)
    if (digit := _as_it_is(pixels)) is not None:
        return digit
    return _drawn_again(_shape(_main_ink(_contrast(pixels))))


def framed_from_image(picture, limits: Limits = FILES) -> Tensor:
    """A picture that is noisy already, float32 (1, 1, 28, 28) in [0, 1], light on dark: framed, and nothing else.

    No threshold and no new stroke width: where its noise goes, goes what a denoiser is for. 28 x 28 pixels stay as
    they are; of larger pictures the square around the ink (or the whole, where the ink fills it as MNIST's digits
    fill theirs) is meaned down, which takes some of the noise along. Takes what digit_from_image takes and raises
    what it raises, BlankInk only where all is one shade.
    """
    from skimage.transform import resize_local_mean

    grey = _pixels(picture, limits).mean(axis=2)
    if np.ptp(grey) < FAINTEST:
        raise BlankInk(NO_INK)
    frame = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    if np.median(frame) > 0.5 * (grey.min() + grey.max()):
        grey = 1 - grey
    if grey.shape != (SIDE, SIDE):
        grey = resize_local_mean(_square(grey), (SIDE, SIDE))
    return torch.from_numpy(np.ascontiguousarray(grey, dtype=np.float32)).clamp(0, 1).view(1, 1, SIDE, SIDE)


def _square(grey: np.ndarray) -> np.ndarray:
    """The square around a picture's light ink (h, w), or around all of it where the ink fills it as MNIST's does."""
    from scipy import ndimage

    side, paper = max(grey.shape), float(np.median(grey))
    before = [(side - length) // 2 for length in grey.shape]
    widths = [(first, side - length - first) for first, length in zip(before, grey.shape, strict=True)]
    square = np.pad(grey, widths, constant_values=paper)
    calm = ndimage.gaussian_filter(square, side / SIDE)
    strong = calm - np.median(calm) > 0.5 * (calm.max() - np.median(calm))
    if not strong.any():  # so narrow a picture that it blurs into one shade
        return square
    longest, middle = _longest_side(strong), ndimage.center_of_mass(strong)
    if 0.5 <= longest / side <= 0.9:
        return square
    half = 0.5 * longest * SIDE / BOX
    margin = math.ceil(half)
    padded = np.pad(square, margin, constant_values=paper)
    top, left = (max(0, round(place + margin - half)) for place in middle)
    return padded[top : top + round(2 * half), left : left + round(2 * half)]


class _Shape(NamedTuple):
    """The ink's outline, in the pixels of OUTLINE, as arrays (h, w) with an empty margin all around."""

    edge: np.ndarray  # distance to the edge, positive inside
    spine: np.ndarray  # distance to the strokes' middle; infinite for a blob
    width: float  # of the strokes


def _pixels(picture, limits: Limits) -> np.ndarray:
    """Any picture as float32 (h, w, 3) in [0, 1], no side above 800, upright, ink visible on an opaque ground."""
    if isinstance(picture, Image.Image):
        array = _readable(lambda: _from_pil(picture))
    elif isinstance(picture, np.ndarray) or (hasattr(picture, "__array__") and not isinstance(picture, memoryview)):
        array = _readable(lambda: _from_array(np.asarray(picture)))
    else:
        content = _readable(lambda: _content(picture, limits.file + 1))
        try:
            array = decode(content, limits=limits)
        except RefusedImage as error:
            raise UnreadablePicture(str(error)) from error
        except DamagedImage as error:
            raise UnreadablePicture(NO_PICTURE) from error
    if min(array.shape[:2]) < SMALLEST:
        raise UnreadablePicture(f"That picture is {_size(array)} once read; there is nothing to see in so few.")
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / 255
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    return _composited(array) if array.shape[2] == 4 else array


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]} x {array.shape[0]} pixels"


def _content(source, most: int) -> bytes:
    """The first `most` bytes of a file, given as its path, its bytes, or open."""
    if isinstance(source, (str, Path)):
        with open(source, "rb") as file:
            return file.read(most)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if hasattr(source, "read"):
        if hasattr(source, "seek"):
            source.seek(0)
        return bytes(source.read(most))
    raise InkError(f"A picture is an image, an array, a file or its bytes, not {type(source).__name__}.")


def _readable(read: Callable[[], Any]) -> Any:
    """What `read` returns; whatever Pillow or the file system raises becomes UnreadablePicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except InkError:
        raise
    except Refused as error:
        raise UnreadablePicture(str(error)) from None
    except MemoryError:
        raise UnreadablePicture("That picture takes too much memory to read. Try a smaller one.") from None
    except FileNotFoundError as error:
        raise UnreadablePicture(f"There is no file {error.filename}.") from None
    except Exception as error:  # an image that is open may be decoded only now, and its decoder raises anything
        raise UnreadablePicture(NO_PICTURE) from error


def _refuse_size(width: int, height: int) -> None:
    if width * height > LARGEST:
        raise UnreadablePicture(
            f"That picture is too large: {LARGEST // 1_000_000} million pixels are the most we read."
        )


def _from_pil(image: Image.Image) -> np.ndarray:
    """What `decode` gives, of a PIL image's first or current frame."""
    _refuse_size(*image.size)
    return working_pixels(image)


def _from_array(array: np.ndarray) -> np.ndarray:
    """What `decode` gives, of an array; InkError for arrays that are no picture."""
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.dtype.kind not in "buif":
        raise InkError("An array of a picture has the shape (H, W), (H, W, 3) or (H, W, 4), and numbers in it.")
    if min(array.shape[:2]) < SMALLEST:
        raise UnreadablePicture(f"That picture is only {_size(array)}; there is nothing to see in so few.")
    _refuse_size(*array.shape[1::-1])
    return array_pixels(array)


def _composited(array: np.ndarray) -> np.ndarray:
    """(h, w, 4) laid on a ground on which the ink can be seen, as (h, w, 3).

    Where the opaque part is a sheet with ink on it, the ground is that sheet's colour; where it is the ink itself,
    the ground is white for dark ink and black for light.
    """
    colour, alpha = array[:, :, :3], array[:, :, 3:]
    solid = alpha[:, :, 0] > 0.5
    if not solid.any():
        ground = np.float32(1)
    else:
        usual = np.median(colour[solid], axis=0)
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        share = solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean()
        varied = np.ptp(np.percentile(colour[solid], (1, 99), axis=0), axis=0).max() > 0.2
        ground = usual if varied and share > 0.6 else np.float32(usual.mean() < 0.5)
    return alpha * colour + (1 - alpha) * ground


def _as_it_is(pixels: np.ndarray) -> Tensor | None:
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


def _contrast(pixels: np.ndarray) -> np.ndarray:
    """(h, w): how far each pixel (h, w, 3) is from the paper around it towards the ink; paper near 0, ink near 1.

    Neither dark nor light is presumed: most of a picture is paper, and ink the colour in which the rest departs from
    it furthest. Raises BlankInk where nothing does.
    """
    from scipy import ndimage

    step = max(1, round(max(pixels.shape[:2]) / 160))
    small = _reduced(pixels, step)
    away = small - _paper(small)
    # The colour direction of the strongest departures, turned so that the rarer, larger ones are positive.
    flat = away.reshape(-1, 3)
    direction = np.linalg.eigh((flat * np.square(flat).sum(1, keepdims=True)).T @ flat)[1][:, -1]
    if np.power(flat @ direction, 3).sum() < 0:
        direction = -direction
    ink = pixels @ direction.astype(np.float32)

    # Paper again, now exactly: an opening removes what is lighter than its surroundings (ink, by now) and narrower
    # than 0.4 of the picture, and follows slopes and large shadows.
    level = ndimage.median_filter(small @ direction, 3, mode="nearest")
    size = max(3, round(0.4 * min(level.shape)))
    paper = ndimage.grey_opening(level, (size, size), mode="nearest")
    paper = ndimage.gaussian_filter(paper, 0.02 * max(level.shape), mode="nearest")
    paper = _enlarged(paper, ink.shape, step)
    contrast = ink - paper
    contrast -= np.median(contrast)
    if direction.sum() < 0:  # dark ink takes away a share of the light, so where there is less light it takes less
        light = -paper / max(float(np.median(-paper)), 1e-6)
        contrast /= light.clip(0.3, 3)

    noise = 1.4826 * float(np.median(np.abs(contrast)))
    calm = ndimage.gaussian_filter(contrast, max(0.4, max(ink.shape) / 600)) if noise > 0.005 else contrast
    strong = np.square(calm.clip(0, None).astype(np.float64))
    full = float((strong**2 * calm).sum() / max((strong**2).sum(), 1e-30))  # the mean of the strongest departures
    if full < max(FAINTEST, 4 * noise):
        raise BlankInk(NO_INK)
    return calm / full


def _reduced(array: np.ndarray, step: int) -> np.ndarray:
    """Means over blocks of step x step pixels of (h, w, c); what is left over at the right and below is dropped."""
    if step == 1:
        return array
    rows, columns = max(array.shape[0] // step, 1), max(array.shape[1] // step, 1)
    array = array[: rows * step, : columns * step]
    return array.reshape(rows, array.shape[0] // rows, columns, array.shape[1] // columns, -1).mean((1, 3))


def _enlarged(array: np.ndarray, shape: tuple[int, int], step: int) -> np.ndarray:
    """The inverse of `_reduced` for (h, w), linear between the blocks' centres."""
    from scipy import ndimage

    if step == 1:
        return array
    rows, columns = ((np.arange(length) + 0.5) / step - 0.5 for length in shape)
    return ndimage.map_coordinates(array, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")


def _paper(small: np.ndarray) -> np.ndarray:
    """The paper of (h, w, 3), roughly: a smooth surface, or local medians where hard shadows make it anything but."""
    from scipy import ndimage

    surface = _surface(small)
    off = np.sqrt(np.square(small - surface).sum(2))
    if np.median(off) < 0.05 * np.percentile(off, 99.5):
        return surface
    step = max(1, round(max(small.shape[:2]) / 64))
    coarse = _reduced(small, step)
    size = max(3, round(0.35 * min(coarse.shape[:2])))
    medians = ndimage.median_filter(coarse, (size, size, 1), mode="nearest")
    return np.stack([_enlarged(medians[:, :, c], small.shape[:2], step) for c in range(3)], axis=-1)


def _surface(small: np.ndarray) -> np.ndarray:
    """The paper of (h, w, 3) as a surface of second degree per colour, which ink, as the smaller part, cannot pull."""
    height, width = small.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    basis = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1).reshape(-1, 6)
    flat = small.reshape(-1, 3).astype(np.float64)
    # The frame has more paper in it than the middle has: it counts as another third of the picture.
    frame = np.ones((height, width), dtype=bool)
    frame[1:-1, 1:-1] = False
    base = 1 + frame.ravel() * (height * width / 3 / frame.sum())
    order = np.argsort(flat.mean(1))
    middle = order[np.searchsorted(np.cumsum(base[order]), base.sum() / 2)]
    fit = np.broadcast_to(flat[middle], flat.shape)
    for _ in range(8):
        off = np.sqrt(np.square(flat - fit).sum(1))
        usual = max(0.02, 1.5 * float(np.median(off)))
        weight = base / np.square(1 + np.square(off / usual))
        weighted = basis * weight[:, None]
        fit = basis @ np.linalg.solve(weighted.T @ basis + 1e-9 * weight.sum() * np.eye(6), weighted.T @ flat)
    return fit.reshape(small.shape)


def _main_ink(contrast: np.ndarray) -> np.ndarray:
    """The contrast (h, w) cropped to its main ink, with everything else (specks, shadows at the border) set to 0."""
    from scipy import ndimage
    from skimage.filters import apply_hysteresis_threshold

    mask = apply_hysteresis_threshold(contrast, 0.35, 0.6)
    label, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        raise BlankInk(NO_INK)
    weight = ndimage.sum_labels(contrast, label, np.arange(1, count + 1))
    height, width = mask.shape
    boxes = np.array([(r.start, c.start, r.stop, c.stop) for r, c in ndimage.find_objects(label)])
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    inside = (boxes[:, :2] > 0).all(1) & (boxes[:, 2] < height) & (boxes[:, 3] < width)
    # Shadows, the desk and the sheet's edge reach the border; so does a digit that fills its picture. The border's
    # ink is believed only where there is none of some size inside.
    worthy = inside & (weight > 0.04 * weight.max()) & (sides > 0.08 * max(height, width))
    allowed = inside if worthy.any() else np.ones(count, dtype=bool)
    main = int(np.argmax(np.where(allowed, weight * sides, -1)))
    kept = _neighbours(boxes, allowed & (weight > 0.05 * weight[main]), main)

    ink = np.isin(label, np.flatnonzero(kept) + 1)
    top, left = boxes[kept, :2].min(0)
    bottom, right = boxes[kept, 2:].max(0)
    margin = 3
    area = slice(max(0, top - margin), bottom + margin), slice(max(0, left - margin), right + margin)
    others = ndimage.binary_dilation(mask[area] & ~ink[area], iterations=2) & ~ink[area]
    return np.where(others, 0, contrast[area])


def _neighbours(boxes: np.ndarray, candidates: np.ndarray, main: int) -> np.ndarray:
    """Which of the boxes (n, 4) belong to one drawing with the main one: those not far from it, or from each other."""
    kept = np.zeros(len(boxes), dtype=bool)
    kept[main] = True
    while True:
        low, high = boxes[kept, :2].min(0), boxes[kept, 2:].max(0)
        gap = np.maximum(0, np.maximum(boxes[:, :2] - high, low - boxes[:, 2:])).max(1)
        more = candidates & ~kept & (gap < 0.3 * (high - low).max())
        if not more.any():
            return kept
        kept |= more


def _shape(contrast: np.ndarray) -> _Shape:
    """The outline of the ink in a cropped contrast map (h, w), at OUTLINE pixels on its longer side."""
    from scipy import ndimage
    from skimage.morphology import remove_small_holes, remove_small_objects, skeletonize

    zoom = OUTLINE / max(contrast.shape)
    field = np.pad(contrast, 2)
    if zoom < 1:
        field = ndimage.gaussian_filter(field, 0.4 / zoom)
    rows, columns = (np.arange(0, length - 1, 1 / zoom) for length in field.shape)
    field = ndimage.map_coordinates(field, np.meshgrid(rows, columns, indexing="ij"), order=3 if zoom > 1 else 1)
    field = ndimage.gaussian_filter(field, 1.5)
    # Half of the way from paper to ink, except where strokes are so thin that they never get there.
    mask = field > min(0.45, 0.6 * float(np.percentile(field[field > 0.25 * field.max()], 75)))
    pixel = (OUTLINE / BOX) ** 2
    mask = remove_small_holes(remove_small_objects(mask, max_size=pixel), max_size=pixel // 2)
    if not mask.any():
        raise BlankInk(NO_INK)
    mask = np.pad(mask, OUTLINE // 4)
    edge = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    edge -= 0.5 * np.sign(edge)  # the edge runs between two pixels' centres
    spine = skeletonize(mask)
    width, thickest = 2 * float(np.median(edge[spine])), 2 * float(edge.max())
    if thickest > 0.5 * _longest_side(mask):  # a blob, not strokes
        return _Shape(edge, np.full_like(edge, np.inf), thickest)
    return _Shape(edge, ndimage.distance_transform_edt(~spine), width)


def _longest_side(mask: np.ndarray) -> int:
    """Of the box around what is set in (h, w)."""
    return max(int(np.ptp(np.flatnonzero(mask.any(axis)))) + 1 for axis in (0, 1))


def _drawn_again(shape: _Shape) -> Tensor:
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
        return _grey(ndimage.map_coordinates(edge, at, order=1, mode="nearest") * scale)

    return _centred(draw, tall)


def _growth(shape: _Shape) -> tuple[float, float]:
    """By how much to move the outline outwards (pixels of the shape), and the scale to the result's pixels.

    Moving it by g makes the strokes `width + 2 g` and the longest side `side + 2 g` long, and the latter becomes
    OUTLINE_SIDE. No more than 0.8 of a width is taken away; what is still too thick then is no stroke but a blob,
    and becomes a dot.
    """
    side = _longest_side(shape.edge > 0)
    wanted = min(max(shape.width * OUTLINE_SIDE / side, THINNEST), THICKEST)
    grow = (wanted * side - OUTLINE_SIDE * shape.width) / (2 * OUTLINE_SIDE - 2 * wanted)
    grow = max(grow, -0.4 * shape.width)
    return grow, min(OUTLINE_SIDE / (side + 2 * grow), THICKEST / (shape.width + 2 * grow))
