"""The Denoise tab: draw or upload a digit, set the noise, compare what every model makes of it.

The server keeps nothing of a drawing: each request brings its strokes or its fitted picture, and the ids of the models
its visitor trained.
"""

import base64
import binascii
import math
import random
from collections.abc import Hashable
from functools import partial

import gradio as gr
import torch
from torch import Tensor, nn

from ...data import PIXELS, SIDE, has_mnist
from ...data.examples import EXAMPLES
from ...image_decoder import UPLOADS, start_workers
from ...ink import digit_from_image, digit_from_strokes, framed_from_image
from ...noise import NOISES
from ...runtime.timing import annotate, span
from ...sweeps import NOISE_FACTORS, Comparison, SweepRequest
from ..components import calling, component
from ..endpoint import BadRequest, BatchedEndpoint, as_endpoint
from ..server.attachments import attachments
from ..serving.digits import mnist_test
from ..serving.model_pool import ModelPool
from ..words import native

SEED = 4271
HIGHEST_SEED = 2**31 - 1
MOST_MODELS = 11  # two lines of cards with the noisy one
MOST_BASE64 = 34_000_000  # characters of an upload: a little over the 24 MB the pad lets through


# ---------- what the browser may ask ----------


def read_picture(request: dict) -> dict:
    """An uploaded file (`content`, base64) to its fitted digit, or, `already` noisy, only framed.

    InkError where there is none to be read.
    """
    content = request.get("content")
    if not isinstance(content, str) or len(content) > MOST_BASE64:
        raise BadRequest("That file is larger than 24 MB. Try a smaller picture.")
    fit = framed_from_image if request.get("already") is True else digit_from_image
    return {"digit": encode(fit(decode(content), UPLOADS))}


def test_digit(request: dict) -> dict:
    """One of MNIST's test digits at random, with its label and its place among the 10,000."""
    digits = mnist_test()
    if digits is None:
        raise BadRequest("MNIST is not on this machine.")
    place = random.randrange(len(digits))
    return {"digit": encode(digits[place : place + 1].floats()), "label": int(digits.labels[place]), "place": place}


def compare(pool: ModelPool, request: dict) -> dict:
    """The request's `models` on its digit: at its `factors`, or at the whole ladder where that is null.

    To what is `already` noisy nothing is added, and nobody knows its clean digit. The visitor's `own` models come with
    their ids; those that are no longer kept are left out, and named under "gone".
    """
    return compare_all(pool, [question_of(pool, request)])[0]


def board_endpoint(pool: ModelPool) -> BatchedEndpoint:
    """`compare` for the board: who waits for the same models, each at one noise factor, is answered at once."""
    return BatchedEndpoint("compare", partial(question_of, pool), partial(compare_all, pool), same_cards, lane="live")


Asked = tuple[dict[str, nn.Module | None], SweepRequest]  # models by name, None for what is gone; their request


def question_of(pool: ModelPool, request: dict) -> Asked:
    """What a request asks, checked."""
    kind, seed, factors = noise_of(request)
    with span("ink"):
        x, reference = digit_of(request, seed)
    if request.get("already") is True:
        factors, reference = (0.0,), False
    names = request.get("models")
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_MODELS:
        raise BadRequest(f"Between 1 and {MOST_MODELS} models can be compared at once.")
    user_models = user_models_of(pool, request.get("own"))
    if not all(isinstance(name, str) and (name in pool.models or name in user_models) for name in names):
        raise BadRequest("There is no such model.")
    return {name: pool.models.get(name) or user_models[name] for name in names}, SweepRequest(
        x, kind, seed, factors, reference
    )


def same_cards(request: dict) -> Hashable | None:
    """What requests have in common that can be answered together: their models, each at one noise factor.

    Ladders are batches of their own already: several at once take as long as one after another. A visitor's own models
    are nobody else's.
    """
    factors = request.get("factors")
    if request.get("own") or not isinstance(factors, list) or len(factors) != 1:
        return None
    return tuple(request["models"])


