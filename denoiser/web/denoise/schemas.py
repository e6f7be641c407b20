"""What the Denoise page asks the server, and the replies."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from .. import parsing
from ..i18n import Text
from ..schemas import ABSENT, Anything, Flag, Kind, Seed


@dataclass(frozen=True)
class PictureRequest:
    """A picture file to be fitted; one that `is_noisy_input` is only framed."""

    content: Annotated[bytes, parsing.picture_file]
    is_noisy_input: Flag


@dataclass(frozen=True)
class MarkReply:
    """A digit, "." or "-" in a picture, or "*" for what is none of these.

    `box` is its left, top, width and height as shares of the picture. Digits have two pictures, a byte for each pixel:
    as they are framed, and cleaned.
    """

    name: str
    probability: float
    box: list[float]
    framed: str = ABSENT
    cleaned: str = ABSENT


@dataclass(frozen=True)
class NumberReply:
    """The number in a picture with several digits, the next readings with their probabilities, and the marks by row.

    `size` are the width and height of the picture in pixels.
    """

    text: str
    probability: float
    alternatives: list[tuple[str, float]]
    size: tuple[int, int]
    rows: list[list[MarkReply]]


@dataclass(frozen=True)
class PictureReply:
    """The fitted digit, a byte for each pixel; or the number in a picture with several.

    `box` is where in the picture one digit is: left, top, width and height as shares of it. `looks_noisy` says whether
    such a picture looks noisy already, `note` that it may be something else.
    """

    digit: str = ABSENT
    box: list[float] = ABSENT
    looks_noisy: bool = ABSENT
    number: NumberReply = ABSENT
    note: Text = ABSENT


@dataclass(frozen=True)
class MnistDigitReply:
    """A digit of MNIST's test set, its label and its index."""

    digit: str
    label: int
    place: int


@dataclass(frozen=True)
class CompareRequest:
    """What the board asks: models on a digit under noise, at some noise factors or at all of the sweep.

    The digit is `strokes`; or an uploaded `picture`; or `non_digit`, no digit on purpose. To a picture that
    `is_noisy_input` nothing is added. `user_model_ids` are those of the visitor's own models, by name. With
    `clean_reader` a classifier that never saw noise reads the pictures, not the referee.
    """

    kind: Kind
    seed: Seed
    factors: Annotated[tuple[float, ...], parsing.noise_factors]
    strokes: Anything
    picture: Annotated[Tensor | None, parsing.picture]
    non_digit: Anything
    is_noisy_input: Flag
    clean_reader: Flag
    models: Annotated[tuple[str, ...], parsing.model_names]
    user_model_ids: Annotated[dict[str, object], parsing.user_model_ids]


@dataclass(frozen=True)
class CodesReply:
    """The code of the noisy digit at each noise factor, as numbers from -1 to 1."""

    factors: tuple[float, ...]
    codes: list[list[float]]


@dataclass(frozen=True)
class CompareReply:
    """Every row (the noisy picture and each model) at every noise factor; an unbounded PSNR is null.

    `reading` and `reads` are [digit, probability]. What stands in a row that is among `failed` means nothing. `gone`
    are those of the visitor's own models that are no longer there. `hidden` is the square that block-out takes out at
    each noise factor, as top, left, bottom and right in pixels.
    """

    digit: str
    names: tuple[str, ...]
    factors: tuple[float, ...]
    pictures: str
    psnr: list[list[float | None]] | None
    ssim: list[list[float | None]] | None
    reading: list[float] | None
    reads: list[list[list[float]]] | None
    breaks: list[float | None] | None
    failed: tuple[str, ...]
    gone: list[str]
    hidden: list[tuple[int, int, int, int] | None] = ABSENT
