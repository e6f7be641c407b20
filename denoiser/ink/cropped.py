"""Pictures that end where their digit does: there is no margin of paper that would tell paper from ink.

Every pixel is of one of two shades, each a plane over the picture, as uneven light makes it. Which of them is the ink
follows from their shapes: ink is one thin piece, or few; paper is what that leaves of the corners, sides and holes.
"""

from typing import NamedTuple

import numpy as np

SIDE = 96  # pixels on the longer side while the two shades are told apart
FAINTEST = 0.12  # difference between the two shades, below which there is only one
CLEAREST = 3.5  # the same in standard deviations of the shades themselves
NEAR = 0.12  # of the longer side: so far from the border still counts as touching it
THICKEST = 0.5  # of the longer side; strokes are thinner
BORDER = 0.04  # of the longer side: the band in which a desk or a shadow reaches into the picture
LARGE = 0.04  # of the ink, from which on a piece is no speck
THIRD_SHADE = 0.01  # of the picture, if it is beyond both shades: ink, then, where the two are light and shadow
ROUNDS = 12
RIDGE = 0.02  # keeps the slope of a shade that covers little flat


class Shades(NamedTuple):
    """Which pixels (h, w) of a small picture are of the second shade, and both shades as planes (2, 3)."""

    second: np.ndarray
    planes: np.ndarray


def cropped_ink(pixels: np.ndarray) -> np.ndarray | None:
    """The ink in [0, 1] of a picture (h, w, 3) that is cut tightly around it, with margin; None for other pictures."""
    from scipy import ndimage

    step = max(1, round(max(pixels.shape[:2]) / SIDE))
    calm = ndimage.uniform_filter(pixels, (step, step, 1)) if step > 1 else pixels
    small = calm[step // 2 :: step, step // 2 :: step]
    direction = _direction(small)
    shades = _two_shades(small @ direction)
    if shades is None:
        return None
    masks = [~shades.second, shades.second]
    if not all(_touches_every_side(mask) for mask in masks):
        return None
    ink = int(np.argmin([_unlike_ink(mask) for mask in masks]))
    if not _is_drawing(masks[ink]):
        return None
    base = _basis(pixels.shape[:2])
    levels, paper = base @ shades.planes[ink], base @ shades.planes[1 - ink]
    cover = ((pixels @ direction - paper) / (levels - paper)).clip(0, 1)
    return np.pad(cover, max(4, round(0.2 * max(cover.shape)))).astype(np.float32)


def _direction(small: np.ndarray) -> np.ndarray:
    """The colour direction (3,) in which a picture (h, w, 3) varies most."""
    flat = small.reshape(-1, 3)
    return np.linalg.svd(flat - flat.mean(0), full_matrices=False)[2][0].astype(np.float32)


def _basis(shape: tuple[int, int]) -> np.ndarray:
    """1, x and y at each pixel (h, w, 3), from -1 to 1 across the picture."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    return np.stack((np.ones_like(x), x, y), axis=-1)


def _two_shades(grey: np.ndarray) -> Shades | None:
    """The two shades of (h, w), or None if they are not distinct."""
    from skimage.filters import threshold_otsu

    if np.ptp(grey) < FAINTEST:
        return None
    base = _basis(grey.shape)
    second = grey > threshold_otsu(grey)
    for _ in range(ROUNDS):
        planes = np.stack([_plane(base[mask], grey[mask]) for mask in (~second, second)])
        off = np.abs(grey[..., None] - base @ planes.T)
        changed = off[..., 1] < off[..., 0]
        if not 0.02 < changed.mean() < 0.98:
            return None
        if np.array_equal(changed, second):
            break
        second = changed
    apart = np.abs(base @ (planes[1] - planes[0])).min()
    own = np.where(second, off[..., 1], off[..., 0])
    if apart < max(FAINTEST, CLEAREST * 1.4826 * float(np.median(own))):
        return None
    low, high = np.sort(base @ planes.T, axis=-1).transpose(2, 0, 1)
    if (np.maximum(low - grey, grey - high) > 0.4 * apart).mean() > THIRD_SHADE:
        return None
    return Shades(second, planes)


def _plane(base: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The plane (3,) through values (n,) at places (n, 3)."""
    return np.linalg.solve(base.T @ base + RIDGE * len(base) * np.diag([0, 1, 1]) + 1e-9 * np.eye(3), base.T @ values)


def _touches_every_side(mask: np.ndarray) -> bool:
    """Whether what is set in (h, w) reaches all four borders, or nearly."""
    near = 1 + round(NEAR * max(mask.shape))
    return all(part.any() for part in (mask[:near], mask[-near:], mask[:, :near], mask[:, -near:]))


def _unlike_ink(mask: np.ndarray) -> float:
    """How little the shape of a shade (h, w) is that of ink: its area, its pieces, and the corners that it holds."""
    from scipy import ndimage

    label, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(label.ravel())[1:]
    pieces = int((sizes > 0.005 * mask.size).sum()) if count else 0
    part = max(2, round(0.05 * max(mask.shape)))
    rows, columns = (min(part, length) for length in mask.shape)
    corners = [mask[:rows, :columns], mask[:rows, -columns:], mask[-rows:, :columns], mask[-rows:, -columns:]]
    return float(mask.mean() + 0.12 * pieces + 0.15 * sum(corner.mean() > 0.5 for corner in corners))


def _is_drawing(mask: np.ndarray) -> bool:
    """Whether a shade (h, w) is one drawing: no large blob, and not some of it at the border and some away from it.

    On a photograph the ink is away from the border, and what touches it is a desk or a shadow.
    """
    from scipy import ndimage

    longer = max(mask.shape)
    if 2 * ndimage.distance_transform_edt(np.pad(mask, 1)).max() > THICKEST * longer:
        return False
    band = 1 + round(BORDER * longer)
    label, count = ndimage.label(mask, np.ones((3, 3)))
    frame = label.copy()
    frame[band:-band, band:-band] = 0
    at_border = np.isin(np.arange(1, count + 1), frame)
    is_large = np.bincount(label.ravel(), minlength=count + 1)[1:] > LARGE * mask.sum()
    return not ((at_border & is_large).any() and (~at_border & is_large).any())
