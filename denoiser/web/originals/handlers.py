"""What the page of possible originals asks: originals, blends, completions, dreams.

Each request brings the picture it is about and the seed of what is drawn for it; nothing is stored.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ... import settings
from ...data import PIXELS, SIDE
from ...evaluation import POSTERIOR
from ...noise import add_noise, draw_noise
from ...referee import class_probabilities
from ...samplers import Trajectory
from ..denoise.tab import HIGHEST_SEED, encode, noise_of
from ..endpoint import BadRequest
from ..serving.model_pool import ModelPool
from ..serving.sampling import Sampled, SamplingService

ORIGINALS = 12
COMPLETIONS = 8
DREAMS = 24
FORKS = 3
DREAM_STEPS = 20
BLENDS = 21  # from the average to an original
CONDENSING = 5  # moments on the way from noise to the originals that are sent
FIRST = 10  # seed of the dreams that everybody sees first; they are computed once
ANSWER = "unet"  # the denoiser whose answer stands beside the average
MNIST_SHARES = (0.0987, 0.1124, 0.0993, 0.1022, 0.0974, 0.0904, 0.0986, 0.1044, 0.0975, 0.0992)  # of training digits
REAL_SHARPNESS = 0.1825  # of the test digits: the variance of their Laplacian
FEWEST = 20  # test digits from which on a share of them is shown


@dataclass(frozen=True)
class OriginalsRequest:
    """A digit (1, 1, 28, 28), the noise to add, None if it is noisy already, and the seed of the originals."""

    digit: Tensor
    noise: tuple[str, int, float] | None
    seed: int
    condensing: bool

    @classmethod
    def parse(cls, request: dict) -> "OriginalsRequest":
        noise = None
        if request.get("already") is not True:
            kind, seed, (factor,) = noise_of({**request, "factors": [request.get("factor")]})
            noise = kind, seed, factor
        return cls(
            picture_of(request.get("picture")), noise, seed_of(request.get("draw")), request.get("condensing") is True
        )

    def noisy(self) -> Tensor:
        """The digit with its noise."""
        if self.noise is None:
            return self.digit
        kind, seed, factor = self.noise
        return add_noise(self.digit, draw_noise(kind, self.digit.shape, seed), factor)


@dataclass(frozen=True)
class CompletionRequest:
    """A digit and what is erased of it, both (1, 1, 28, 28), and the seed of the completions."""

    digit: Tensor
    erased: Tensor
    seed: int

    @classmethod
    def parse(cls, request: dict) -> "CompletionRequest":
        erased = picture_of(request.get("erased")) > 0
        if not erased.any():
            raise BadRequest("Nothing is erased.")
        return cls(picture_of(request.get("picture")), erased, seed_of(request.get("draw")))


@dataclass(frozen=True)
class ForkRequest:
    """What a dream's network guessed (1, 28, 28) at a step, from which to go on, and the seed of the other ends."""

    guess: Tensor
    step: int
    seed: int

    @classmethod
    def parse(cls, request: dict) -> "ForkRequest":
        step = request.get("step")
        if type(step) is not int or not 0 <= step < DREAM_STEPS:
            raise BadRequest(f"A dream can fork at its steps 0 to {DREAM_STEPS - 1}.")
        return cls(picture_of(request.get("guess"))[0], step, seed_of(request.get("draw")))


