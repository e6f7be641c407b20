"""The page's work for scripts: named, typed endpoints, and MCP tools where Gradio has its extra.

Pictures come and go as data URLs or bare base64 of a picture file. Errors are sentences.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypedDict, cast

import gradio as gr
import torch
from torch import Tensor

from .. import latent
from ..data import SIDE
from ..errors import DenoiserError
from ..image_decoder import UPLOADS
from ..ink import digit_from_image, framed_from_image
from ..latent import has_plane
from ..models import VAE
from ..noise import add_noise, draw_noise
from ..posterior import pool
from ..referee import class_probabilities
from ..sweeps import Comparison, SweepRequest
from . import parsing
from .endpoint import shown_error
from .parsing import BadRequest
from .reading_api import ReadingEndpoints, content_of, png_url
from .server.attachments import attachments
from .server.request_queue import LANES, Queued, RequestQueue
from .serving.model_pool import ModelPool
from .serving.sampling import Sampled, SamplingService
from .wire import finite

MOST_MODELS = 30
BUSY = "Too many calls wait here already. Try again in a few seconds."
MOST_SAMPLES = 24  # of one call
ANYBODY = "unet"  # who denoises when nobody is named; where it is not there, the first that is


class Reading(TypedDict):
    """What the referee reads, and how sure it is, in [0, 1]."""

    digit: int
    probability: float


class Denoised(TypedDict):
    """One model's picture (PNG as a data URL, 28 x 28), its PSNR in dB and SSIM (null where no noise was added).

    All but its name is null where the model failed.
    """

    model: str
    image: str | None
    psnr: float | None
    ssim: float | None
    reading: Reading | None


class Compared(TypedDict):
    """The digit as the models' training knew digits, the noisy one, and what each model makes of it."""

    clean: str
    clean_reading: Reading | None
    results: list[Denoised]


class Place(TypedDict):
    """Where an encoder puts a digit on the plane: mean and standard deviation of each of two coordinates."""

    model: str
    mean: list[float]
    sd: list[float]


class Decoded(TypedDict):
    """What lies at a place of the plane."""

    image: str
    reading: Reading | None


class Sample(TypedDict):
    """A picture that a sampler drew (PNG as a data URL, 28 x 28)."""

    image: str
    reading: Reading | None


class Originals(TypedDict):
    """What a noisy picture may have been: the samples, their mean, and the digit that most of them read as.

    `noisy` is the picture they are drawn for. `votes` has, for each digit that is read, the number of samples;
    `probabilities` has the probability of each digit, 0 to 9: the mean of the referee's over the samples.
    """

    noisy: str
    samples: list[Sample]
    mean: str
    votes: dict[str, int]
    probabilities: list[float] | None


class About(TypedDict):
    """A model that can be named."""

    name: str
    title: str
    family: str
    task: str
    parameters: int
    has_plane: bool


