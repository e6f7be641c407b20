"""Pages of many digits of MNIST's size, denoised one by one: networks that learned from single digits do so better.

Smoothing shows where the digits are. Each of them is framed as MNIST frames digits, freed of its neighbours' ink, and
denoised alone. Pages of other things are denoised as a whole.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ..ink.noisiness import count_specks
from .noisy_pages import (
    INK,
    compose,
    denoise_digits,
    explained,
    find_noisy_digits,
    frames_of,
    recentred,
    smoothed,
    spread,
)
from .tiles import DIGIT, restore

BLUR = 0.9  # pixels: standard deviation of the smoothing that shows where digits are under noise
ROUGH = 0.05  # median difference of neighbouring pixels, from which on a page is noisy
SPECKS = 0.007  # share of pixels that stand out from all around them, from which on a page has salt and pepper
VERY_ROUGH = 0.2  # from which on ink no longer hangs together
GREY = 0.3  # median of a noisy picture that is no page of digits, whose paper is darker
PASSES = 3  # each finds digits where the one before has denoised them
SMALLEST, LARGEST = 7, 25  # pixels on the longer side of a digit
LIGHTEST = 25.0  # ink of a digit; specks of noise have less
GAP = 3  # pixels between parts of one digit
FRAMED = 21  # pixels on the longer side of what is put together from several parts
MOST_PARTS = 5_000  # connected pieces of ink; a photograph has more
SHARE = 0.85  # of a page's ink that must be in digits


@torch.inference_mode()
def restore_page(
    model: nn.Module,
    x: Tensor,
    precision: str | None = None,
    progress: Callable[[float], object] = lambda share: None,
) -> Tensor:
    """Denoise pictures (B, 1, H, W) in [0, 1] as `restore` does, and pages of digits among them digit by digit."""
    whole = restore(model, x, precision, progress)
    if max(x.shape[2:]) <= DIGIT or next(model.parameters(), None) is None:  # filters do not know digits
        return whole

    def denoise(frames: np.ndarray) -> np.ndarray:
        return restore(model, torch.from_numpy(frames).unsqueeze(1).to(x.device), precision)[:, 0].cpu().numpy()

    pages = [_page(denoise, *(array[0].cpu().numpy() for array in pair)) for pair in zip(x, whole, strict=True)]
    return torch.from_numpy(np.stack(pages).astype(np.float32)).unsqueeze(1).to(x.device)


def _page(denoise: Callable[[np.ndarray], np.ndarray], noisy: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """One page (h, w) with its digits denoised one by one; `whole` is what came of it as a whole."""
    rough = _rough(noisy)
    if rough > ROUGH and np.median(noisy) > GREY:
        return whole
    if rough > VERY_ROUGH:
        centres = find_noisy_digits(noisy)
        if len(centres):
            page = denoise_digits(denoise, noisy, centres, np.zeros_like(noisy))
            if explained(noisy, page):
                return page
    page, estimate = whole, smoothed(noisy, BLUR + 2 * rough, rough > ROUGH)
    for _ in range(PASSES):
        owners, count, others = find_digits(estimate)
        if not count:
            return page
        centres = recentred(noisy, owners, _centres(estimate, owners, count))
        owners, elsewhere = spread(owners), np.where(others, whole, 0)
        digits = denoise(frames_of(noisy, estimate, owners, centres))
        page = estimate = compose(owners, centres, digits, elsewhere)
    return denoise_digits(denoise, noisy, centres, elsewhere) if rough > ROUGH else page


def _centres(page: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """The centres of mass (count, 2) of digits on a page (h, w)."""
    from scipy import ndimage

    return np.array(ndimage.center_of_mass(page, owners, np.arange(1, count + 1)))


def _rough(pixels: np.ndarray) -> float:
    """How far neighbouring pixels of a page (h, w) differ, in the median: 0.1 to 0.3 where there is much noise.

    Salt and pepper leave most neighbours equal. There it is what Gaussian noise gives that moves pixels as far from the
    medians around them.
    """
    from scipy import ndimage

    rough = float(np.median(np.abs(np.diff(pixels, axis=1))))
    if count_specks(pixels) < SPECKS * pixels.size:
        return rough
    return max(rough, 1.2 * float(np.abs(pixels - ndimage.median_filter(pixels, 3)).mean()))


def find_digits(page: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """The digits of a clean page (h, w), numbered from 1 in an array of its shape; their count; and what other ink is.

    The count is 0 where much of the ink is in things of another size than MNIST's digits. Specks are no ink.
    """
    from scipy import ndimage

    ink = page > INK
    label, count = ndimage.label(ink, np.ones((3, 3)))
    if not 0 < count <= MOST_PARTS:
        return np.zeros_like(label), 0, ink
    boxes = [[r.start, c.start, r.stop, c.stop] for r, c in ndimage.find_objects(label)]
    amount = ndimage.sum_labels(page, label, np.arange(1, count + 1))
    parent = list(range(count))
    order = sorted(range(count), key=lambda k: boxes[k][1])
    for position, one in enumerate(order):  # parts of one digit: close, and together no larger than a digit
        for other in order[position + 1 :]:
            if boxes[other][1] - boxes[one][3] > GAP and boxes[other][1] - boxes[one][1] > FRAMED:
                break
            _join(boxes, parent, one, other)
    sizes = {root: max(boxes[root][2] - boxes[root][0], boxes[root][3] - boxes[root][1]) for root in range(count)}
    masses = np.zeros(count)
    np.add.at(masses, [_root(parent, k) for k in range(count)], amount)
    table = np.zeros(count + 1, int)
    names: dict[int, int] = {}
    others = np.zeros(count + 1, bool)
    for k in range(count):
        root = _root(parent, k)
        if masses[root] < LIGHTEST:
            continue
        if SMALLEST <= sizes[root] <= LARGEST:
            table[k + 1] = names.setdefault(root, len(names) + 1)
        else:
            others[k + 1] = True
    if amount[others[1:]].sum() > (1 - SHARE) * amount[others[1:] | (table[1:] > 0)].sum():
        return np.zeros_like(label), 0, ink
    return table[label], len(names), others[label]


def _join(boxes: list[list[int]], parent: list[int], one: int, other: int) -> None:
    """Make two parts one where they are close and no larger than a digit together."""
    first, second = _root(parent, one), _root(parent, other)
    if first == second:
        return
    a, b = boxes[first], boxes[second]
    gap = max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])
    both = [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]
    if gap < GAP and max(both[2] - both[0], both[3] - both[1]) <= FRAMED:
        parent[second] = first
        boxes[first] = both


def _root(parent: list[int], part: int) -> int:
    while parent[part] != part:
        part = parent[part]
    return part
