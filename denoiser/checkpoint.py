"""<name>.safetensors with the weights and <name>.json with the record: written, listed, loaded.

The record alone says how to build the network, so loading guesses nothing and unpickles nothing.

Two files cannot be replaced at once, so one replacement decides. A new record is written first, and holds the old
one under "replaces"; then come the weights; then the record without the old one. Whenever the writer is killed, the
weights are those of one of the two records, and their SHA-256 tells which: the checkpoint is the old or the new one.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from . import settings
from .data import SIDE
from .errors import DenoiserError
from .external import load_onnx
from .files import LockedError, locked, read_regular, remove_leftovers, write_in_order
from .filters import FILTERS
from .hub.download import PREFIX, download
from .models import TASK_CONTRACTS, build, parameter_count
from .recipe import NAME, PICTURE_TASKS, Method, Recipe
from .recipes import RECIPES
from .record import Record, RecordError, parse_json

FOLDER = settings.current.checkpoints
LARGEST_RECORD, LARGEST_WEIGHTS = 16 * 2**20, 2 * 2**30  # bytes


class CheckpointError(DenoiserError, RuntimeError):
    """A checkpoint that is missing, damaged, or of another architecture; the message names it."""


def sha256(content: bytes) -> str:
    """The hash that ties a record to its weights."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def training_lock(name: str, folder: Path = FOLDER) -> Iterator[None]:
    """Let no other process train `name` meanwhile; CheckpointError naming it if one does already."""
    try:
        with locked(folder / f".{name}.lock"):
            yield
    except LockedError as error:
        process = f"process {error.owner}" if error.owner else "another process"
        raise CheckpointError(f"{name} is being trained by {process}: wait for it, or choose another --as") from error


def save_model(model: nn.Module, record: Record[Recipe], folder: Path = FOLDER) -> Record[Recipe]:
    """Write the weights and the record; returns the record as written, with the weights' size and SHA-256.

    A checkpoint of that name is replaced in one step: whenever this process is killed, the old one or the new one can
    be loaded. Raises WriteError, the old one unchanged, if the files cannot be written.
    """
    from safetensors.torch import save

    name = record.recipe.name
    weights = save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})
    record = replace(record, sha256=sha256(weights), bytes=len(weights))
    writes: list[tuple[Path, bytes | str]] = [
        (_weights_path(name, folder), weights),
        (_record_path(name, folder), _text(record.as_dict())),
    ]
    if name in trained(folder):
        with suppress(CheckpointError):  # one that is damaged has nothing to lose
            old = load_record(name, folder).as_dict()
            writes.insert(0, (_record_path(name, folder), _text(record.as_dict() | {"replaces": old})))
    remove_leftovers(folder)
    write_in_order(writes)
    return record


