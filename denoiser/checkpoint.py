"""<name>.safetensors with the weights and <name>.json with the record: written, listed, loaded.

The record alone says how to build the network, so loading guesses nothing and unpickles nothing.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from .data import SIDE
from .errors import DenoiserError
from .files import write_together
from .filters import FILTERS
from .models import Denoiser, build, parameter_count
from .noise import NOISES
from .recipes import FAMILIES, RECIPES, TASKS, Recipe, fingerprint

FOLDER = Path(os.environ.get("DENOISER_CHECKPOINTS") or Path(__file__).resolve().parent.parent / "checkpoints")


def _text(value) -> bool:
    return isinstance(value, str)


def _texts(value) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _number(value) -> bool:
    return type(value) in (int, float) and abs(value) < 1e15


def _number_or_none(value) -> bool:
    return value is None or _number(value)


def _whole(value) -> bool:
    return type(value) is int and 0 <= value < 1e15


def _numbers(value) -> bool:
    return isinstance(value, dict) and all(map(_number, value.values()))


def _numbers_or_none(value) -> bool:
    return value is None or _numbers(value)


def _noises(value) -> bool:
    return _texts(value) and set(value) <= set(NOISES)


def _factor(value) -> bool:
    low, high = value if isinstance(value, list) and len(value) == 2 else (value, value)
    return _number(low) and _number(high) and 0 <= low <= high <= 1


def _history(value) -> bool:
    return isinstance(value, list) and all(
        isinstance(epoch, dict) and _number(epoch.get("train")) and _number(epoch.get("validation")) for epoch in value
    )


def _settings(value) -> bool:
    return isinstance(value, dict) and all(
        type(each) is not int or 0 <= each <= LARGEST_SETTING
        for setting in value.values()
        for each in (setting if isinstance(setting, list) else [setting])
    )


def _settings_or_none(value) -> bool:
    return value is None or _settings(value)


def _refinements(value) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and _whole(each.get("epochs")) and _number(each.get("learning_rate")) for each in value
    )


# What the parts of a record (unless null) and of its recipe must be where they are there; those of NEEDED must be.
LARGEST_SETTING = 4096  # of widths, filters and blocks
RECORD = {
    "sha256": _text, "history": _history, "parameters": _whole, "bytes": _whole, "seed": _whole, "seconds": _number,
    "device": _text, "precision": _text, "command": _text,
}  # fmt: skip
RECIPE = {
    "name": _text, "title": _text, "family": FAMILIES.__contains__, "task": TASKS.__contains__, "network": _text,
    "settings": _settings, "grown_from": _settings_or_none, "refinements": _refinements, "note": _text,
    "headline": _text, "headline_bce": _number_or_none,
    "noise": _noises, "noise_factor": _factor, "noise_drawn": _text,
    "loss": _text, "penalties": _numbers, "optimizer": _text, "learning_rate": _number, "optimizer_settings": _numbers,
    "schedule": _text, "augmentation": _numbers_or_none, "batch_size": _whole, "epochs": _whole, "clip": _number,
    "ema": _number, "seed": _whole,
}  # fmt: skip
NEEDED = {"sha256", "name", "title", "family", "task", "network", "settings", "noise_factor"}
NEEDED |= {"loss", "optimizer", "learning_rate", "epochs", "batch_size"}


class CheckpointError(DenoiserError, RuntimeError):
    """A checkpoint that is missing, damaged, or of another architecture; the message names it."""


def sha256(content: bytes) -> str:
    """The hash that ties a record to its weights."""
    return hashlib.sha256(content).hexdigest()


def save_model(model: nn.Module, record: Mapping, folder: Path = FOLDER) -> dict:
    """Write the weights and the record, both or neither; the record as written, with the weights' SHA-256."""
    from safetensors.torch import save

    name = record["recipe"]["name"]
    weights = save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})
    record = dict(record) | {"sha256": sha256(weights), "bytes": len(weights)}
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    write_together({folder / f"{name}.safetensors": weights, folder / f"{name}.json": text})
    return json.loads(text)


def trained(folder: Path = FOLDER) -> list[str]:
    """Names of all checkpoints, in alphabetical order: those that have both files."""
    return sorted(p.stem for p in folder.glob("*.json") if p.with_suffix(".safetensors").exists())


