"""The same digit under the same noise, through every model at once. Knows nothing of pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from .checkpoint import load_model
from .metrics import psnr, ssim
from .noise import add_noise, draw_noise
from .stages import stage

LADDER = tuple(i / 20 for i in range(21))  # the noise factors of a sweep
NOISY = "noisy"  # the row that does nothing


@dataclass(frozen=True)
class Comparison:
    """What every model makes of one digit at each noise factor of a ladder.

    `names` are the rows, first "noisy" (do nothing), then the models. `pictures` (R, F, 28, 28) in [0, 1] for R rows
    and F factors. `psnr` (dB) and `ssim` (R, F) against the clean digit, None where there is no reference.
    `readings` (R, F, 10) are the referee's probabilities, None without a referee; `clean_reading` (10,) is what it
    reads in the digit itself.
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    clean: Tensor
    pictures: Tensor
    psnr: Tensor | None
    ssim: Tensor | None
    readings: Tensor | None
    clean_reading: Tensor | None


@cache
def _loaded(name: str, device: torch.device) -> nn.Module:
    return load_model(name, device)[0]


@torch.inference_mode()
def sweep(
    x: Tensor,
    names: Sequence[str] | Mapping[str, nn.Module],
    kind: str,
    seed: int,
    factors: Sequence[float] = LADDER,
    referee: nn.Module | None = None,
    reference: bool = True,
) -> Comparison:
    """`x` (1, 1, 28, 28) in [0, 1] under one noise field at every factor, each model run once on the whole batch.

    `names` are those of `list_models()`, loaded once and kept, or the models themselves by name. Raises ValueError
    for an unknown noise kind and CheckpointError for an unknown name.
    """
    models = names if isinstance(names, Mapping) else {name: _loaded(name, x.device) for name in names}
    with stage("noise"):
        field = draw_noise(kind, x.shape, seed, x.device)
        factor = torch.tensor(factors, dtype=x.dtype, device=x.device).view(-1, 1, 1, 1)
        ladder = x.expand(len(factors), -1, -1, -1)
        noisy = add_noise(ladder, field, factor)
    with stage("models"):
        rows = [noisy, *(model(noisy).clamp(0, 1) for model in models.values())]
        pictures = torch.cat(rows)
    shape = (len(rows), len(factors))
    with stage("referee"):
        read = torch.softmax(referee(torch.cat([pictures, x])).float(), dim=1) if referee is not None else None
    with stage("metrics"):
        target = x.expand(len(pictures), -1, -1, -1)
        decibels, similarity = (f(pictures, target).view(shape) if reference else None for f in (psnr, ssim))
    return Comparison(
        names=(NOISY, *models),
        factors=tuple(factors),
        clean=x[0, 0],
        pictures=pictures.view(*shape, *x.shape[2:]),
        psnr=decibels,
        ssim=similarity,
        readings=read[:-1].view(*shape, -1) if read is not None else None,
        clean_reading=read[-1] if read is not None else None,
    )


def compare(
    x: Tensor,
    names: Sequence[str] | Mapping[str, nn.Module],
    kind: str,
    noise_factor: float,
    seed: int,
    referee: nn.Module | None = None,
    reference: bool = True,
) -> Comparison:
    """`sweep` at a single noise factor."""
    return sweep(x, names, kind, seed, (noise_factor,), referee, reference)


def breaking_point(comparison: Comparison, row: int) -> float | None:
    """The smallest noise factor at which the row reads as another digit than the clean one; None where it holds."""
    if comparison.readings is None:
        return None
    wrong = comparison.readings[row].argmax(dim=1) != comparison.clean_reading.argmax()
    return min((f for f, w in zip(comparison.factors, wrong.tolist(), strict=True) if w), default=None)