def compare_all(pool: ModelPool, asked: list[Asked]) -> list[dict]:
    """The replies to questions about the same models."""
    named = asked[0][0]
    models = {name: model for name, model in named.items() if model is not None}
    found = pool.sweep([question for _, question in asked], models)
    annotate(factors=len(asked[0][1].factors))
    gone = [name for name in named if name not in models]
    with span("encode"):
        return [reply_of(comparison) | {"gone": gone} for comparison in found]


def user_models_of(pool: ModelPool, user_model_ids: object) -> dict[str, nn.Module | None]:
    """The models that the request's visitor trained, by the names their page gives them; None for those that are gone.

    BadRequest if `user_model_ids` is no object of names and ids.
    """
    if user_model_ids is None:
        return {}
    if not isinstance(user_model_ids, dict) or len(user_model_ids) > MOST_MODELS:
        raise BadRequest("There is no such model.")
    found = {name: pool.user_models.get(user_model_id) for name, user_model_id in user_model_ids.items()}
    return {name: model and model.network for name, model in found.items()}


def noise_of(request: dict) -> tuple[str, int, tuple[float, ...]]:
    """The request's noise kind, seed and factors, checked."""
    kind, seed, factors = request.get("kind"), request.get("seed"), request.get("factors")
    if not isinstance(kind, str) or kind not in NOISES:
        raise BadRequest("There is no such kind of noise.")
    if type(seed) is not int or not 0 <= seed <= HIGHEST_SEED:
        raise BadRequest(f"The seed must be a whole number from 0 to {HIGHEST_SEED}.")
    if factors is None:
        return kind, seed, NOISE_FACTORS
    if not isinstance(factors, list) or not 1 <= len(factors) <= len(NOISE_FACTORS):
        raise BadRequest(f"Between 1 and {len(NOISE_FACTORS)} noise factors can be asked for at once.")
    if not all(type(f) in (int, float) and 0 <= f <= 1 for f in factors):
        raise BadRequest("A noise factor is a number from 0 to 1.")
    return kind, seed, tuple(factors)


def digit_of(request: dict, seed: int) -> tuple[Tensor, bool]:
    """The request's digit (1, 1, 28, 28), and whether it can serve as the reference of figures."""
    odd = request.get("odd")
    if odd in ("blank", "noise") and not request.get("strokes"):
        shape = (1, 1, SIDE, SIDE)
        pure_noise = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
        return (pure_noise if odd == "noise" else torch.zeros(shape)), False
    if picture := request.get("picture"):
        content = decode(picture)
        if len(content) != PIXELS:
            raise BadRequest(f"A fitted picture has {PIXELS} bytes.")
        return torch.tensor(list(content), dtype=torch.float32).view(1, 1, SIDE, SIDE) / 255, True
    return digit_from_strokes(request.get("strokes")), True


def decode(text: str) -> bytes:
    """Base64, or the token of a large request's picture, to bytes; BadRequest where it is neither."""
    try:
        attached = attachments.take(text)
        return base64.b64decode(text, validate=True) if attached is None else attached
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadRequest("The request could not be read.") from error


def encode(pictures: Tensor) -> str:
    """Pictures in [0, 1] as base64 of one byte per pixel."""
    return base64.b64encode(pictures.mul(255).round().byte().numpy().tobytes()).decode()


def reply_of(comparison: Comparison) -> dict:
    """A comparison as the board reads it: rows by factors, unbounded PSNR as null, readings as [digit, probability].

    What stands in a row that is among `failed` means nothing.
    """

    def rounded(values: Tensor | None, digits: int) -> list | None:
        return None if values is None else [[finite(v, digits) for v in row] for row in values.tolist()]

    def readings(probabilities: Tensor) -> list:
        sure, digit = probabilities.max(dim=-1)
        return torch.stack((digit.float(), sure), dim=-1).mul(1e4).round().div(1e4).tolist()

    return {
        "digit": encode(comparison.clean),
        "names": comparison.names,
        "factors": comparison.factors,
        "pictures": encode(comparison.pictures),
        "psnr": rounded(comparison.psnr, 2),
        "ssim": rounded(comparison.ssim, 3),
        "reading": None if comparison.clean_reading is None else readings(comparison.clean_reading),
        "reads": None if comparison.readings is None else readings(comparison.readings),
        "failed": comparison.failed,
    }