class Endpoints(ReadingEndpoints):
    """What scripts may ask; each public method is an endpoint of its name."""

    def __init__(self, pool: ModelPool):
        self.pool = pool

    def models(self) -> list[About]:
        """All models and filters that can be named, in the page's order."""
        return [
            {
                "name": name,
                "title": record.recipe.title,
                "family": record.recipe.family,
                "task": record.recipe.task,
                "parameters": record.parameters,
                "has_plane": has_plane(self.pool.models[name]),
            }
            for name, record in self.pool.records.items()
        ]

    def denoise(
        self,
        image: str,
        model: str = "",
        noise_kind: str = "gaussian",
        noise_factor: float = 0.0,
        seed: int = 0,
        framed: bool = False,
    ) -> Denoised:
        """Denoise one picture of a digit; noise is added first where the factor is above 0, up to 1.

        A picture of any size is framed as MNIST frames its digits, unless `framed` says that it is noisy already or
        framed already: then its noise is left alone.
        """
        result = self.compare(image, [model or self.anybody()], noise_kind, noise_factor, seed, framed)["results"][1]
        if result["image"] is None:
            raise DenoiserError(f"{result['model']} failed on the server; other models may work.")
        return result

    def compare(
        self,
        image: str,
        models: list[str],
        noise_kind: str = "gaussian",
        noise_factor: float = 0.0,
        seed: int = 0,
        framed: bool = False,
    ) -> Compared:
        """The same digit under the same noise through several models; the first result is the noisy picture itself."""
        names = parsing.model_names(models, MOST_MODELS)
        kind, seed, factor = parsing.noise(noise_kind, seed, noise_factor)
        chosen = {name: self.pool.models[self.known(name)] for name in names}
        x = picture_of(image, framed is True)
        # without noise there is nothing to hold the pictures against
        return as_reply(self.pool.sweep([SweepRequest(x, kind, seed, (factor,), reference=factor > 0)], chosen)[0])

    def encode(self, image: str, model: str = "", framed: bool = False) -> Place:
        """Where a variational autoencoder of two latent dimensions puts a digit."""
        name = self.with_plane(model)
        mean, sd = latent.posterior(self.plane(name), picture_of(image, framed is True))
        return {"model": name, "mean": rounded(mean.flatten()), "sd": rounded(sd.flatten())}

    def decode(self, place: list[float], model: str = "") -> Decoded:
        """The digit at a place (two coordinates) of a variational autoencoder's plane."""
        pictures = latent.decode(self.plane(self.with_plane(model)), parsing.latent_point(place).unsqueeze(0))
        read = None if self.pool.referee is None else class_probabilities(self.pool.referee, pictures)[0]
        return {"image": as_url(pictures[0]), "reading": reading_of(read)}

    def originals(
        self,
        image: str,
        noise_kind: str = "gaussian",
        noise_factor: float = 0.0,
        seed: int = 0,
        count: int = 12,
        sample_seed: int = 0,
        framed: bool = False,
    ) -> Originals:
        """Clean digits that a noisy picture may come from, each as likely as the others: a network's guesses.

        Noise is added first where the factor is above 0. The same `sample_seed` gives the same originals.
        """
        kind, seed, factor = parsing.noise(noise_kind, seed, noise_factor)
        count, sample_seed = count_of(count), parsing.whole_seed(sample_seed)
        sampling = self.sampling(kind if factor else "gaussian")
        x = picture_of(image, framed is True)
        noisy = add_noise(x, draw_noise(kind, x.shape, seed), factor)
        found = sampling.originals(noisy, count, sample_seed)
        samples = samples_of(found)
        votes = Counter(str(sample["reading"]["digit"]) for sample in samples if sample["reading"])
        return {
            "noisy": as_url(noisy[0, 0]),
            "samples": samples,
            "mean": as_url(found.pictures.mean(dim=0)),
            "votes": dict(votes.most_common()),
            "probabilities": None if found.probabilities is None else rounded(pool(found.probabilities)),
        }

    def complete(
        self, image: str, erased: list[int], count: int = 8, sample_seed: int = 0, framed: bool = False
    ) -> list[Sample]:
        """The same digit with a part of it drawn anew, several times.

        `erased` is that part of the framed digit: left, top, right and bottom of a box, in pixels from 0 to 28.
        """
        if not isinstance(erased, list) or len(erased) != 4 or not all(type(v) is int for v in erased):
            raise BadRequest("What is erased is a box of four whole numbers: left, top, right, bottom.")
        left, top, right, bottom = erased
        if not (0 <= left < right <= SIDE and 0 <= top < bottom <= SIDE):
            raise BadRequest(f"The box must lie within 0 to {SIDE}, its left before its right and its top above.")
        count, sample_seed = count_of(count), parsing.whole_seed(sample_seed)
        sampling = self.sampling("gaussian")
        x = picture_of(image, framed is True)
        mask = torch.zeros(x.shape, dtype=torch.bool)
        mask[..., top:bottom, left:right] = True
        return samples_of(sampling.completions(x, mask, count, sample_seed))

    def dream(self, count: int = 12, sample_seed: int = 0) -> list[Sample]:
        """Digits that nobody wrote, drawn from nothing but noise."""
        count, sample_seed = count_of(count), parsing.whole_seed(sample_seed)
        return samples_of(self.sampling("gaussian").dreams(count, sample_seed))

    def sampling(self, kind: str) -> SamplingService:
        """The sampler, where there is one for this kind of noise."""
        if self.pool.sampling is None:
            raise BadRequest("No sampler is there.")
        if self.pool.sampling.gaussian_only and kind != "gaussian":
            raise BadRequest("Originals are computed for Gaussian noise.")
        return self.pool.sampling

    def known(self, name: object) -> str:
        """The name of a model that is there."""
        if not isinstance(name, str) or name not in self.pool.models:
            raise BadRequest(f"There is no such model; there are {', '.join(self.pool.models)}.")
        return name

    def anybody(self) -> str:
        """The model that is taken where none is named."""
        if not self.pool.models:
            raise BadRequest("No model is there.")
        return ANYBODY if ANYBODY in self.pool.models else next(iter(self.pool.models))

    def plane(self, name: str) -> VAE:
        """The model of that name, which `with_plane` gave."""
        return cast(VAE, self.pool.models[name])

    def with_plane(self, name: str) -> str:
        """The model of that name, or the last one, that keeps its digits on a plane."""
        planes = [n for n, model in self.pool.models.items() if has_plane(model)]
        if not planes or (name and name not in planes):
            raise BadRequest(f"No such model has a plane; there are {', '.join(planes) or 'none'}.")
        return name or planes[-1]


