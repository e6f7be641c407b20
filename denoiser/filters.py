"""Classical filters with the models' interface: they see only the noisy picture and estimate the noise themselves.

A filter is a smoother with one parameter, its strength, followed by a gain and an offset: clipping to [0, 1] makes the
background brighter and the ink darker, which no smoother undoes. Strength, gain and offset were tuned once for every
noise kind and factor, on digits of the training set; `denoiser tune` writes them to filters.json.

A filter estimates the noise factor from the picture and uses the parameters for Gaussian noise of that factor. An
oracle, `Filter.tuned(kind, noise_factor)`, is told kind and factor instead; only the evaluation uses it, in rows marked
so.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .noise import NOISES, add_noise, draw_noise
from .recipe import Method, Source
from .record import Record

TABLE = Path(__file__).with_suffix(".json")
KNOTS = (0.0, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.6, 0.7, 0.85, 1.0)  # noise factors with tuned parameters
NORMAL_QUARTILE = 0.6744897501960817  # the median of |N(0, 1)|
DB2_HIGH = (-0.12940952255126, -0.22414386804201, 0.83651630373781, -0.48296291314453)
CLEAN_STROKES = 0.09  # what `estimate_sigma` finds in the strokes of a digit without noise


def median(x: Tensor, strength: Tensor) -> Tensor:
    """The median of 3 x 3 (strength 1) or 5 x 5 pixels (strength 2) around each, a blend in between, borders repeated.

    As in every smoother here, `x` is (B, 1, H, W) in [0, 1] and `strength` (B,) is that of each picture.
    """
    steps = [x]
    for reach in range(1, int(strength.max().ceil().item()) + 1):
        padded = F.pad(x, (reach,) * 4, mode="replicate")
        offsets = [(i, j) for i in range(2 * reach + 1) for j in range(2 * reach + 1)]
        steps.append(_median([padded[..., i : i + x.shape[2], j : j + x.shape[3]] for i, j in offsets]))
    shares = [(1 - (strength - reach).abs()).clamp_min(0).view(-1, 1, 1, 1) for reach in range(len(steps))]
    return reduce(torch.add, (share * picture for share, picture in zip(shares, steps, strict=True)))


def _median(pictures: list[Tensor]) -> Tensor:
    """The median of an odd number of pictures, pixel by pixel, in a seventh of torch.median's time.

    Forgetful selection: among one more than half of all values neither the smallest nor the largest can be the median;
    both are dropped, the next value is added, and so on. Each comparison is of whole pictures.
    """
    half = len(pictures) // 2 + 2
    candidates, rest = pictures[:half], pictures[half:]
    while True:
        for i in range(len(candidates) - 1):  # moves the largest to the end
            _sort(candidates, i)
        for i in range(len(candidates) - 3, -1, -1):  # moves the smallest to the front
            _sort(candidates, i)
        candidates = candidates[1:-1]
        if not rest:
            return candidates[0]
        candidates.append(rest.pop())


def _sort(pictures: list[Tensor], i: int) -> None:
    """Sort pictures i and i + 1 in place, pixel by pixel."""
    first, second = pictures[i], pictures[i + 1]
    pictures[i], pictures[i + 1] = torch.minimum(first, second), torch.maximum(first, second)


def gaussian(x: Tensor, strength: Tensor) -> Tensor:
    """A Gaussian blur with a standard deviation of `strength` pixels, cut off at four of them, borders repeated."""
    reach = int(4 * strength.max().item() + 0.5)
    steps = torch.arange(-reach, reach + 1, device=x.device)
    spread = strength.clamp_min(1e-3).view(-1, 1)
    weight = torch.exp(-0.5 * (steps / spread).square()) * (steps.abs() <= 4 * spread + 0.5)
    weight = weight / weight.sum(dim=1, keepdim=True)

    def matrix(size: int) -> Tensor:
        sources = (torch.arange(size, device=x.device) + steps.view(-1, 1)).clamp(0, size - 1)
        return torch.einsum("bj,jis->bis", weight, F.one_hot(sources, size).to(x.dtype)).unsqueeze(1)

    return matrix(x.shape[2]) @ x @ matrix(x.shape[3]).mT


def _each(x: Tensor, strength: Tensor, denoise: Callable) -> Tensor:
    """scikit-image's `denoise(picture, strength)` on one picture at a time; strength 0 leaves a picture unchanged."""
    pictures = x.detach().cpu().numpy().copy()
    for picture, s in zip(pictures[:, 0], strength.tolist(), strict=True):
        if s > 0:
            picture[:] = denoise(picture, s)
    return torch.from_numpy(pictures).to(x)


def total_variation(x: Tensor, strength: Tensor) -> Tensor:
    """Total variation denoising (Chambolle); `strength` is the weight of the variation."""
    from skimage.restoration import denoise_tv_chambolle

    return _each(x, strength, lambda picture, s: denoise_tv_chambolle(picture, weight=s))


