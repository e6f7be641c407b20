"""Requests and replies as dataclasses: how they are read and written, and those of every page.

Each page declares its own in the schemas.py of its folder. The annotation of a request's field names the parser of its
value. Replies are sent as JSON objects of their fields; a field that is ABSENT is left out.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, cast, get_type_hints

from torch import Tensor

from . import parsing
from .i18n import Text

ABSENT: Any = object()
RequestType = TypeVar("RequestType")

# Types of fields, with the parsers of their values.
Anything = Annotated[Any, parsing.unchecked]  # whoever uses it checks it
Flag = Annotated[bool, parsing.is_true]
Kind = Annotated[str, parsing.noise_kind]
Seed = Annotated[int, parsing.whole_seed]
Names = Annotated[tuple[str, ...], parsing.map_names]
ModelName = Annotated[str, parsing.model_name]
PageDigit = Annotated[Tensor, parsing.digit_on_page]


def parse(kind: type[RequestType], body: Mapping) -> RequestType:
    """The request of this kind in a JSON object; BadRequest, or another error that is a sentence, if it is none."""
    return kind(**{name: parser(body.get(name)) for name, parser in _parsers(cast(Hashable, kind)).items()})


@cache
def _parsers(kind: Any) -> dict[str, Callable[[object], Any]]:
    """The parser of each field of a request."""
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(kind, include_extras=True).items()}


def fields_of(reply: object) -> dict[str, Any]:
    """The fields of a reply that are not ABSENT."""
    return {name: value for name, value in vars(reply).items() if value is not ABSENT}


@dataclass(frozen=True)
class ErrorReply:
    """What went wrong."""

    error: Text


@dataclass(frozen=True)
class WaitingReply:
    """The request's position in the queue, the seconds after which to ask again, and whether the server keeps it."""

    waiting: int
    again: float
    kept: bool


@dataclass(frozen=True)
class SupersededReply:
    """A newer request came in the place of this one."""

    replaced: bool = True


@dataclass(frozen=True)
class ForgottenReply:
    """The server no longer keeps the request that was to go on waiting: it has to be sent again."""

    forgotten: bool = True


@dataclass(frozen=True)
class EmptyRequest:
    """A request that says nothing."""


@dataclass(frozen=True)
class EmptyReply:
    """A reply that says nothing."""
