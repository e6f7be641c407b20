"""What the Denoise page asks the server: a digit in a picture, a test digit, and what models make of a digit.

The server keeps nothing of a drawing: each request brings its strokes or its picture, and the ids of the models its
visitor trained.
"""

import random
from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...data import SIDE
from ...image_decoder import UPLOADS
from ...ink import BlankInk, FoundDigit, digit_from_strokes, find_digit, frame_digit
from ...ink.image_files import pixels_of
from ...ink.noisiness import looks_noisy
from ...models import Autoencoder
from ...noise import draw_noise, hidden_square
from ...runtime.timing import annotate, span
from ...sweeps import Comparison, SweepRequest, breaking_points, noisy_pictures
from ..endpoint import BatchedEndpoint
from ..parsing import NO_MODEL, BadRequest
from ..schemas import ABSENT, EmptyRequest
from ..serving.digits import mnist_test
from ..serving.model_pool import ModelPool
from ..wire import encode_pixels, finite
from .number_tray import find_number
from .schemas import (
    CodesReply,
    CompareReply,
    CompareRequest,
    MnistDigitReply,
    NumberReply,
    PictureReply,
    PictureRequest,
)

IMAGE = (1, 1, SIDE, SIDE)
CODE = "dense-16"  # the model whose code is shown


def read_picture(request: PictureRequest) -> PictureReply:
    """An uploaded picture's digit, or the number in one with several digits; InkError if nothing can be read."""
    pixels = pixels_of(request.content, UPLOADS)
    if request.is_noisy_input:
        return picture_reply(frame_digit(pixels))
    framed = frame_digit(pixels)
    is_noisy = looks_noisy(framed.digit, pixels)
    found = None if is_noisy else find_number(request.content)
    if isinstance(found, NumberReply):
        return PictureReply(number=found)
    try:
        digit = find_digit(pixels)
    except BlankInk:
        if not is_noisy:
            raise
        digit = framed  # under so much grain no ink is found: the page asks about it
    return replace(picture_reply(digit), looks_noisy=is_noisy or ABSENT, note=found or ABSENT)


def picture_reply(found: FoundDigit) -> PictureReply:
    """The digit found in a picture, and where."""
    return PictureReply(encode_pixels(found.digit), box=[round(share, 4) for share in found.box])


def test_digit(request: EmptyRequest) -> MnistDigitReply:
    """One of MNIST's test digits at random."""
    digits = mnist_test()
    if digits is None:
        raise BadRequest("MNIST is not on this machine.")
    index = random.randrange(len(digits))
    pixels = encode_pixels(digits[index : index + 1].floats())
    return MnistDigitReply(pixels, label=int(digits.labels[index]), place=index)


# ---------- what models make of a digit ----------


class Prepared(NamedTuple):
    """Models by name, None for those that are gone, and what they are asked.

    `clean_reader` says that the classifier which never saw noise is to read the pictures.
    """

    models: dict[str, nn.Module | None]
    request: SweepRequest
    clean_reader: bool


def compare(pool: ModelPool, request: CompareRequest) -> CompareReply:
    """What the models of a request make of its digit."""
    return compare_all(pool, [prepare(pool, request)])[0]


def codes(pool: ModelPool, request: CompareRequest) -> CodesReply:
    """What the encoder of the model CODE makes of a digit, at every noise factor asked for."""
    sweep = prepare(pool, replace(request, models=(CODE,), user_model_ids={})).request
    network = pool.models[CODE]
    assert isinstance(network, Autoencoder)
    with torch.inference_mode():
        values = network.encode(noisy_pictures(sweep))
    return CodesReply(sweep.factors, [[round(value, 2) for value in row] for row in values.tolist()])


def board_endpoint(pool: ModelPool) -> BatchedEndpoint:
    """`compare` for the board: requests for the same models, each at one noise factor, are answered in one batch."""
    return BatchedEndpoint(
        "compare", CompareRequest, partial(prepare, pool), partial(compare_all, pool), same_cards, lane="live"
    )


def prepare(pool: ModelPool, request: CompareRequest) -> Prepared:
    """The models and the digit of a request; BadRequest or InkError if there are none."""
    with span("ink"):
        x, reference = digit_of(request)
    factors = request.factors
    if request.is_noisy_input:
        factors, reference = (0.0,), False
    user_models = {name: pool.user_models.get(user_model_id) for name, user_model_id in request.user_model_ids.items()}
    if not all(name in pool.models or name in user_models for name in request.models):
        raise BadRequest(NO_MODEL)
    models: dict[str, nn.Module | None] = {}
    for name in request.models:
        user_model = user_models.get(name)
        models[name] = pool.models.get(name) or (user_model.network if user_model else None)
    return Prepared(models, SweepRequest(x, request.kind, request.seed, factors, reference), request.clean_reader)


def digit_of(request: CompareRequest) -> tuple[Tensor, bool]:
    """The digit (1, 1, 28, 28) of a request, and whether it can serve as the reference of figures."""
    if request.non_digit == "blank" and not request.strokes:
        return torch.zeros(IMAGE), False
    if request.non_digit == "noise" and not request.strokes:
        return torch.rand(IMAGE, generator=torch.Generator().manual_seed(request.seed)), False
    return (digit_from_strokes(request.strokes) if request.picture is None else request.picture), True


def same_cards(request: CompareRequest) -> Hashable | None:
    """What requests have in common that can be answered in one batch: models and reader, each at one noise factor.

    Sweeps are batches of their own: several at once take as long as one after another. A visitor's own models are
    nobody else's.
    """
    return None if request.user_model_ids or len(request.factors) != 1 else (request.models, request.clean_reader)


def compare_all(pool: ModelPool, prepared: list[Prepared]) -> list[CompareReply]:
    """The replies to requests for the same models and reader."""
    models = {name: model for name, model in prepared[0].models.items() if model is not None}
    comparisons = pool.sweep([one.request for one in prepared], models, prepared[0].clean_reader)
    annotate(factors=len(prepared[0].request.factors))
    gone = [name for name in prepared[0].models if name not in models]
    with span("encode"):
        return [
            replace(reply_of(comparison), gone=gone, **hidden_parts(one.request))
            for one, comparison in zip(prepared, comparisons, strict=True)
        ]


def hidden_parts(request: SweepRequest) -> dict[str, Any]:
    """The field `hidden` of a reply, for noise that hides a part of the picture."""
    if request.kind != "block-out":
        return {}
    field = draw_noise(request.kind, request.x.shape, request.seed)
    return {"hidden": [hidden_square(field, factor) for factor in request.factors]}


def reply_of(comparison: Comparison) -> CompareReply:
    """A comparison as the board reads it."""

    def rounded(values: Tensor | None, digits: int) -> list[list[float | None]] | None:
        return None if values is None else [[finite(v, digits) for v in row] for row in values.tolist()]

    def readings(probabilities: Tensor | None) -> list | None:
        if probabilities is None:
            return None
        sure, digit = probabilities.max(dim=-1)
        return torch.stack((digit.float(), sure), dim=-1).mul(1e4).round().div(1e4).tolist()

    return CompareReply(
        digit=encode_pixels(comparison.clean),
        names=comparison.names,
        factors=comparison.factors,
        pictures=encode_pixels(comparison.pictures),
        psnr=rounded(comparison.psnr, 2),
        ssim=rounded(comparison.ssim, 3),
        reading=readings(comparison.clean_reading),
        reads=readings(comparison.readings),
        breaks=None if comparison.readings is None or comparison.psnr is None else breaking_points(comparison),
        failed=comparison.failed,
        gone=[],
    )
