"""What the Models page asks the server, and the replies."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from .. import parsing
from ..i18n import Text
from ..schemas import ABSENT, Kind, ModelName, PageDigit, Seed


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
class Stage:
    """The last layer of its size in a network, and its most active tile."""

    step: int
    sheet: dict


@dataclass(frozen=True)
class InsideReply:
    """What a model is given and returns: a picture and the PSNR of both, or what it reads; a layer; all stages.

    A network has a new stage wherever the size of its layers changes.
    """

    input: str
    noisy: bool
    output: str = ABSENT
    psnr: list[float | None] = ABSENT
    reading: tuple[int, float] = ABSENT
    step: int = ABSENT
    sheet: dict = ABSENT
    stages: list[Stage] = ABSENT


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
    origin: Text
    kind: Text
    factor: float


@dataclass(frozen=True)
class SpectrumRequest:
    """A model, or null for the digits themselves."""

    model: Annotated[str | None, parsing.optional_model_name]


@dataclass(frozen=True)
class SpectrumRow:
    """One picture, the spectrum of many, and how strong checkerboards of periods 2 and 4 are in them.

    `view` says what they show, such as "trained".
    """

    view: str
    picture: str
    spectrum: str
    period2: float
    period4: float


@dataclass(frozen=True)
class SpectrumReply:
    """Spectra of what a model makes of so many digits."""

    digits: int
    rows: list[SpectrumRow]
