"""Unevenly lit paper made even, and how far each pixel is from it towards the ink."""

import numpy as np

from ..ink import NO_INK, BlankInk

COARSE = 320  # pixels on the longer side of the picture in which the paper is estimated
STROKE = 0.12  # of the longer side: strokes are narrower
DARKEST = 0.06  # brightness of paper
FAINTEST = 0.08  # contrast of ink
CLEAR = 4.0  # standard deviations of noise that ink departs from paper
BLURS = (1.0, 1.5, 2.0, 2.5)  # pixels: smoothing that is tried where noise hides the ink


def levelled(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture (h, w, 3) on white paper that is evenly lit, and its contrast (h, w): paper about 0, ink about 1.

    Light ink on dark paper comes out dark on white. Raises BlankInk where there is no ink.
    """
    from scipy import ndimage

    step = max(1, round(max(pixels.shape[:2]) / COARSE))
    small = ndimage.uniform_filter(pixels, (step, step, 1), mode="nearest")[step // 2 :: step, step // 2 :: step]
    size = max(3, round(STROKE * max(small.shape[:2])))
    if _light_on_dark(small.mean(axis=2)):
        pixels, small = 1 - pixels, 1 - small
    # Closing removes what is darker than its surroundings and narrow; the edges of shadows stay where they are.
    paper = np.stack([ndimage.grey_closing(small[:, :, c], (size, size), mode="nearest") for c in range(3)], axis=-1)
    paper = ndimage.median_filter(paper, (3, 3, 1), mode="nearest")
    rows, columns = ((np.arange(length) - step // 2) / step for length in pixels.shape[:2])
    at = np.meshgrid(rows, columns, indexing="ij")
    whole = np.stack([ndimage.map_coordinates(paper[:, :, c], at, order=1, mode="nearest") for c in range(3)], axis=-1)
    even = (pixels / np.maximum(whole, DARKEST)).clip(0, 1).astype(np.float32)
    return even, _contrast(even)


def _light_on_dark(grey: np.ndarray) -> bool:
    """Whether what departs most from its surroundings, of which most is paper, is lighter than they are."""
    from scipy import ndimage

    step = max(1, round(max(grey.shape) / 128))
    small = ndimage.uniform_filter(grey, step, mode="nearest")[step // 2 :: step, step // 2 :: step]
    away = small - ndimage.median_filter(small, max(3, round(0.14 * max(small.shape))), mode="nearest")
    return bool(np.power(away, 3).sum() > 0)


def _contrast(even: np.ndarray) -> np.ndarray:
    """The contrast (h, w) of ink on white paper (h, w, 3), in the colour in which the ink departs from it furthest."""
    from scipy import ndimage

    away = 1 - even
    away -= np.median(away, axis=(0, 1))
    flat = away[::2, ::2].reshape(-1, 3).clip(0, None)
    direction = np.linalg.eigh((flat * np.square(flat).sum(1, keepdims=True)).T @ flat)[1][:, -1]
    contrast = away @ (direction * np.sign(direction.sum())).astype(np.float32)
    noise = _noise(contrast)
    if noise > 0.005:
        contrast = ndimage.gaussian_filter(contrast, max(0.4, max(contrast.shape) / 900))
    smooth, full = contrast, _strongest(contrast)
    for blur in BLURS:
        if full >= CLEAR * noise:
            break
        smooth = ndimage.gaussian_filter(contrast, blur)
        noise, full = _noise(smooth), _strongest(smooth)
    if full < max(FAINTEST, CLEAR * noise):
        raise BlankInk(NO_INK)
    return smooth / full


def _noise(contrast: np.ndarray) -> float:
    """The standard deviation of noise, from what is lighter than paper: ink and printed lines are darker."""
    return 1.4826 * float(np.median(np.abs(contrast[contrast <= 0])))


def _strongest(contrast: np.ndarray) -> float:
    """The mean of the strongest departures from paper."""
    strong = np.square(contrast.clip(0, None).astype(np.float64))
    return float((strong**2 * contrast).sum() / max((strong**2).sum(), 1e-30))