def nonlocal_means(x: Tensor, strength: Tensor) -> Tensor:
    """Non-local means: 5 x 5 patches within 5 pixels; `strength` is h, the distance of similar patches."""
    from skimage.restoration import denoise_nl_means

    return _each(x, strength, lambda picture, s: denoise_nl_means(picture, patch_size=5, patch_distance=5, h=s))


SHIFTS = 4  # in each direction, over which the wavelet filter averages


def wavelet(x: Tensor, strength: Tensor) -> Tensor:
    """BayesShrink on two levels of Haar wavelets for noise of sigma `strength`, averaged over 16 shifts.

    The thresholds are those of skimage.restoration.denoise_wavelet; averaging over shifts removes block artefacts.
    """
    import pywt

    pictures = x.detach().cpu().numpy()[:, 0]
    variance = strength.cpu().numpy().reshape(-1, 1, 1) ** 2

    def shrink(detail: np.ndarray) -> np.ndarray:
        signal = (detail * detail).mean(axis=(1, 2), keepdims=True) - variance
        threshold = variance / signal.clip(1e-12) ** 0.5
        return detail - detail.clip(-threshold, threshold)

    options = {"wavelet": "haar", "mode": "periodization", "axes": (1, 2)}
    height, width = pictures.shape[1:]
    total = torch.zeros(pictures.shape)
    for shift in ((i, j) for i in range(SHIFTS) for j in range(SHIFTS)):
        rolled = torch.roll(torch.from_numpy(pictures), shift, (1, 2)).numpy()
        coarse, *details = pywt.wavedec2(rolled, level=2, **options)
        smooth = pywt.waverec2([coarse, *(tuple(map(shrink, level)) for level in details)], **options)
        smooth = torch.from_numpy(smooth[:, :height, :width])
        total = total + torch.roll(smooth, (-shift[0], -shift[1]), (1, 2))
    return (total / SHIFTS**2).unsqueeze(1).to(x)


def estimate_sigma(x: Tensor) -> Tensor:
    """The standard deviation of the noise in each picture (B,), from its finest diagonal db2 wavelet coefficients.

    The larger of two estimates. One is the median absolute value of all coefficients over that of N(0, 1) (Donoho and
    Johnstone 1994), which sees noise on the background. The other takes only coefficients other than 0, as
    skimage.restoration.estimate_sigma does, minus what the strokes themselves add; it sees noise on the ink alone.
    """

    def mirror(size: int) -> Tensor:
        return torch.tensor([1, 0, *range(size), size - 1, size - 2], device=x.device)

    high = torch.tensor(DB2_HIGH, dtype=x.dtype, device=x.device)
    kernel = torch.outer(high, high).view(1, 1, 4, 4)
    mirrored = [mirror(size) for size in x.shape[2:]]
    size = F.conv2d(x[..., mirrored[0], :][..., mirrored[1]], kernel, stride=2).flatten(1).abs()
    everywhere = size.median(dim=1).values
    occupied = torch.where(size > 1e-6, size, torch.nan).nanmedian(dim=1).values.nan_to_num()
    strokes = ((occupied / NORMAL_QUARTILE).square() - CLEAN_STROKES**2).clamp_min(0).sqrt()
    return torch.maximum(everywhere / NORMAL_QUARTILE, strokes)


def interpolate(at: Tensor, knots: Sequence[float], values: Sequence) -> Tensor:
    """Linear interpolation of `values` (K, ...), given at the K increasing `knots`, at `at` (B,); constant outside."""
    xs = torch.tensor(knots, dtype=at.dtype, device=at.device)
    ys = torch.tensor(values, dtype=at.dtype, device=at.device)
    right = torch.searchsorted(xs, at.contiguous()).clamp(1, len(xs) - 1)
    share = ((at - xs[right - 1]) / (xs[right] - xs[right - 1])).clamp(0, 1)
    share = share.view(-1, *[1] * (ys.dim() - 1))
    return torch.lerp(ys[right - 1], ys[right], share)


@cache
def table() -> dict:
    """The tuned parameters: `sigma` at each of KNOTS, and per filter and kind (strength, gain, offset) at each.

    `digits` is the number of digits they were tuned on.
    """
    return json.loads(TABLE.read_text(encoding="utf-8"))


def fingerprint() -> str:
    """A hash of all that the filters' outputs depend on: this module and its table."""
    return hashlib.sha256(Path(__file__).read_bytes() + TABLE.read_bytes()).hexdigest()


