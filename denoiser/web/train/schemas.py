"""What the Train page asks the server, and the replies."""

from dataclasses import dataclass
from typing import Any

from ..i18n import Text
from ..schemas import ABSENT, Anything


@dataclass(frozen=True)
class TicketRequest:
    """A ticket of the training queue, null for a new one."""

    ticket: Anything


@dataclass(frozen=True)
class TicketReply:
    """The ticket, null if it is no longer valid, and how many are before it.

    `silent` says that its training ended because the page asked nothing for too long.
    """

    ticket: str | None
    before: int
    silent: bool


@dataclass(frozen=True)
class PreviewRequest:
    """The settings of a training, which `recipe_from` checks."""

    settings: Anything


@dataclass(frozen=True)
class TrainRequest(PreviewRequest, TicketRequest):
    """A training for the visitor whose turn it is."""


@dataclass(frozen=True)
class PreviewReply:
    """Ten digits without and with the noise of a training, its PSNR in dB, and where they come from."""

    clean: str
    noisy: str
    psnr: float | None
    origin: Text


@dataclass(frozen=True)
class CheckpointRequest:
    """The id of a visitor's model."""

    id: Anything


@dataclass(frozen=True)
class CheckpointReply:
    """A file in base64, and its name."""

    name: str
    content: str


@dataclass(frozen=True)
class TrainingMessage:
    """A snapshot of a training; the last one is `over`, and has the id and the card of the model if that is kept.

    The last one is `silent` if the training ended because the page asked nothing for too long. A message may also be an
    error. Its fields are those of live_training.Snapshot.
    """

    ticket: Any = ABSENT
    error: Text = ABSENT
    pictures: str = ABSENT
    psnr: float | None = ABSENT
    train: float = ABSENT
    validation: float = ABSENT
    filters: dict = ABSENT
    steps: int = ABSENT
    digits: int = ABSENT
    seconds: float = ABSENT
    speed: float | None = ABSENT
    over: bool = ABSENT
    silent: bool = ABSENT
    id: str = ABSENT
    card: dict = ABSENT