def finite(value: float, digits: int) -> float | None:
    """`value` rounded, None where JSON has no word for it."""
    return round(value, digits) if math.isfinite(value) else None


# ---------- what stands on the page ----------


def example_props() -> dict:
    """Our own example digits for the tray, each with its strokes and its fitted picture, and the letter."""
    drawn = [
        {"name": name, "strokes": strokes, "pixels": encode(digit_from_strokes(strokes))}
        for name, strokes in EXAMPLES.items()
    ]
    digits = [e for e in drawn if e["name"].isdigit()]
    return {"examples": digits, "letter": next(e for e in drawn if not e["name"].isdigit())}


def logo() -> str:
    """The header's picture: an example digit under a little noise."""
    from ...noise import add_noise, draw_noise

    digit = digit_from_strokes(EXAMPLES["3"])
    return encode(add_noise(digit, draw_noise("gaussian", digit.shape, 5), 0.28))


def build(pool: ModelPool) -> None:
    """The tab: pad and noise above, one card per model below."""
    start_workers()
    with gr.Row(elem_id="bench", elem_classes="plain"):
        component(
            "denoise/pad", as_endpoint(read_picture, "pictures"), test_digit, mnist=has_mnist(), **example_props()
        )
        with gr.Column(elem_id="noise", elem_classes="plain"):
            component("denoise/already")
            with gr.Column(elem_id="noise-panel"):
                kind = gr.Radio(
                    [(native(noise.label), name) for name, noise in NOISES.items()],
                    value="gaussian",
                    label=native("Noise kind"),
                    show_label=False,
                    container=False,
                    elem_id="kind",
                    elem_classes="segmented",
                )
                component("denoise/meaning", meanings={name: noise.meaning for name, noise in NOISES.items()})
                with gr.Row(elem_id="dial"):
                    component("denoise/factor")
                    seed = gr.Number(
                        SEED,
                        label=native("seed"),
                        precision=0,
                        minimum=0,
                        maximum=HIGHEST_SEED,
                        elem_id="seed",
                        container=True,
                    )
                    new_noise = gr.Button(native("New noise"), variant="primary", elem_id="new-noise")
                component("denoise/film")
    with gr.Row(elem_id="board-head", elem_classes="plain"):
        component("denoise/heading")
        view = gr.Radio(
            [(native(view), view.lower()) for view in ("Picture", "Difference", "Wipe")],
            value="picture",
            label=native("View"),
            show_label=False,
            container=False,
            elem_id="views",
            elem_classes="segmented",
        )
    cards = [pool.card(name) for name in pool.models]
    kinds = {name: noise.label for name, noise in NOISES.items()}
    component(
        "denoise/board",
        board_endpoint(pool),
        models=cards,
        missing=[pool.gap(name) for name in pool.missing],
        featured=pool.featured,
        most=MOST_MODELS,
        kinds=kinds,
    )
    component("denoise/axis")
    component("denoise/camera")

    controls = "denoise/gradio_controls.js"
    kind.change(None, kind, None, js=calling(controls, "setKind"))
    # A link may ask for another kind and seed than these components start with.
    gr.on(None, None, None, [kind, seed], js=calling(controls, "startValues", list(NOISES)))
    seed.change(None, seed, None, js=calling(controls, "typeSeed"))
    gr.on([seed.blur, seed.submit], None, seed, seed, js=calling(controls, "enterSeed"))
    new_noise.click(None, None, seed, js=calling(controls, "newSeed"))
    view.change(None, view, None, js=calling(controls, "setView"))
