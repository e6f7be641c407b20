"""What is evaluated: trained models, classical filters, filters that are told the noise, and the noisy picture."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from ..checkpoint import list_models, load_model, load_record
from ..errors import DenoiserError
from ..filters import FILTERS, fingerprint
from ..recipe import PICTURE_TASKS, Method, Recipe
from ..record import Record
from ..sweeps import NOISY

ORACLE = "-oracle"  # ends the name of a filter that is told the true noise


class EvaluationError(DenoiserError, ValueError):
    """A model, noise kind or noise factor that cannot be evaluated; the message names it."""


@dataclass(frozen=True)
class Subject:
    """One row of the evaluation.

    `fingerprint` is a hash of all that its output depends on; `module(kind, noise_factor)` is what denoises under that
    noise, which only an oracle looks at.
    """

    name: str
    record: Record
    fingerprint: str
    module: Callable[[str, float], nn.Module]


def default_models(data: str = "mnist") -> list[str]:
    """The models trained on `data`, the filters, and the filters that are told the noise."""
    names = [name for name in list_models() if name in FILTERS or trained_on(load_record(name)) == data]
    return [*names, *(name + ORACLE for name in FILTERS)]


def trained_on(record: Record) -> str | None:
    """The `data` of a record's recipe; None for a filter."""
    return record.recipe.data if isinstance(record.recipe, Recipe) else None


def get_subject(name: str, device: torch.device | str = "cpu") -> Subject:
    """The row of that name: "noisy", a model, a filter, or a filter that is told the noise ("tv-oracle").

    Raises EvaluationError for a classifier and CheckpointError for an unknown or damaged model.
    """
    if name == NOISY:
        record = Record(Method(NOISY, "Noisy input, left as it is", family="none", task="none"))
        return Subject(name, record, NOISY, lambda kind, factor: nn.Identity())
    if name.endswith(ORACLE) and name.removesuffix(ORACLE) in FILTERS:
        oracle = FILTERS[name.removesuffix(ORACLE)]
        return Subject(name, oracle.record(oracle=True), f"{name} {fingerprint()}", oracle.tuned)
    model, record = load_model(name, device)
    if record.recipe.task not in PICTURE_TASKS:
        others = ", ".join(default_models())
        raise EvaluationError(f"{name!r} reads or samples pictures and denoises none; there are {others}")
    model = model.to(memory_format=torch.channels_last)
    return Subject(name, record, record.sha256 or f"{name} {fingerprint()}", lambda kind, factor: model)