def load_record(name: str, folder: Path = FOLDER) -> dict:
    """The record of a checkpoint; CheckpointError where there is none or it cannot be read."""
    path = folder / f"{name}.json"
    if not path.exists():
        there = ", ".join(trained(folder)) or "none"
        raise CheckpointError(f"there is no trained model {name!r} in {folder}; there is {there}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(record, ensure_ascii=False, allow_nan=False).encode()  # nothing that other readers of JSON refuse
        recipe = record["recipe"]
        wrong = [key for key, fits in RECORD.items() if record.get(key) is not None and not fits(record[key])]
        wrong += [key for key, fits in RECIPE.items() if key in recipe and not fits(recipe[key])]
        wrong += sorted(NEEDED - record.keys() - recipe.keys())
        if wrong:
            raise ValueError(f"{', '.join(wrong)} missing or of another kind")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"the record {path} cannot be read: {error!r}") from error
    return record


def up_to_date(recipe: Recipe, folder: Path = FOLDER) -> bool:
    """Whether there is a checkpoint that this very recipe, trained by this code, gives."""
    try:
        record = load_record(recipe.name, folder)
    except CheckpointError:
        return False
    return record.get("fingerprint", fingerprint(record["recipe"], version=1)) == recipe.fingerprint()


def load_checkpoint(name: str, device: torch.device | str = "cpu", folder: Path = FOLDER) -> tuple[nn.Module, dict]:
    """The trained network in eval mode on `device`, and its record.

    Raises CheckpointError for an unknown name, a missing or truncated file, a hash other than the record's, or
    weights of another architecture.
    """
    from safetensors.torch import load

    record = load_record(name, folder)
    path = folder / f"{name}.safetensors"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"the weights {path} cannot be read: {error}") from error
    if sha256(content) != record["sha256"]:
        raise CheckpointError(f"the weights {path} are damaged: their SHA-256 is not the one in {name}.json")
    try:
        network, settings = record["recipe"]["network"], record["recipe"]["settings"]
        with torch.device("meta"):  # takes no memory
            count = parameter_count(build(network, settings))
        if count > len(content):
            raise ValueError(f"it has {count:,} parameters, and they have {len(content):,} bytes")
        model = build(network, settings)
        model.load_state_dict(load(content))
        _try(model.eval(), record["recipe"]["task"])
    except Exception as error:  # networks stumble over settings in ways of their own
        first = str(error).partition("\n")[0]
        raise CheckpointError(f"the weights {path} do not fit the network its record describes: {first}") from error
    return model.to(device).requires_grad_(False), record


@torch.inference_mode()
def _try(model: nn.Module, task: str) -> None:
    """ValueError where a network is of another kind than its task, or its weights make no numbers of a picture."""
    if isinstance(model, Denoiser) == (task == "read"):
        raise ValueError(f"it is not made for the task {task!r}")
    if not model(torch.linspace(0, 1, SIDE * SIDE).view(1, 1, SIDE, SIDE)).isfinite().all():
        raise ValueError("they make no numbers of a picture")


def list_models(folder: Path = FOLDER) -> list[str]:
    """Names of all that can denoise or reconstruct: the trained ones in the order of RECIPES, then the filters.

    A checkpoint whose record cannot be read is listed too: loading it says what is wrong.
    """
    order = {name: place for place, name in enumerate(RECIPES)}
    names = [name for name in trained(folder) if _task(name, folder) != "read"]
    return sorted(names, key=lambda name: (order.get(name, len(order)), name)) + list(FILTERS)


def _task(name: str, folder: Path) -> str | None:
    """What a checkpoint is for; None where its record does not say and no recipe has its name."""
    try:
        return load_record(name, folder)["recipe"]["task"]
    except CheckpointError:
        return RECIPES[name].task if name in RECIPES else None


def load_model(name: str, device: torch.device | str = "cpu", folder: Path = FOLDER) -> tuple[nn.Module, dict]:
    """The trained network or classical filter of that name, in eval mode on `device`, and its record.

    Raises CheckpointError as load_checkpoint does.
    """
    if name in FILTERS:
        return FILTERS[name].build().to(device).eval(), FILTERS[name].record()
    return load_checkpoint(name, device, folder)
