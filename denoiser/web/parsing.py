"""The one parser of each value in a request, whether the page sends it or a script.

A parser takes what JSON held, None where there was nothing, and raises BadRequest or another error that is a sentence.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from ..data import PIXELS, SIDE
from ..errors import DenoiserError
from ..image_decoder import TOO_LARGE
from ..latent import LatentPointError, latent_points
from ..noise import NOISES
from ..sweeps import NOISE_FACTORS
from .server.attachments import attachments

HIGHEST_SEED = 2**31 - 1
MOST_MODELS = 11  # two lines of cards with the noisy one
MAX_UPLOAD_BYTES = 24_000_000
MOST_BASE64 = 34_000_000  # characters of an upload: a little more than the largest
MOST_TURNS = 1_000_000
GRID_SIZES = (10, 15, 20, 30)
GRID_AREAS = ("2", "3", "4", "quantiles")  # the plane up to so many sigma, or the prior's quantiles
ORIGINALS = 12
DREAM_STEPS = 20
MOST_SEGMENTS = 600  # of a picture that is read: 100 digits and more, and two or three seconds of work
FILMS = {"gif": "image/gif", "png": "image/png"}

UNREADABLE = "The request could not be read."
NO_MODEL = "There is no such model."
NO_MAP = "There is no such map."
NO_LAYER = "This model has no such layer."
NO_DIGIT = "Draw a digit on the Denoise page."


class BadRequest(DenoiserError, ValueError):
    """A request that no page of ours sends; the message is a sentence."""


# ---------- values ----------


def noise_kind(value: object) -> str:
    """The name of a kind of noise."""
    if not isinstance(value, str) or value not in NOISES:
        raise BadRequest("There is no such kind of noise.")
    return value


def whole_seed(value: object) -> int:
    """A seed, from 0 to HIGHEST_SEED."""
    if type(value) is not int or not 0 <= value <= HIGHEST_SEED:
        raise BadRequest("The seed must be a whole number from 0 to {0}.", HIGHEST_SEED)
    return value


def noise_factor(value: object) -> float:
    """A noise factor, from 0 to 1."""
    if type(value) not in (int, float) or not 0 <= cast(float, value) <= 1:
        raise BadRequest("A noise factor is a number from 0 to 1.")
    return cast(float, value)


def noise_factors(value: object) -> tuple[float, ...]:
    """Noise factors; all of the sweep for None."""
    if value is None:
        return NOISE_FACTORS
    if not isinstance(value, list) or not 1 <= len(value) <= len(NOISE_FACTORS):
        raise BadRequest("Between 1 and {0} noise factors can be asked for at once.", len(NOISE_FACTORS))
    return tuple(map(noise_factor, value))


def noise(kind: object, seed: object, factor: object) -> tuple[str, int, float]:
    """The kind of a noise, its seed and its noise factor."""
    return noise_kind(kind), whole_seed(seed), noise_factor(factor)


def is_true(value: object) -> bool:
    """Whether a value is true, and not just anything."""
    return value is True


def model_name(value: object) -> str:
    """The name of a model; whether there is one is told elsewhere."""
    if not isinstance(value, str):
        raise BadRequest(NO_MODEL)
    return value


def optional_model_name(value: object) -> str | None:
    """The name of a model, or None."""
    return None if value is None else model_name(value)


def model_names(value: object, most: int = MOST_MODELS) -> tuple[str, ...]:
    """The names of up to `most` models."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise BadRequest("Between 1 and {0} models can be compared at once.", most)
    return tuple(map(model_name, value))