class OriginalsHandler:
    """Answers the page's requests with the sampler and the models of a pool."""

    def __init__(self, pool: ModelPool, sampling: SamplingService):
        self.pool, self.sampling = pool, sampling
        self.first_dream = cache(lambda: self._dream(FIRST))
        self.first_dreams = cache(lambda: self._dreams(FIRST))

    def originals(self, request: dict) -> dict:
        """Twelve originals of the noisy digit and what they read as, the denoiser's answer, the average's reading."""
        asked = OriginalsRequest.parse(request)
        if self.sampling.gaussian_only and asked.noise and asked.noise[0] != "gaussian":
            raise BadRequest("Originals are computed for Gaussian noise.")
        noisy = asked.noisy()
        found = self.sampling.originals(noisy, ORIGINALS, asked.seed)
        answers = [found.pictures.mean(dim=0)]
        if (denoiser := self.pool.models.get(ANSWER)) is not None:
            with torch.inference_mode():
                answers.append(denoiser(noisy)[0, 0].clamp(0, 1))
        read = self._read(torch.stack([*answers, asked.digit[0, 0]]))
        moments = condensing_moments(found.trajectory) if asked.condensing and found.trajectory else None
        return {
            "noisy": encode(noisy),
            "pictures": encode(found.pictures),
            "reads": readings(found.probabilities),
            "average_reads": read and read[0],
            "answer": encode(answers[1]) if len(answers) > 1 else None,
            "answer_reads": read[1] if read and len(answers) > 1 else None,
            "digit_reads": read and read[-1],
            "condensing": None if moments is None else [encode(moment) for moment in moments],
        }

    def blends(self, request: dict) -> dict:
        """What is read in each picture on the way from the average of the originals (`pictures`) to each of them."""
        pictures = pictures_of(request.get("pictures"), ORIGINALS)
        average = pictures.mean(dim=0, keepdim=True)
        shares = torch.linspace(0, 1, BLENDS).view(-1, 1, 1, 1)
        read = self._read(torch.lerp(average, pictures, shares).flatten(0, 1))
        return {"reads": read and [read[i : i + ORIGINALS] for i in range(0, len(read), ORIGINALS)]}

    def complete(self, request: dict) -> dict:
        """Eight digits that are the visitor's where nothing is erased."""
        asked = CompletionRequest.parse(request)
        found = self.sampling.completions(asked.digit, asked.erased, COMPLETIONS, asked.seed)
        return {"pictures": encode(found.pictures), "reads": readings(found.probabilities)}

    def dream(self, request: dict) -> dict:
        """One dream: its states, the network's guesses and what they read as, from noise to digit."""
        seed = seed_of(request.get("draw"))
        return self.first_dream() if seed == FIRST else self._dream(seed)

    def fork(self, request: dict) -> dict:
        """Other ends of a dream: the states after the step, and what the ends read as."""
        asked = ForkRequest.parse(request)
        found = self.sampling.fork(asked.guess, asked.step, FORKS, asked.seed, DREAM_STEPS)
        states = film(found).transpose(0, 1)[:, 1:]
        return {"states": [encode(strip) for strip in states], "reads": readings(found.probabilities)}

    def dreams(self, request: dict) -> dict:
        """A sheet of dreams."""
        seed = seed_of(request.get("draw"))
        return self.first_dreams() if seed == FIRST else self._dreams(seed)

    def _dream(self, seed: int) -> dict:
        found = self.sampling.dreams(1, seed, DREAM_STEPS)
        guesses = found.trajectory.guesses.float()[:, 0, 0] if found.trajectory else found.pictures
        return {"states": encode(film(found)[:, 0]), "guesses": encode(guesses), "reads": self._read(guesses)}

    def _dreams(self, seed: int) -> dict:
        found = self.sampling.dreams(DREAMS, seed)
        return {"pictures": encode(found.pictures), "reads": readings(found.probabilities)}

    def _read(self, pictures: Tensor) -> list | None:
        """The digit and its probability that the referee reads in each picture (N, 28, 28)."""
        return readings(None if self.pool.referee is None else class_probabilities(self.pool.referee, pictures))


def film(found: Sampled) -> Tensor:
    """The states (steps + 1, N, 28, 28) of samples, cut to [0, 1]."""
    assert found.trajectory is not None, "dreams are drawn with their trajectory"
    return found.trajectory.states.float()[:, :, 0].clamp(0, 1)


def condensing_moments(trajectory: Trajectory) -> Tensor:
    """Some states (CONDENSING, N, 28, 28) on the way to the originals of one picture."""
    states = trajectory.states.float()[:, :, 0, 0].clamp(0, 1)
    return states[torch.linspace(0, len(states) - 2, CONDENSING).long()]


def readings(probabilities: Tensor | None) -> list[list[float]] | None:
    """The likeliest digit of each row of (N, 10) probabilities, and its probability."""
    if probabilities is None:
        return None
    best, digit = probabilities.max(dim=1)
    return [[int(d), round(p, 4)] for d, p in zip(digit.tolist(), best.tolist(), strict=True)]


def picture_of(text: object) -> Tensor:
    """A picture (1, 1, 28, 28) from base64 of its 784 bytes."""
    return pictures_of(text, 1).unsqueeze(0)


def pictures_of(text: object, count: int) -> Tensor:
    """Pictures (count, 28, 28) from base64 of 784 bytes each."""
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != count * PIXELS:
        raise BadRequest(f"A fitted picture has {PIXELS} bytes.")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(count, SIDE, SIDE).float() / 255


def seed_of(seed: object) -> int:
    """The seed of what is drawn, checked."""
    if type(seed) is not int or not 0 <= seed <= HIGHEST_SEED:
        raise BadRequest(f"The seed must be a whole number from 0 to {HIGHEST_SEED}.")
    return seed


# ---------- what was measured on the test digits ----------


def measured(sampler: str) -> dict:
    """What the results say of a sampler: `originals`, how well votes were calibrated, and `dreams`; None if unmeasured.

    A row of `originals` has the noise `kind` and `factor`, the number of `digits`, the `accuracy` of the winner of the
    votes, their `calibration_error`, and `bins`: number of digits, mean share of votes and share that was right.
    """
    try:
        results = json.loads((settings.current.checkpoints / "evaluation.json").read_text(encoding="utf-8"))
        found = results.get(POSTERIOR, {})
        rows = [row for row in found.get("originals", []) if row["sampler"] == sampler and "bins" in row["votes"]]
        dreams = next((row for row in found.get("dreams", []) if row["sampler"] == sampler), None)
        return {
            "originals": [
                {key: row[key] for key in ("kind", "factor", "digits")}
                | {key: row["votes"][key] for key in ("accuracy", "calibration_error", "bins")}
                for row in rows
            ]
            or None,
            "dreams": dreams and {key: dreams[key] for key in ("dreams", "sure", "total_variation", "shares")},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"originals": None, "dreams": None}
