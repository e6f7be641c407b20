"""What the Possible originals page asks the server, and the replies."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from .. import parsing
from ..schemas import Flag, Kind, PageDigit, Seed


@dataclass(frozen=True)
class OriginalsRequest:
    """A digit and its noise, the seed of the originals (`draw`), and whether to show how they condense.

    To a picture that is `already` noisy nothing is added.
    """

    picture: PageDigit
    is_noisy_input: Flag
    kind: Kind
    seed: Seed
    factor: Annotated[float, parsing.noise_factor]
    draw: Seed
    condensing: Flag


@dataclass(frozen=True)
class OriginalsReply:
    """The noisy picture, its originals and the denoiser's answer; `condensing` are moments on the way to the originals.

    `reads` and the other readings are [digit, probability], null without a referee.
    """

    noisy: str
    pictures: str
    reads: list[list[float]] | None
    average_reads: list[float] | None
    answer: str | None
    answer_reads: list[float] | None
    digit_reads: list[float] | None
    condensing: list[str] | None


@dataclass(frozen=True)
class BlendsRequest:
    """The twelve originals, whose blends with their average are to be read."""

    pictures: Annotated[Tensor, parsing.originals]


@dataclass(frozen=True)
class BlendsReply:
    """[digit, probability] at each step from the average, for each original; null without a referee."""

    reads: list[list[list[float]]] | None


@dataclass(frozen=True)
class CompletionsRequest:
    """A digit, what is erased of it, and the seed of the completions."""

    picture: PageDigit
    erased: Annotated[Tensor, parsing.erased]
    draw: Seed


@dataclass(frozen=True)
class DreamRequest:
    """The seed of one dream, or of a sheet of them."""

    draw: Seed


@dataclass(frozen=True)
class SheetReply:
    """Pictures, and [digit, probability] of each, null without a referee."""

    pictures: str
    reads: list[list[float]] | None


@dataclass(frozen=True)
class DreamReply:
    """The states of a dream from noise to digit, the network's guesses, and what they read as."""

    states: str
    guesses: str
    reads: list[list[float]] | None


@dataclass(frozen=True)
class ForkRequest:
    """What the network guessed at a step of a dream, and the seed of the other ends."""

    guess: PageDigit
    step: Annotated[int, parsing.dream_step]
    draw: Seed


@dataclass(frozen=True)
class ForkReply:
    """The states of each other end after the step, and what the ends read as."""

    states: list[str]
    reads: list[list[float]] | None
