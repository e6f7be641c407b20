"""Noise as a fixed field that is drawn once from a seed and then only scaled by the noise factor.

Every kind has one parameter, the noise factor f, from 0 (untouched) to 1 (a person can barely read the digit). The
field does not depend on f, so changing f draws nothing again. Knows nothing of models.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Noise:
    """A kind of noise: `draw(shape, generator)` gives a field of that shape, `apply(x, field, f)` the noisy picture.

    The page shows `label` and `meaning`.
    """

    label: str
    meaning: str
    draw: Callable[[Sequence[int], torch.Generator], Tensor]
    apply: Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class NoiseField:
    """One draw of a kind; `values` has the shape (B, 1, H, W) of the pictures it is for."""

    kind: str
    values: Tensor


def _normal(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, device=generator.device)


def _uniform(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.rand(*shape, generator=generator, device=generator.device)


def _signed_uniform(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return _uniform(shape, generator).mul_(2).sub_(1)


def _gaussian(x: Tensor, field: Tensor, f: Tensor) -> Tensor:
    return x + f * field


def _salt_and_pepper(x: Tensor, field: Tensor, f: Tensor) -> Tensor:
    # A pixel is lost once p exceeds the field's absolute value, and its sign decides between salt and pepper: pixels
    # lost at one noise factor stay lost at all higher ones.
    p = 0.7 * f
    return torch.where(field.abs() < p, (field > 0).to(x.dtype), x)


def _speckle(x: Tensor, field: Tensor, f: Tensor) -> Tensor:
    return x * (1 + 1.5 * f * field)


EXACT_RATE = 64.0  # photons up to which quantiles are exact sums; above, the Cornish-Fisher error is below 0.02


def _poisson(x: Tensor, field: Tensor, f: Tensor) -> Tensor:
    """Photon counts with a mean of 1 / f^2 at full ink: the Poisson quantiles at the uniform field, times f^2."""
    square = f.square().clamp_min(1e-8)
    rate = (x / square).clamp_min(0)
    few = rate.clamp_max(EXACT_RATE)
    highest = few.max().item()
    mass = torch.exp(-few)
    cumulative = mass.clone()
    count = torch.zeros_like(rate)
    for k in range(1, math.ceil(highest + 9 * math.sqrt(highest)) + 2):
        count += field > cumulative
        mass = mass * few / k
        cumulative += mass
    z = torch.special.ndtri(field.clamp(1e-6, 1 - 1e-6))
    many = (rate + rate.sqrt() * z + (z.square() - 1) / 6).round().clamp_min(0)
    return torch.where(rate > EXACT_RATE, many, count) * square


def _distance_from_centre(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Each pixel's Chebyshev distance from a random point in the middle half of its picture."""
    batch, _, height, width = shape
    row, column = _uniform((2, batch, 1, 1, 1), generator) * 0.5 + 0.25
    rows = torch.arange(height, device=generator.device).view(1, 1, -1, 1)
    columns = torch.arange(width, device=generator.device).view(1, 1, 1, -1)
    return torch.maximum((rows - row * (height - 1)).abs(), (columns - column * (width - 1)).abs())


def _block_out(x: Tensor, field: Tensor, f: Tensor) -> Tensor:
    # A square with sides of 16 f pixels; those at its border fade gradually, so that it grows smoothly.
    return x * (1 - (8 * f + 0.5 - field).clamp(0, 1) * (f > 0))


NOISES: dict[str, Noise] = {
    "gaussian": Noise("Gaussian", "every pixel turns randomly lighter or darker", _normal, _gaussian),
    "salt-and-pepper": Noise("Salt and pepper", "some pixels turn white or black", _signed_uniform, _salt_and_pepper),
    "speckle": Noise("Speckle", "only the ink is disturbed; the background stays clean", _normal, _speckle),
    "poisson": Noise("Poisson", "too few photons: light arrives in grains", _uniform, _poisson),
    "block-out": Noise("Block-out", "a square of the picture is missing", _distance_from_centre, _block_out),
}


def draw_noise(
    kind: str,
    shape: Sequence[int],
    seed: int | Sequence[int] | torch.Generator,
    device: torch.device | str = "cpu",
) -> NoiseField:
    """A field of `kind` for pictures of `shape` (B, 1, H, W).

    An int seeds the whole field. A sequence of B ints seeds each picture on its own, so that its noise does not depend
    on the batch it is in. A generator is used on its own device. Seeded fields are drawn on the CPU, so that a seed
    gives the same noise on every device. Raises ValueError for an unknown kind or a wrong number of seeds.
    """
    if kind not in NOISES:
        raise ValueError(f"unknown noise kind {kind!r}; there are {', '.join(NOISES)}")
    draw = NOISES[kind].draw
    if isinstance(seed, torch.Generator):
        return NoiseField(kind, draw(shape, seed))
    if isinstance(seed, int):
        values = draw(shape, torch.Generator().manual_seed(seed))
    else:
        if len(seed) != shape[0]:
            raise ValueError(f"{len(seed)} seeds for {shape[0]} pictures")
        generator, single = torch.Generator(), (1, *shape[1:])
        values = torch.cat([draw(single, generator.manual_seed(int(s))) for s in seed])
    return NoiseField(kind, values.to(device))


def add_noise(x: Tensor, field: NoiseField, noise_factor: float | Tensor) -> Tensor:
    """`x` (B, 1, H, W) in [0, 1] with the field scaled by `noise_factor`, clipped to [0, 1].

    `noise_factor` is a number in [0, 1] or a tensor that broadcasts against x, such as (B, 1, 1, 1); at 0 the result
    is x.
    """
    f = torch.as_tensor(noise_factor, dtype=x.dtype, device=x.device)
    return torch.where(f > 0, NOISES[field.kind].apply(x, field.values, f).clamp(0, 1), x)


def hidden_square(field: NoiseField, noise_factor: float) -> tuple[int, int, int, int] | None:
    """The square that block-out takes out of a picture: (top, left, bottom, right) in pixels, the last two excluded.

    It covers the pixels that lose more than half of their ink. None for other kinds, and where nothing is hidden.
    """
    if field.kind != "block-out" or noise_factor == 0:
        return None
    hidden = field.values[0, 0] < 8 * noise_factor
    rows, columns = hidden.any(dim=1).nonzero().flatten(), hidden.any(dim=0).nonzero().flatten()
    if not len(rows):
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def gaussian_log_likelihood(noisy: Tensor, clean: Tensor, noise_factor: float | Tensor) -> Tensor:
    """log p(noisy | clean) in nats per picture (B,) under clipped Gaussian noise, for pictures (B, 1, H, W).

    A pixel between 0 and 1 has a density; one at 0 or 1 the probability that noise went so far or further. The two
    pictures and `noise_factor`, above 0, broadcast against each other.
    """
    f = torch.as_tensor(noise_factor, dtype=clean.dtype, device=clean.device)
    inside = -0.5 * ((noisy - clean) / f).square() - f.log() - 0.5 * math.log(2 * math.pi)
    dark, light = torch.special.log_ndtr(-clean / f), torch.special.log_ndtr((clean - 1) / f)
    return torch.where(noisy <= 0, dark, torch.where(noisy >= 1, light, inside)).flatten(1).sum(dim=1)