ENDPOINTS = ("models", "denoise", "compare", "encode", "decode", "originals", "complete", "dream", "read")


def build(pool: ModelPool, queue: RequestQueue) -> None:
    """All endpoints, within the page's Blocks; they compute in the lane "api" of the request queue."""
    endpoints = Endpoints(pool)
    for name in ENDPOINTS:
        function = endpoint(getattr(endpoints, name), queue)
        gr.api(function, api_name=name, concurrency_limit=LANES["api"], concurrency_id="api")


@dataclass(frozen=True)
class Failure:
    """What went wrong, as a sentence for the client."""

    sentence: str


def endpoint(function: Callable, queue: RequestQueue) -> Callable:
    """`function` as Gradio calls it: through the request queue.

    Errors are gr.Error, which a client gets as a sentence. They are raised here, where no picture is in sight: a
    traceback holds the values of every function it went through.
    """

    @wraps(function)
    async def call(*values: Any) -> Any:
        with attachments.used_in(values):
            try:
                work = partial(attempt_all, function)
                reply = await queue.submit(work, values, object(), "api", client="api", patience=math.inf)
            except Queued:
                reply = Failure(BUSY)
        del values
        if isinstance(reply, Failure):
            raise gr.Error(reply.sentence, print_exception=False)
        return reply

    return call


def attempt_all(function: Callable, calls: list[Iterable]) -> list:
    """The outcome of each of several calls, as `attempt` says."""
    return [attempt(function, values) for values in calls]


def attempt(function: Callable, values: Iterable) -> Any:
    """What the function returns for these values, or a Failure where it raises."""
    try:
        return function(*values)
    except Exception as error:
        return Failure(str(shown_error(error, function.__name__)))


# ---------- pictures and figures as JSON ----------


def picture_of(text: object, framed: bool) -> Tensor:
    """A data URL or base64 of a picture file as a digit (1, 1, 28, 28) in [0, 1]."""
    return (framed_from_image if framed else digit_from_image)(content_of(text), UPLOADS)


def as_url(picture: Tensor) -> str:
    """A picture (28, 28) in [0, 1] as a PNG in a data URL."""
    return png_url(picture.mul(255).round().byte().numpy())


def as_reply(compared: Comparison) -> Compared:
    """A comparison at one noise factor."""

    def value(name: str, values: Tensor | None, row: int) -> float | None:
        return None if values is None or name in compared.failed else finite(values[row, 0].item(), 4)

    return {
        "clean": as_url(compared.clean),
        "clean_reading": reading_of(compared.clean_reading),
        "results": [
            {
                "model": name,
                "image": None if name in compared.failed else as_url(compared.pictures[row, 0]),
                "psnr": value(name, compared.psnr, row),
                "ssim": value(name, compared.ssim, row),
                "reading": reading_of(
                    None if compared.readings is None or name in compared.failed else compared.readings[row, 0]
                ),
            }
            for row, name in enumerate(compared.names)
        ],
    }


def count_of(count: object) -> int:
    """How many samples are asked for, checked."""
    if type(count) is not int or not 1 <= count <= MOST_SAMPLES:
        raise BadRequest(f"Between 1 and {MOST_SAMPLES} pictures can be drawn at once.")
    return count


def samples_of(found: Sampled) -> list[Sample]:
    """What a sampler drew, with the referee's readings."""
    read = [None] * len(found.pictures) if found.probabilities is None else found.probabilities
    return [{"image": as_url(p), "reading": reading_of(r)} for p, r in zip(found.pictures, read, strict=True)]


def reading_of(probabilities: Tensor | None) -> Reading | None:
    """The likeliest digit of (10,) probabilities."""
    if probabilities is None:
        return None
    sure, digit = probabilities.max(dim=0)
    return {"digit": int(digit), "probability": round(float(sure), 4)}


def rounded(values: Tensor) -> list[float]:
    """A tensor's values to four places."""
    return [round(value, 4) for value in values.tolist()]
