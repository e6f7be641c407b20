"""The same digit under the same noise, through every model at once. Knows nothing of pages."""

from collections.abc import Callable, Mapping, Sequence
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
    reads in the digit itself. Of the rows in `failed` there are no pictures: they are blank.
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    clean: Tensor
    pictures: Tensor
    psnr: Tensor | None
    ssim: Tensor | None
    readings: Tensor | None
    clean_reading: Tensor | None
    failed: tuple[str, ...] = ()


@cache
def _loaded(name: str, device: torch.device) -> nn.Module:
    return load_model(name, device)[0]


@dataclass(frozen=True)
class Question:
    """One digit `x` (1, 1, 28, 28) in [0, 1] under one noise field, at every noise factor of `factors`.

    Without `reference` there is no clean digit to hold the pictures against.
    """

    x: Tensor
    kind: str
    seed: int
    factors: tuple[float, ...] = LADDER
    reference: bool = True


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
    return sweep_all([Question(x, kind, seed, tuple(factors), reference)], models, referee)[0]


@torch.inference_mode()
def sweep_all(
    questions: Sequence[Question],
    models: Mapping[str, nn.Module],
    referee: nn.Module | None = None,
    spare: Callable[[str, Exception], None] | None = None,
) -> list[Comparison]:
    """What `sweep` gives for each question, each model run once for all of them.

    Where a model or the referee raises, `spare` is told its name and the error, and the others go on: a model's row is
    then blank and among `failed`, readings are None. Without `spare` the error is raised.
    """
    counts = [len(question.factors) for question in questions]
    with stage("noise"):
        noisy = torch.cat([_noisy(question) for question in questions])
    with stage("models"):
        rows, failed = [noisy], []
        for name, model in models.items():
            try:
                rows.append(model(noisy).clamp(0, 1))
            except Exception as error:
                if spare is None:
                    raise
                spare(name, error)
                rows.append(torch.zeros_like(noisy))
                failed.append(name)
        pictures = torch.stack(rows)  # (R, N, 1, 28, 28), N the factors of all questions
    clean = torch.cat([question.x for question in questions])
    with stage("referee"):
        read = None
        try:
            if referee is not None:
                read = torch.softmax(referee(torch.cat([pictures.flatten(0, 1), clean])).float(), dim=1)
        except Exception as error:
            if spare is None:
                raise
            spare("referee", error)
    with stage("metrics"):
        target = clean.repeat_interleave(torch.tensor(counts), dim=0).repeat(len(rows), 1, 1, 1)
        wanted = any(question.reference for question in questions)
        scores = [f(pictures.flatten(0, 1), target).view(len(rows), -1) if wanted else None for f in (psnr, ssim)]
    read_rows = None if read is None else read[: -len(questions)].view(len(rows), sum(counts), -1)
    found, start = [], 0
    for i, (question, count) in enumerate(zip(questions, counts, strict=True)):
        part = slice(start, start + count)
        start += count
        decibels, similarity = (s[:, part] if question.reference else None for s in scores)
        found.append(
            Comparison(
                names=(NOISY, *models),
                factors=question.factors,
                clean=question.x[0, 0],
                pictures=pictures[:, part, 0],
                psnr=decibels,
                ssim=similarity,
                readings=None if read_rows is None else read_rows[:, part],
                clean_reading=None if read is None else read[len(read) - len(questions) + i],
                failed=tuple(failed),
            )
        )
    return found


def _noisy(question: Question) -> Tensor:
    """The question's digit at each of its noise factors (F, 1, 28, 28)."""
    x = question.x
    field = draw_noise(question.kind, x.shape, question.seed, x.device)
    factor = torch.tensor(question.factors, dtype=x.dtype, device=x.device).view(-1, 1, 1, 1)
    return add_noise(x.expand(len(factor), -1, -1, -1), field, factor)


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
