"""Every request that the page sends and every reply, as dataclasses.

The annotation of a request's field names the parser of its value. Replies are sent as JSON objects of their fields; a
field that is ABSENT is left out.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, TypeVar, cast, get_type_hints

from torch import Tensor

from . import parsing
from .parsing import FILMS, GRID_AREAS, GRID_SIZES

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


# ---------- every page ----------


@dataclass(frozen=True)
class ErrorReply:
    """What went wrong, as a sentence."""

    error: str


@dataclass(frozen=True)
class WaitingReply:
    """The request's position in the queue, and the seconds after which to ask again."""

    waiting: int
    again: float


@dataclass(frozen=True)
class SupersededReply:
    """A newer request came in the place of this one."""

    replaced: bool = True


@dataclass(frozen=True)
class EmptyRequest:
    """A request that says nothing."""


@dataclass(frozen=True)
class EmptyReply:
    """A reply that says nothing."""


# ---------- Denoise ----------


@dataclass(frozen=True)
class PictureRequest:
    """A picture file to be fitted, or, `already` noisy, only framed."""

    content: Annotated[bytes, parsing.picture_file]
    already: Flag


@dataclass(frozen=True)
class PictureReply:
    """The fitted digit, a byte for each pixel."""

    digit: str


@dataclass(frozen=True)
class MnistDigitReply:
    """A digit of MNIST's test set, its label and its index."""

    digit: str
    label: int
    place: int


@dataclass(frozen=True)
class CompareRequest:
    """What the board asks: models on a digit under noise, at some noise factors or at all of the sweep.

    The digit is `strokes`; or an uploaded `picture`; or what an earlier reply called `fitted`; or `odd`, no digit on
    purpose. To a picture that is `already` noisy nothing is added. `own` are the ids of the visitor's own models.
    """

    kind: Kind
    seed: Seed
    factors: Annotated[tuple[float, ...], parsing.noise_factors]
    strokes: Anything
    picture: Annotated[Tensor | None, parsing.picture]
    fitted: Annotated[Tensor | None, parsing.fitted_digit]
    odd: Anything
    already: Flag
    models: Annotated[tuple[str, ...], parsing.model_names]
    own: Annotated[dict[str, object], parsing.user_model_ids]


@dataclass(frozen=True)
class CompareReply:
    """Every row (the noisy picture and each model) at every noise factor; an unbounded PSNR is null.

    `reading` and `reads` are [digit, probability]. What stands in a row that is among `failed` means nothing. `gone`
    are those of the visitor's own models that are no longer there. `fitted` are the digit's exact pixels, null where
    it does not come from strokes.
    """

    digit: str
    names: tuple[str, ...]
    factors: tuple[float, ...]
    pictures: str
    psnr: list[list[float | None]] | None
    ssim: list[list[float | None]] | None
    reading: list[float] | None
    reads: list[list[list[float]]] | None
    failed: tuple[str, ...]
    gone: list[str]
    fitted: str | None


# ---------- Possible originals ----------


@dataclass(frozen=True)
class OriginalsRequest:
    """A digit and its noise, the seed of the originals (`draw`), and whether to show how they condense.

    To a picture that is `already` noisy nothing is added.
    """

    picture: PageDigit
    already: Flag
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


# ---------- Latent space ----------


@dataclass(frozen=True)
class MapsRequest:
    """Which maps."""

    names: Names


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


# ---------- Models ----------


@dataclass(frozen=True)
class InsideRequest:
    """A look into a model that is given the visitor's digit; `step` is the layer, null the code."""

    model: ModelName
    digit: PageDigit
    kind: Kind
    seed: Seed
    factor: Annotated[float, parsing.noise_factor]
    step: Annotated[int | None, parsing.layer_index]


@dataclass(frozen=True)
class InsideReply:
    """What a model is given and returns: a picture and the PSNR of both, or what it reads; and the tiles of a layer."""

    input: str
    noisy: bool
    output: str = ABSENT
    psnr: list[float | None] = ABSENT
    reading: tuple[int, float] = ABSENT
    step: int = ABSENT
    sheet: dict = ABSENT


@dataclass(frozen=True)
class ModelRequest:
    """A model."""

    model: ModelName


@dataclass(frozen=True)
class WeightsReply:
    """The first layer's weights as tiles, null where a model has none."""

    sheet: dict | None


@dataclass(frozen=True)
class TenRequest:
    """Some models on ten digits; another `turn`, other digits."""

    models: Annotated[tuple[str, ...], partial(parsing.model_names, most=100)]
    turn: Annotated[int, parsing.turn]


@dataclass(frozen=True)
class TenRow:
    """Ten pictures, and their mean PSNR in dB."""

    name: str
    pictures: str
    psnr: float | None


@dataclass(frozen=True)
class TenReply:
    """The ten digits with noise, what each model makes of them, and the digits themselves."""

    rows: list[TenRow]
    origin: str
    kind: str
    factor: float


@dataclass(frozen=True)
class SpectrumRequest:
    """A model, or null for the digits themselves."""

    model: Annotated[str | None, parsing.optional_model_name]


@dataclass(frozen=True)
class SpectrumRow:
    """One picture, the spectrum of many, and how strong checkerboards of periods 2 and 4 are in them."""

    words: str
    picture: str
    spectrum: str
    period2: float
    period4: float


@dataclass(frozen=True)
class SpectrumReply:
    """Spectra of what a model makes of so many digits."""

    digits: int
    rows: list[SpectrumRow]


# ---------- Train ----------


@dataclass(frozen=True)
class TicketRequest:
    """A ticket of the training queue, null for a new one."""

    ticket: Anything


@dataclass(frozen=True)
class TicketReply:
    """The ticket, null if it is no longer valid, and how many are before it."""

    ticket: str | None
    before: int


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
    origin: str


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

    Or an error. Its fields are those of live_training.Snapshot.
    """

    ticket: Any = ABSENT
    error: str = ABSENT
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
    id: str = ABSENT
    card: dict = ABSENT
