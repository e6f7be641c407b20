"""The ink in a picture: how far each pixel is from its paper, which of that is the drawing, and its outline."""

import numpy as np

from .errors import NO_INK, BlankInk
from .framing import BOX, Box, Shape, longest_side

OUTLINE = 160  # pixels on the longer side of the ink while its outline is measured
UNEVEN = 0.06  # difference between the lightest and the darkest paper, from which on a noisy picture is levelled
FAINTEST = 0.06  # contrast between ink and paper below which a picture counts as blank


def contrast_of(pixels: np.ndarray) -> np.ndarray:
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


def levelled(grey: np.ndarray) -> np.ndarray:
    """A picture (h, w) on paper that is lit unevenly: its paper 0 or 1, its ink the other. Other pictures unchanged."""
    step = max(1, round(max(grey.shape) / 96))
    small = _reduced(np.repeat(grey[:, :, None], 3, axis=2), step)
    paper = _paper(small)[:, :, 0]
    noise = float(np.percentile(np.abs(small[:, :, 0] - paper), 75))  # ink covers less than a quarter
    if np.ptp(paper) < max(UNEVEN, 2.5 * noise):  # what little there is may be the noise
        return grey
    away = grey - _enlarged(paper, grey.shape, step)
    calm = small[:, :, 0] - paper
    low, high = np.percentile(calm, (0.5, 99.5))
    if max(-low, high) < FAINTEST:  # nothing but paper
        return grey
    dark = -low > high
    return (1 + away / -low if dark else away / high).clip(0, 1)


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


def main_ink(contrast: np.ndarray) -> tuple[np.ndarray, Box]:
    """The contrast (h, w) cropped to its main ink, with everything else (specks, shadows at the border) set to 0.

    Also the box to which it was cropped.
    """
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
    box = Box(left - margin, top - margin, right + margin, bottom + margin).within(contrast.shape)
    area = slice(box.top, box.bottom), slice(box.left, box.right)
    others = ndimage.binary_dilation(mask[area] & ~ink[area], iterations=2) & ~ink[area]
    return np.where(others, 0, contrast[area]), box


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


def shape_of(contrast: np.ndarray) -> Shape:
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
    if thickest > 0.5 * longest_side(mask):  # a blob, not strokes
        return Shape(edge, np.full_like(edge, np.inf), thickest)
    return Shape(edge, ndimage.distance_transform_edt(~spine), width)
