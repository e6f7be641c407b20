"""What the Latent space page asks the server, and the replies."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from torch import Tensor

from .. import parsing
from ..parsing import FILMS, GRID_AREAS, GRID_SIZES
from ..schemas import Flag, Kind, Names, PageDigit, Seed


@dataclass(frozen=True)
class PointRequest:
    """A latent point on each map."""

    places: Annotated[dict[str, Tensor], partial(parsing.by_map, parsing.latent_point)]


@dataclass(frozen=True)
class OwnRequest:
    """The visitor's digit, and the noise that is added to it."""

    names: Names
    picture: PageDigit
    kind: Kind
    seed: Seed


@dataclass(frozen=True)
class MorphRequest:
    """The two ends of a morph on each map; `along` the data, or straight."""

    ends: Annotated[dict[str, tuple[Tensor, Tensor]], partial(parsing.by_map, parsing.latent_pair)]
    along: Flag


@dataclass(frozen=True)
class FilmRequest(MorphRequest):
    """A morph as a file."""

    kind: Annotated[str, partial(parsing.one_of, FILMS, "A morph can be saved as GIF or PNG.")]


@dataclass(frozen=True)
class GridRequest:
    """A picture of n x n decoded digits."""

    names: Names
    n: Annotated[int, partial(parsing.one_of, GRID_SIZES, "There is no such grid.")]
    area: Annotated[str, partial(parsing.one_of, GRID_AREAS, "There is no such grid.")]


@dataclass(frozen=True)
class SamplesRequest:
    """Latent points drawn from the prior."""

    names: Names
    seed: Seed


@dataclass(frozen=True)
class Nearest:
    """The test digit nearest to a latent point, and how far it is."""

    digit: int
    distance: float


@dataclass(frozen=True)
class PointView:
    """What a model decodes at a latent point; probabilities are the referee's, null without it."""

    picture: str
    reading: list[float] | None
    nearest: Nearest | None


@dataclass(frozen=True)
class OwnTrack:
    """Where noise takes a digit on a map: the posterior at each noise factor, what is decoded there and read in it.

    `crossing` is the noise factor from which on another digit is read, `drawn` what is read without noise.
    """

    mu: list[list[float]]
    sigma: list[list[float]]
    decoded: list[str]
    crossing: float | None
    reads: list[int] | None
    drawn: int | None


@dataclass(frozen=True)
class Morph:
    """The latent points of a morph, what is decoded there, and the referee's probabilities."""

    places: list[list[float]]
    pictures: list[str]
    readings: list[list[float] | None]


@dataclass(frozen=True)
class Grid:
    """A PNG file of a grid; its sharpness as a share of the test digits' own, and the share that is readable."""

    content: str
    sharpness: float | None
    readable: float | None


@dataclass(frozen=True)
class Samples:
    """What a map decodes, and the referee's probabilities."""

    pictures: list[str]
    readings: list[list[float] | None]


@dataclass(frozen=True)
class MapsReply:
    """What each map has to say, by name."""

    maps: dict[str, Any]


@dataclass(frozen=True)
class OwnReply:
    """The digit under growing noise, and where that takes it on each map."""

    factors: list[float]
    noisy: list[str]
    maps: dict[str, OwnTrack]


@dataclass(frozen=True)
class FilmReply:
    """A file in base64, and its media type."""

    type: str
    content: str


@dataclass(frozen=True)
class SamplesReply:
    """Latent points, the same for all maps, and what each decodes there."""

    places: list[list[float]]
    maps: dict[str, Samples]