def _text(values: Mapping[str, object]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _record_path(name: str, folder: Path) -> Path:
    return folder / f"{name}.json"


def _weights_path(name: str, folder: Path) -> Path:
    return folder / f"{name}.safetensors"


def trained(folder: Path = FOLDER) -> list[str]:
    """Names of all checkpoints, in alphabetical order: those that have both files."""
    names = (path.stem for path in folder.glob("*.json") if NAME.fullmatch(path.stem))
    return sorted(
        name for name in names if _record_path(name, folder).is_file() and _weights_path(name, folder).is_file()
    )


def misnamed(folder: Path = FOLDER) -> list[str]:
    """Files of weights that are no checkpoint because of their names, in alphabetical order."""
    return sorted(path.name for path in folder.glob("*.safetensors") if not NAME.fullmatch(path.stem))


def load_record(name: str, folder: Path = FOLDER) -> Record[Recipe]:
    """The record of a checkpoint; CheckpointError if there is none or it cannot be read."""
    path = _record_path(name, folder)
    if not NAME.fullmatch(name) or not path.exists():
        there = ", ".join(trained(folder)) or "none"
        raise CheckpointError(f"there is no trained model {name!r} in {folder}; there is {there}")
    try:
        values = parse_json(read_regular(path, LARGEST_RECORD))
        old = values.pop("replaces", None) if isinstance(values, dict) else None
        if old is not None and sha256(_read_weights(name, folder)) != values.get("sha256"):
            values = old
        record = Record.from_dict(values)
        if record.recipe.name != name:
            raise RecordError(f"it is of {record.recipe.name!r}; the file must be called as its recipe is")
        if not record.sha256:
            raise RecordError("sha256 is missing")
    except (OSError, RecordError) as error:
        raise CheckpointError(f"the record {path} cannot be read: {error}") from error
    return record


def _read_weights(name: str, folder: Path) -> bytes:
    path = _weights_path(name, folder)
    try:
        return read_regular(path, LARGEST_WEIGHTS)
    except OSError as error:
        raise CheckpointError(f"the weights {path} cannot be read: {error.strerror or error}") from error


def read_checkpoint(name: str, folder: Path = FOLDER) -> tuple[Record[Recipe], bytes]:
    """The record and the weights as bytes, which are those it was written with; CheckpointError if they are not."""
    record, content = load_record(name, folder), _read_weights(name, folder)
    while sha256(content) != record.sha256:
        before, record, content = record, load_record(name, folder), _read_weights(name, folder)
        if record == before:  # else both were being replaced as they were read
            path = _weights_path(name, folder)
            raise CheckpointError(f"the weights {path} are damaged: their SHA-256 is not the one in {name}.json")
    return record, content


def up_to_date(recipe: Recipe, folder: Path = FOLDER) -> bool:
    """Whether there is a checkpoint that this very recipe, trained by this code, gives."""
    try:
        record = load_record(recipe.name, folder)
    except CheckpointError:
        return False
    return record.fingerprint == recipe.fingerprint()


def load_checkpoint(
    name: str, device: torch.device | str = "cpu", folder: Path = FOLDER
) -> tuple[nn.Module, Record[Recipe]]:
    """The trained network in eval mode on `device`, and its record.

    Raises CheckpointError for an unknown name, a missing or truncated file, a hash other than the record's, or
    weights of another architecture.
    """
    record, content = read_checkpoint(name, folder)
    return _build(record, content, _weights_path(name, folder)).to(device), record


def load_from_hub(address: str, device: torch.device | str = "cpu") -> tuple[nn.Module, Record[Recipe]]:
    """The network at hf://USER/NAME/MODEL in eval mode on `device`, and its record.

    Raises HubError if it can neither be downloaded nor found in the cache, and CheckpointError if its record cannot be
    read, the weights have another hash than it says, or they are of another architecture.
    """
    config, weights = download(address)
    try:
        record = Record.from_dict(parse_json(read_regular(config, LARGEST_RECORD)))
        content = read_regular(weights, LARGEST_WEIGHTS)
    except (OSError, RecordError, AttributeError) as error:
        raise CheckpointError(f"{address} cannot be read: {error}") from error
    if not record.sha256 or sha256(content) != record.sha256:
        raise CheckpointError(f"the weights of {address} are damaged: their SHA-256 is not the one in {config.name}")
    return _build(record, content, weights).to(device), record


def _build(record: Record[Recipe], content: bytes, path: Path) -> nn.Module:
    """The network of a record with the weights in `content`, read from `path`; CheckpointError if they do not fit."""
    from safetensors.torch import load

    try:
        recipe = record.recipe
        with torch.device("meta"):  # takes no memory
            count = parameter_count(build(recipe.network, recipe.settings))
        if count > len(content):
            raise ValueError(f"it has {count:,} parameters, and they have {len(content):,} bytes")
        model = build(recipe.network, recipe.settings)
        tensors = load(content)
        _refuse_other_types(model, tensors)
        model.load_state_dict(tensors)
        _try(model.eval(), recipe.task)
    except Exception as error:  # networks fail on settings in ways of their own
        first = str(error).partition("\n")[0]
        raise CheckpointError(f"the weights {path} do not fit the network its record describes: {first}") from error
    return model.requires_grad_(False)


def _refuse_other_types(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """ValueError if a tensor is of another type than the network's: loading would convert it without a word."""
    for key, value in model.state_dict().items():
        if key in tensors and tensors[key].dtype != value.dtype:
            raise ValueError(f"{key} is {tensors[key].dtype}, not {value.dtype}".replace("torch.", ""))


@torch.inference_mode()
def _try(model: nn.Module, task: str) -> None:
    """ValueError where a network is of another kind than its task, or its weights make no numbers of a picture."""
    if not isinstance(model, TASK_CONTRACTS[task]):
        raise ValueError(f"it is not made for the task {task!r}")
    if not model(torch.linspace(0, 1, SIDE * SIDE).view(1, 1, SIDE, SIDE)).isfinite().all():
        raise ValueError("they make no numbers of a picture")


def list_models(folder: Path | str = FOLDER) -> list[str]:
    """Names of all that can denoise or reconstruct: the trained ones in the order of RECIPES, then the filters.

    A checkpoint whose record cannot be read is listed too: loading it says what is wrong.
    """
    folder = Path(folder)
    order = {name: place for place, name in enumerate(RECIPES)}
    names = [name for name in trained(folder) if _task(name, folder) in (*PICTURE_TASKS, None)]
    return sorted(names, key=lambda name: (order.get(name, len(order)), name)) + list(FILTERS)


def _task(name: str, folder: Path) -> str | None:
    """What a checkpoint is for; None where its record does not say and no recipe has its name."""
    try:
        return load_record(name, folder).recipe.task
    except CheckpointError:
        return RECIPES[name].task if name in RECIPES else None


def load_model(
    name: str, device: torch.device | str = "cpu", folder: Path | str = FOLDER
) -> tuple[nn.Module, Record[Method]]:
    """The trained network or classical filter of that name, in eval mode on `device`, and its record.

    A `name` that ends in .onnx is the path of an ONNX file, which computes on the CPU; one such as hf://USER/NAME/unet
    is a model on the Hugging Face Hub, downloaded once. Raises CheckpointError as load_checkpoint does, ExternalError
    for an ONNX file that cannot be used, and HubError for a model that cannot be downloaded.
    """
    if name.startswith(PREFIX):
        return load_from_hub(name, device)
    if name.endswith(".onnx"):
        return load_onnx(Path(name))
    if name in FILTERS:
        return FILTERS[name].build().to(device).eval(), FILTERS[name].record()
    return load_checkpoint(name, device, Path(folder))