class ClassicalFilter(nn.Module):
    """A filter with the models' interface: pictures (B, 1, H, W) in [0, 1] to the same.

    `rows` are (strength, gain, offset) and `sigma` the estimated sigma of Gaussian noise at each of KNOTS. The noise
    factor is estimated from each picture, unless `noise_factor` is given.
    """

    def __init__(
        self,
        smooth: Callable[[Tensor, Tensor], Tensor],
        rows: Sequence,
        sigma: Sequence[float],
        noise_factor: float | None = None,
    ) -> None:
        super().__init__()
        self.smooth, self.rows, self.sigma, self.noise_factor = smooth, rows, sigma, noise_factor

    def estimate(self, x: Tensor) -> Tensor:
        """The noise factor of each picture (B,): that of Gaussian noise with the estimated sigma after clipping."""
        return interpolate(estimate_sigma(x), self.sigma, KNOTS)

    def forward(self, x: Tensor) -> Tensor:
        given = self.noise_factor
        f = self.estimate(x) if given is None else torch.full((len(x),), given, dtype=x.dtype, device=x.device)
        strength, gain, offset = interpolate(f, KNOTS, self.rows).unbind(dim=1)
        gain, offset = gain.view(-1, 1, 1, 1), offset.view(-1, 1, 1, 1)
        return (self.smooth(x, strength) * gain + offset).clamp(0, 1)


@dataclass(frozen=True)
class Filter:
    """A classical filter: its smoother, the strengths that tuning tries, and how it is presented."""

    name: str
    title: str
    smooth: Callable[[Tensor, Tensor], Tensor]
    strengths: tuple[float, ...]
    source: str
    featured: bool = False

    def build(self) -> ClassicalFilter:
        """The filter, which sees only the noisy picture."""
        return ClassicalFilter(self.smooth, table()["filters"][self.name]["gaussian"], table()["sigma"])

    def tuned(self, kind: str, noise_factor: float) -> ClassicalFilter:
        """The oracle: the same filter with the true noise kind and factor (in [0, 1]) given."""
        return ClassicalFilter(self.smooth, table()["filters"][self.name][kind], table()["sigma"], noise_factor)

    def record(self, oracle: bool = False) -> Record[Method]:
        """A record like a checkpoint's, with what applies to a filter; `oracle` marks the one told the noise."""
        name, title = (f"{self.name}-oracle", f"{self.title}, told the noise") if oracle else (self.name, self.title)
        author, year = self.source.rsplit(" ", 1)
        return Record(Method(name, title, "filter", "denoise", Source(author, int(year), "")), oracle=oracle)


def _steps(low: float, high: float, count: int) -> tuple[float, ...]:
    """0 and `count` strengths in geometric progression from `low` to `high`."""
    return (0.0, *(round(low * (high / low) ** (i / (count - 1)), 4) for i in range(count)))


FILTERS: dict[str, Filter] = {
    f.name: f
    for f in (
        Filter("median", "Median", median, (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0), "Tukey 1977", True),
        Filter("gaussian", "Gaussian blur", gaussian, _steps(0.3, 2.5, 16), "Marr and Hildreth 1980"),
        Filter("tv", "Total variation", total_variation, _steps(0.01, 1.5, 18), "Chambolle 2004"),
        Filter("nlm", "Non-local means", nonlocal_means, _steps(0.02, 1.5, 18), "Buades, Coll and Morel 2005"),
        Filter("wavelet", "Wavelet shrinkage", wavelet, _steps(0.01, 1.5, 18), "Chang, Yu and Vetterli 2000"),
    )
}


def levels(smooth: Tensor, clean: Tensor) -> tuple[float, float]:
    """The gain and offset with which `smooth` has the least squared error against `clean`, before clipping."""
    spread = smooth.var(correction=0).item()
    gain = ((smooth - smooth.mean()) * (clean - clean.mean())).mean().item() / spread if spread else 1.0
    return gain, clean.mean().item() - gain * smooth.mean().item()


@torch.inference_mode()
def tune(clean: Tensor, progress: Callable = lambda rows: rows) -> dict:
    """The table for all FILTERS and NOISES: the parameters of least squared error at each of KNOTS.

    `clean` (N, 1, H, W) in [0, 1] are the digits to tune on; `progress` wraps the list of filters, as tqdm does.
    """
    noisy = {kind: [add_noise(clean, draw_noise(kind, clean.shape, seed=0), f) for f in KNOTS[1:]] for kind in NOISES}

    def best(chosen: Filter, y: Tensor) -> tuple[float, float, float]:
        results = []
        for strength in chosen.strengths:
            smooth = chosen.smooth(y, torch.full((len(y),), strength))
            gain, offset = levels(smooth, clean)
            error = ((smooth * gain + offset).clamp(0, 1) - clean).square().mean().item()
            results.append((error, strength, round(gain, 4), round(offset, 4)))
        return min(results)[1:]

    return {
        "command": "python -m denoiser tune",
        "digits": len(clean),
        "knots": KNOTS,
        "sigma": [0.0, *(round(estimate_sigma(y).median().item(), 4) for y in noisy["gaussian"])],
        "filters": {
            chosen.name: {kind: [(0.0, 1.0, 0.0), *(best(chosen, y) for y in noisy[kind])] for kind in NOISES}
            for chosen in progress(list(FILTERS.values()))
        },
    }
