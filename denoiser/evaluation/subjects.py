"""What is evaluated: trained models, classical filters, filters that are told the noise, the noisy picture, and others'
models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from ..checkpoint import list_models, load_model, load_record
from ..errors import DenoiserError
from ..external import SECONDS, ExternalError, FunctionModel, StackFolder, load_onnx
from ..external.contract import EXTERNAL
from ..filters import FILTERS, fingerprint, table
from ..recipe import PICTURE_TASKS, Method, Recipe
from ..record import Record
from ..sweeps import NOISY

ORACLE = "-oracle"  # ends the name of a filter that is told the true noise


class EvaluationError(DenoiserError, ValueError):
    """A model, noise kind or noise factor that cannot be evaluated; the message names it."""


@dataclass(frozen=True)
class Subject:
    """One row of the evaluation.

    `fingerprint` is a hash of all that its output depends on, empty if that is unknown; `module(kind, noise_factor)` is
    what denoises under that noise, which only an oracle or a folder of denoised stacks looks at. The failure of one
    that is `external` does not stop the evaluation. What is not `timed` has no speed.
    """

    name: str
    record: Record
    fingerprint: str
    module: Callable[[str, float], nn.Module]
    external: bool = False
    timed: bool = True


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


def external_subjects(
    paths: Sequence[Path], functions: Sequence[str], count: int, seconds: float = SECONDS
) -> tuple[list[Subject], dict[str, str]]:
    """The rows of models that are not ours, and for each that cannot be used why, by name.

    `paths` are ONNX files and folders of stacks with `count` denoised pictures each, `functions` have the form
    package.module:function. A model may take `seconds` for a batch.
    """
    found: list[Subject] = []
    failures: dict[str, str] = {}
    sources: list[Path | str] = [*paths, *functions]
    for source in sources:
        name = source.name or source.resolve().name if isinstance(source, Path) else source
        try:
            if name in failures or name in [subject.name for subject in found]:
                raise ExternalError(f"there are two models of this name; {source} is left out")
            found.append(_external_subject(name, source, count, seconds))
        except ExternalError as error:
            failures[name] = str(error)
    return found, failures


def check_tuned(names: Sequence[str], kinds: Sequence[str]) -> None:
    """Raise EvaluationError if `names` has a filter told the noise, and it was never tuned for one of `kinds`."""
    for name in (name.removesuffix(ORACLE) for name in names if name.endswith(ORACLE)):
        if missing := [kind for kind in kinds if name in FILTERS and kind not in table()["filters"].get(name, {})]:
            raise EvaluationError(f"no parameters for {missing[0]!r}; run denoiser tune")


def _external_subject(name: str, source: Path | str, count: int, seconds: float) -> Subject:
    if isinstance(source, str):
        function = FunctionModel(source, seconds)
        record = Record(Method(name, "Python function", EXTERNAL, "denoise"))
        return Subject(name, record, "", lambda kind, factor: function, external=True)
    if source.is_dir():
        folder = StackFolder(source)
        record = Record(Method(name, "denoised elsewhere", EXTERNAL, "denoise"))
        return Subject(name, record, "", partial(folder.module, count=count), external=True, timed=False)
    if not source.exists():
        raise ExternalError(f"there is no file or folder {source}")
    model, record = load_onnx(source, seconds)
    return Subject(name, record, record.sha256, lambda kind, factor: model, external=True)
