"""One digit under one noise field, through every model at once, at one noise factor or a whole grid of them.

Knows nothing of pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from .checkpoint import load_model
from .metrics import CARD_METRICS, METRICS
from .noise import add_noise, draw_noise
from .runtime.timing import span

NOISE_FACTORS = tuple(i / 20 for i in range(21))  # the grid of a sweep: 0, 0.05, ..., 1
NOISY = "noisy"  # the row of the noisy picture itself, as if a model did nothing


@dataclass(frozen=True)
class Comparison:
    """What every model makes of one digit at each of F noise factors.

    `names` are the R rows: first "noisy", then the models. `clean` is the digit (28, 28); `pictures` (R, F, 28, 28)
    are in [0, 1]. `figures` has a tensor (R, F) for each of metrics.CARD_METRICS, measured against the clean digit;
    None where there is no reference. `readings` (R, F, 10) are the referee's probabilities and `clean_reading` (10,)
    those of the digit itself; None without a referee. The rows in `failed` are blank: those models raised an error.
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    clean: Tensor
    pictures: Tensor
    figures: Mapping[str, Tensor] | None
    readings: Tensor | None
    clean_reading: Tensor | None
    failed: tuple[str, ...] = ()

    @property
    def psnr(self) -> Tensor | None:
        """PSNR (R, F) in dB, infinite where the picture equals the digit; None without a reference."""
        return None if self.figures is None else self.figures["psnr"]

    @property
    def ssim(self) -> Tensor | None:
        """SSIM (R, F); None without a reference."""
        return None if self.figures is None else self.figures["ssim"]


@dataclass(frozen=True)
class SweepRequest:
    """One digit `x` (1, 1, 28, 28) in [0, 1] under the noise `kind` with `seed`, at every noise factor of `factors`.

    With `reference` x is the clean digit that pictures are measured against; without it nothing is measured.
    """

    x: Tensor
    kind: str
    seed: int
    factors: tuple[float, ...] = NOISE_FACTORS
    reference: bool = True


@cache
def _load_once(name: str, device: torch.device) -> nn.Module:
    return load_model(name, device)[0]


def sweep(
    x: Tensor,
    names: Sequence[str] | Mapping[str, nn.Module],
    kind: str,
    seed: int,
    factors: Sequence[float] = NOISE_FACTORS,
    referee: nn.Module | None = None,
    reference: bool = True,
) -> Comparison:
    """Each model on `x` (1, 1, 28, 28) in [0, 1] under one noise field, all noise factors in one batch.

    `names` are names of `list_models()`, which are loaded once and kept in memory, or a mapping of models. Raises
    ValueError for an unknown noise kind and CheckpointError for an unknown name.
    """
    models = names if isinstance(names, Mapping) else {name: _load_once(name, x.device) for name in names}
    return sweep_all([SweepRequest(x, kind, seed, tuple(factors), reference)], models, referee)[0]


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


@torch.inference_mode()
def sweep_all(
    requests: Sequence[SweepRequest],
    models: Mapping[str, nn.Module],
    referee: nn.Module | None = None,
    on_error: Callable[[str, Exception], None] | None = None,
) -> list[Comparison]:
    """The comparison for each request; each model runs once, on all of them in one batch.

    If a model or the referee raises, `on_error` is called with its name and the error, and the others go on: the
    model's row is blank and listed in `failed`, or the readings are None. Without `on_error` the error is raised.
    """
    counts = [len(request.factors) for request in requests]
    with span("noise"):
        noisy = torch.cat([noisy_pictures(request) for request in requests])
    with span("models"):
        rows, failed = [noisy], []
        for name, model in models.items():
            try:
                rows.append(model(noisy).clamp(0, 1))
            except Exception as error:
                if on_error is None:
                    raise
                on_error(name, error)
                rows.append(torch.zeros_like(noisy))
                failed.append(name)
        pictures = torch.stack(rows)  # (R, N, 1, 28, 28), N noise factors of all requests together
    clean = torch.cat([request.x for request in requests])
    with span("referee"):
        readings = clean_readings = None
        try:
            if referee is not None:
                logits = referee(torch.cat([pictures.flatten(0, 1), clean]))
                probabilities = torch.softmax(logits.float(), dim=1)
                readings = probabilities[: -len(requests)].view(len(rows), sum(counts), -1)
                clean_readings = probabilities[-len(requests) :]
        except Exception as error:
            if on_error is None:
                raise
            on_error("referee", error)
    with span("metrics"):
        figures = {}
        if any(request.reference for request in requests):
            target = clean.repeat_interleave(torch.tensor(counts), dim=0).repeat(len(rows), 1, 1, 1)
            for key in CARD_METRICS:
                figures[key] = METRICS[key].function(pictures.flatten(0, 1), target).view(len(rows), -1)
    comparisons, start = [], 0
    for i, (request, count) in enumerate(zip(requests, counts, strict=True)):
        part = slice(start, start + count)
        start += count
        comparisons.append(
            Comparison(
                names=(NOISY, *models),
                factors=request.factors,
                clean=request.x[0, 0],
                pictures=pictures[:, part, 0],
                figures={key: values[:, part] for key, values in figures.items()} if request.reference else None,
                readings=None if readings is None else readings[:, part],
                clean_reading=None if clean_readings is None else clean_readings[i],
                failed=tuple(failed),
            )
        )
    return comparisons


def noisy_pictures(request: SweepRequest) -> Tensor:
    """The request's digit at each of its noise factors (F, 1, 28, 28)."""
    x = request.x
    field = draw_noise(request.kind, x.shape, request.seed, x.device)
    factor = torch.tensor(request.factors, dtype=x.dtype, device=x.device).view(-1, 1, 1, 1)
    return add_noise(x.expand(len(factor), -1, -1, -1), field, factor)


# ---------- breaking points ----------


def misread(comparison: Comparison) -> Tensor | None:
    """Where the referee reads another digit (R, F, bool) than in the clean one; None without a referee."""
    if comparison.readings is None or comparison.clean_reading is None:
        return None
    return comparison.readings.argmax(dim=-1) != comparison.clean_reading.argmax()


def breaking_points(comparison: Comparison) -> list[float | None]:
    """For each row the smallest noise factor at which it is misread; None where there is none, or no referee."""
    wrong = misread(comparison)
    if wrong is None:
        return [None] * len(comparison.names)
    return [
        min((factor for factor, misses in zip(comparison.factors, row, strict=True) if misses), default=None)
        for row in wrong.tolist()
    ]


def breaking_point(comparison: Comparison, row: int) -> float | None:
    """The smallest noise factor at which the row is misread; None where there is none, or no referee."""
    return breaking_points(comparison)[row]
