"""Pages of many digits of MNIST's size, denoised one by one: networks that learned from single digits do so better.

Smoothing shows where the digits are. Each of them is framed as MNIST frames digits, freed of its neighbours' ink, and
denoised alone. Pages of other things are denoised as a whole.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..data import SIDE
from .tiles import DIGIT, restore

BLUR = 0.9  # pixels: standard deviation of the smoothing that shows where digits are under noise
ROUGH = 0.05  # median difference of neighbouring pixels, from which on a page is noisy
CLEAR = 5.0  # standard deviations of smoothed noise that full ink departs from paper at least
AROUND = 2  # pixels around a digit's ink that are looked at for its centre
SHIFTS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))  # of a noisy digit's frames
DECISIVE = 0.3  # by how much better a frame must match to weigh e times as much
FARTHEST = 4  # pixels that a centre is moved at once
PASSES = 3  # each finds digits where the one before has denoised them
INK = 0.4  # of an estimate: pixels that belong to a digit
SMALLEST, LARGEST = 7, 25  # pixels on the longer side of a digit
LIGHTEST = 25.0  # ink of a digit; specks of noise have less
GAP = 3  # pixels between parts of one digit
FRAMED = 21  # pixels on the longer side of what is put together from several parts
MOST_PARTS = 5_000  # connected pieces of ink; a photograph has more
SHARE = 0.85  # of a page's ink that must be in digits
CENTRE = 14  # of a framed digit's mass


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
    return torch.cat(
        [_page(model, noisy, found, precision) for noisy, found in zip(x.split(1), whole.split(1), strict=True)]
    )


def _page(model: nn.Module, noisy: Tensor, whole: Tensor, precision: str | None) -> Tensor:
    """One page (1, 1, H, W) with its digits denoised one by one; `whole` is what came of it as a whole."""
    pixels = noisy[0, 0].cpu().numpy()
    estimate = _smoothed(pixels)
    result = whole[0, 0].cpu().numpy()
    for number in range(PASSES):
        owners, count, others = find_digits(estimate)
        if not count:
            break
        shifts = SHIFTS if number == PASSES - 1 and _rough(pixels) > ROUGH else ((0, 0),)
        digits, centres = _denoised(model, pixels, estimate, owners, count, precision, noisy.device, shifts)
        result = estimate = _composed(result, others, owners, digits, centres)
    return torch.from_numpy(np.ascontiguousarray(result, dtype=np.float32))[None, None].to(noisy.device)


def _rough(pixels: np.ndarray) -> float:
    """How far neighbouring pixels of a page (h, w) differ, in the median: 0.1 to 0.3 where there is much noise."""
    return float(np.median(np.abs(np.diff(pixels, axis=1))))


def _smoothed(pixels: np.ndarray) -> np.ndarray:
    """A noisy page (h, w) with paper about 0 and ink about 1; noise is averaged out, and fine strokes blurred."""
    from scipy import ndimage

    rough = _rough(pixels)
    blur = BLUR + 2 * rough
    smooth = ndimage.gaussian_filter(pixels, blur)
    noise = float((pixels - smooth).std()) / (2 * np.sqrt(np.pi) * blur) if rough > ROUGH else 0.0  # that is left
    smooth = smooth - np.median(smooth)
    return (smooth / max(1e-6, CLEAR * noise, float(np.percentile(smooth, 97)))).clip(0, 1)


def _paper_level(pixels: np.ndarray, owners: np.ndarray) -> float:
    """The mean of a page's pixels (h, w) that belong to no digit; 0 where all do."""
    return float(pixels[owners == 0].mean()) if (owners == 0).any() else 0.0


def _centres(pixels: np.ndarray, estimate: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """The centres of mass (count, 2) of digits on a noisy page (h, w), rounded.

    What a network makes of a frame has its centre in the middle, wherever the digit in it is; the noisy ink has not.
    """
    from scipy import ndimage

    numbers = np.arange(1, count + 1)
    distance, nearest = ndimage.distance_transform_edt(owners == 0, return_indices=True)
    around = np.where(distance <= AROUND, owners[tuple(nearest)], 0)
    level = _paper_level(pixels, around)
    rough = np.array(ndimage.center_of_mass(estimate, owners, numbers))
    exact = np.array(ndimage.center_of_mass(pixels - level, around, numbers))
    off = np.where(np.isfinite(exact), exact - rough, 0).clip(-FARTHEST, FARTHEST)
    return (rough + off).round().astype(int)


def _denoised(
    model: nn.Module,
    pixels: np.ndarray,
    estimate: np.ndarray,
    owners: np.ndarray,
    count: int,
    precision: str | None,
    device: torch.device,
    shifts: Sequence[tuple[int, int]],
) -> tuple[np.ndarray, np.ndarray]:
    """Each digit denoised alone (count, 28, 28), and its centre on the page (count, 2); `estimate` is a cleaner one.

    Noise hides where exactly the centre is. So the mean is taken over frames that are shifted by so many rows and
    columns; the better what comes of a frame matches the page, the more it weighs.
    """
    from scipy import ndimage

    centres = _centres(pixels, estimate, owners, count)
    noisy, clean, spread = (np.pad(array, SIDE) for array in (pixels, estimate, ndimage.maximum_filter(owners, 3)))
    level = _paper_level(pixels, owners)
    results, matches = [], []
    for shift in shifts:
        frames = []
        for number, centre in enumerate(centres, 1):
            area = _frame(centre + np.array(shift))
            others = (spread[area] != number) & (spread[area] > 0)
            frames.append(np.where(others, noisy[area] - clean[area], noisy[area]).clip(0, 1))
        batch = torch.from_numpy(np.stack(frames)).float().unsqueeze(1).to(device)
        digits = restore(model, batch, precision)[:, 0].cpu().numpy()
        matches.append(
            ((np.stack(frames) - level) * digits).sum((1, 2)) / np.sqrt(np.square(digits).sum((1, 2)) + 1e-6)
        )
        wide = np.pad(digits, ((0, 0), (1, 1), (1, 1)))
        results.append(wide[:, 1 - shift[0] :, 1 - shift[1] :][:, :SIDE, :SIDE])
    weights = np.exp((np.array(matches) - np.max(matches, axis=0)) / DECISIVE)
    return np.einsum("sn,snij->nij", weights / weights.sum(axis=0), np.array(results)), centres


def _composed(
    whole: np.ndarray, others: np.ndarray, owners: np.ndarray, digits: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    """A page (h, w) of denoised digits, each pixel from the digit nearest to it; `others` are of the whole page."""
    from scipy import ndimage

    rows, columns = ndimage.distance_transform_edt(owners == 0, return_distances=False, return_indices=True)
    nearest = np.pad(owners[rows, columns], SIDE)
    result = np.pad(np.where(others, whole, 0), SIDE)
    for number, (centre, digit) in enumerate(zip(centres, digits, strict=True), 1):
        area = _frame(centre)
        own = nearest[area] == number
        result[area][own] = digit[own]
    return result[SIDE:-SIDE, SIDE:-SIDE]


def _frame(centre: np.ndarray) -> tuple[slice, slice]:
    """The frame of a digit with this centre, on a page with SIDE pixels of padding."""
    row, column = (int(place) + SIDE - CENTRE for place in centre)
    return slice(row, row + SIDE), slice(column, column + SIDE)


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
