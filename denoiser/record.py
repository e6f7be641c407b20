"""Record: what is known of a model, as it is read from and written to a checkpoint's JSON file."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Generic, TypeVar

from .errors import DenoiserError
from .recipe import Method, Recipe, RecipeError, fingerprint

M = TypeVar("M", bound=Method, covariant=True)


class RecordError(DenoiserError, ValueError):
    """A record that cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Epoch:
    """The losses of one epoch, counted from 1, and how many seconds it took."""

    epoch: int
    train: float
    validation: float
    seconds: float


@dataclass(frozen=True)
class Record(Generic[M]):
    """What is known of a model or filter; a field that is unknown or does not apply has its default.

    A Record[Recipe] is of a trained model. `fingerprint` is that of the recipe and code it was trained with, `data`
    describes the training pictures, `versions` the software, `command` the command line. `seconds` is the time of
    training on `device`, in `threads` and `processes`, with arithmetic of `precision`; `steps` counts the steps of a
    training that was stopped by the clock. `sha256` and `bytes` are those of the weights' file. An `oracle` is told
    the noise it removes.
    """

    recipe: M
    fingerprint: str = ""
    parameters: int = 0
    data: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    history: tuple[Epoch, ...] = ()
    steps: int | None = None
    seconds: float | None = None
    device: str = ""
    threads: int | None = None
    processes: int | None = None
    precision: str = ""
    sha256: str = ""
    bytes: int | None = None
    oracle: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without those that are at their default."""
        values: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "recipe":
                values |= {"recipe": asdict(value)} | ({"seed": value.seed} if isinstance(value, Recipe) else {})
            elif f.name == "history":
                values |= {"history": [asdict(epoch) for epoch in value]} if value else {}
            elif value not in (f.default, {}):
                values[f.name] = value
        return values

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "Record[Recipe]":
        """The record of a trained model, from plain values as read from JSON; unknown ones are left out.

        Raises RecordError if a value is missing or wrong.
        """
        try:
            given = {key: values[key] for key in KINDS if values.get(key) is not None}
            if wrong := [key for key, value in given.items() if not KINDS[key](value)]:
                raise RecordError(f"{', '.join(wrong)}: of the wrong type")
            given["recipe"] = recipe = Recipe.from_dict(values["recipe"])
            given["history"] = tuple(_epoch(each) for each in given.get("history", ()))
            # Records without a fingerprint are of the first version of the code.
            return Record(**{"fingerprint": fingerprint(recipe.as_dict(), version=1)} | given)
        except RecipeError as error:
            raise RecordError(str(error)) from error
        except (LookupError, TypeError, AttributeError) as error:
            raise RecordError(f"a value is missing or of the wrong type: {error!r}") from error


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1e15


def _is_text(value: object) -> bool:
    return isinstance(value, str)


KINDS: dict[str, Callable[[Any], bool]] = {  # what each value must be, but for the recipe
    "fingerprint": _is_text,
    "parameters": _is_whole,
    "data": _is_text,
    "versions": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "command": _is_text,
    "history": lambda value: isinstance(value, list),
    "steps": _is_whole,
    "seconds": _is_number,
    "device": _is_text,
    "threads": _is_whole,
    "processes": _is_whole,
    "precision": _is_text,
    "sha256": _is_text,
    "bytes": _is_whole,
}


def _epoch(values: Mapping[str, Any]) -> Epoch:
    epoch = Epoch(**{f.name: values[f.name] for f in fields(Epoch)})
    if not (_is_whole(epoch.epoch) and all(map(_is_number, (epoch.train, epoch.validation, epoch.seconds)))):
        raise RecordError("history: an epoch has values of the wrong type")
    return epoch


def parse_json(content: str | bytes) -> Any:
    """The value of a JSON text; RecordError if it is not one, or has numbers or text that other readers refuse."""
    try:
        value = json.loads(content)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise RecordError(f"it is not JSON: {error}") from error
    return value