def user_model_ids(value: object) -> dict[str, object]:
    """The ids of the models that a visitor trained, by the names that their page gives them."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_MODELS:
        raise BadRequest(NO_MODEL)
    return value


def map_names(value: object) -> tuple[str, ...]:
    """The names of maps, each once."""
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise BadRequest(NO_MAP)
    return tuple(dict.fromkeys(value))


def by_map(parser: Callable[[object], Any], value: object) -> dict[str, Any]:
    """Values by the names of maps."""
    if not isinstance(value, dict) or not value:
        raise BadRequest(NO_MAP)
    return {name: parser(given) for name, given in value.items()}


def latent_point(value: object) -> Tensor:
    """A latent point (2,); LatentPointError where it is none, or off the map."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(v) in (int, float) for v in value):
        raise LatentPointError("A point on the map is two numbers.")
    return latent_points([value])[0]


def latent_pair(value: object) -> tuple[Tensor, Tensor]:
    """Two latent points."""
    if not isinstance(value, list) or len(value) != 2:
        raise LatentPointError("A morph goes from one point to another.")
    return latent_point(value[0]), latent_point(value[1])


def layer_index(value: object) -> int | None:
    """The index of a layer from 0, or None."""
    if value is not None and (type(value) is not int or value < 0):
        raise BadRequest(NO_LAYER)
    return value


def turn(value: object) -> int:
    """Which ten digits; the first for None."""
    if value is not None and (type(value) is not int or not 0 <= value < MOST_TURNS):
        raise BadRequest("There is no such row of digits.")
    return value or 0


def one_of(choices: Mapping | tuple, sentence: str, value: object) -> Any:
    """One of some choices, else BadRequest with the sentence."""
    if not isinstance(value, str | int) or value not in choices:
        raise BadRequest(sentence)
    return value


def unchecked(value: object) -> Any:
    """Anything: whoever uses it checks it, and raises an error that is a sentence."""
    return value


# ---------- digits ----------


def decoded(value: object) -> bytes | bytearray:
    """The bytes of base64, or of the picture that travels apart from a large request under a token."""
    try:
        text = cast(str, value)
        attached = attachments.take(text)
        return base64.b64decode(text, validate=True) if attached is None else attached
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadRequest(UNREADABLE) from error


def picture_file(value: object) -> bytes | bytearray:
    """The bytes of a picture file in base64."""
    if not isinstance(value, str) or len(value) > MOST_BASE64:
        raise BadRequest(TOO_LARGE, MAX_UPLOAD_BYTES // 1_000_000)
    return decoded(value)


def picture(value: object) -> Tensor | None:
    """A digit (1, 1, 28, 28) in [0, 1] from base64 of a byte for each pixel; None for nothing."""
    if not value:
        return None
    content = decoded(value)
    if len(content) != PIXELS:
        raise BadRequest("A fitted picture has {0} bytes.", PIXELS)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(1, 1, SIDE, SIDE).float() / 255


def digit_on_page(value: object) -> Tensor:
    """The digit (1, 1, 28, 28) in [0, 1] on the Denoise page, base64 of a byte for each pixel."""
    digit = picture(value)
    if digit is None:
        raise BadRequest(NO_DIGIT)
    return digit


def originals(value: object) -> Tensor:
    """The twelve originals (12, 28, 28) in [0, 1] on the page, base64 of a byte for each pixel."""
    content = decoded(value)
    if len(content) != ORIGINALS * PIXELS:
        raise BadRequest("{0} fitted pictures have {1} bytes.", ORIGINALS, ORIGINALS * PIXELS)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(ORIGINALS, SIDE, SIDE).float() / 255


def erased(value: object) -> Tensor:
    """The mask (1, 1, 28, 28) of what is erased of a digit, base64 of a byte for each pixel, 0 where nothing is."""
    mask = digit_on_page(value) > 0
    if not mask.any():
        raise BadRequest("Nothing is erased.")
    return mask


def dream_step(value: object) -> int:
    """A step of a dream from which it can go on differently."""
    if type(value) is not int or not 0 <= value < DREAM_STEPS:
        raise BadRequest("A dream can fork at its steps 0 to {0}.", DREAM_STEPS - 1)
    return value
