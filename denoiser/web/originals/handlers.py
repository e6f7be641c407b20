"""What the page of possible originals asks: originals, blends, completions, dreams.

Each request brings the picture it is about and the seed of what is drawn for it; nothing is stored.
"""

import json
from functools import cache

import torch
from torch import Tensor

from ... import settings
from ...evaluation import POSTERIOR
from ...noise import add_noise, draw_noise
from ...referee import class_probabilities
from ...samplers import Trajectory
from ..parsing import DREAM_STEPS, ORIGINALS, BadRequest
from ..serving.model_pool import ModelPool
from ..serving.sampling import Sampled, SamplingService
from ..wire import encode_pixels
from .schemas import (
    BlendsReply,
    BlendsRequest,
    CompletionsRequest,
    DreamReply,
    DreamRequest,
    ForkReply,
    ForkRequest,
    OriginalsReply,
    OriginalsRequest,
    SheetReply,
)

COMPLETIONS = 8
DREAMS = 24
FORKS = 3
BLENDS = 21  # from the average to an original
CONDENSING = 5  # moments on the way from noise to the originals that are sent
FIRST = 10  # seed of the dreams that everybody sees first; they are computed once
ANSWER = "unet"  # the denoiser whose answer stands beside the average
MNIST_SHARES = (0.0987, 0.1124, 0.0993, 0.1022, 0.0974, 0.0904, 0.0986, 0.1044, 0.0975, 0.0992)  # of training digits
REAL_SHARPNESS = 0.1825  # of the test digits: the variance of their Laplacian
FEWEST = 20  # test digits from which on a share of them is shown


class OriginalsHandler:
    """Answers the page's requests with the sampler and the models of a pool."""

    def __init__(self, pool: ModelPool, sampling: SamplingService):
        self.pool, self.sampling = pool, sampling
        self.first_dream = cache(lambda: self._dream(FIRST))
        self.first_dreams = cache(lambda: self._dreams(FIRST))

    def originals(self, request: OriginalsRequest) -> OriginalsReply:
        """Twelve originals of the noisy digit and what they read as, the denoiser's answer, the average's reading."""
        noisy = request.picture
        if not request.is_noisy_input:
            if self.sampling.gaussian_only and request.kind != "gaussian":
                raise BadRequest("Originals are computed for Gaussian noise.")
            noisy = add_noise(noisy, draw_noise(request.kind, noisy.shape, request.seed), request.factor)
        found = self.sampling.originals(noisy, ORIGINALS, request.draw)
        answers = [found.pictures.mean(dim=0)]
        if (denoiser := self.pool.models.get(ANSWER)) is not None:
            with torch.inference_mode():
                answers.append(denoiser(noisy)[0, 0].clamp(0, 1))
        read = self._read(torch.stack([*answers, request.picture[0, 0]]))
        moments = condensing_moments(found.trajectory) if request.condensing and found.trajectory else None
        return OriginalsReply(
            noisy=encode_pixels(noisy),
            pictures=encode_pixels(found.pictures),
            reads=readings(found.probabilities),
            average_reads=read and read[0],
            answer=encode_pixels(answers[1]) if len(answers) > 1 else None,
            answer_reads=read[1] if read and len(answers) > 1 else None,
            digit_reads=read and read[-1],
            condensing=None if moments is None else [encode_pixels(moment) for moment in moments],
        )

    def blends(self, request: BlendsRequest) -> BlendsReply:
        """What is read in each picture on the way from the average of the originals to each of them."""
        average = request.pictures.mean(dim=0, keepdim=True)
        shares = torch.linspace(0, 1, BLENDS).view(-1, 1, 1, 1)
        read = self._read(torch.lerp(average, request.pictures, shares).flatten(0, 1))
        return BlendsReply(read and [read[i : i + ORIGINALS] for i in range(0, len(read), ORIGINALS)])

    def complete(self, request: CompletionsRequest) -> SheetReply:
        """Eight digits that are the visitor's where nothing is erased."""
        return sheet(self.sampling.completions(request.picture, request.erased, COMPLETIONS, request.draw))

    def dream(self, request: DreamRequest) -> DreamReply:
        """One dream."""
        return self.first_dream() if request.draw == FIRST else self._dream(request.draw)

    def fork(self, request: ForkRequest) -> ForkReply:
        """Other ends of a dream."""
        found = self.sampling.fork(request.guess[0], request.step, FORKS, request.draw, DREAM_STEPS)
        states = film(found).transpose(0, 1)[:, 1:]
        return ForkReply([encode_pixels(strip) for strip in states], readings(found.probabilities))

    def dreams(self, request: DreamRequest) -> SheetReply:
        """A sheet of dreams."""
        return self.first_dreams() if request.draw == FIRST else self._dreams(request.draw)

    def _dream(self, seed: int) -> DreamReply:
        found = self.sampling.dreams(1, seed, DREAM_STEPS)
        guesses = found.trajectory.guesses.float()[:, 0, 0] if found.trajectory else found.pictures
        return DreamReply(encode_pixels(film(found)[:, 0]), encode_pixels(guesses), self._read(guesses))

    def _dreams(self, seed: int) -> SheetReply:
        return sheet(self.sampling.dreams(DREAMS, seed))

    def _read(self, pictures: Tensor) -> list | None:
        """The digit and its probability that the referee reads in each picture (N, 28, 28)."""
        return readings(None if self.pool.referee is None else class_probabilities(self.pool.referee, pictures))


def sheet(found: Sampled) -> SheetReply:
    """Pictures and what they read as."""
    return SheetReply(encode_pixels(found.pictures), readings(found.probabilities))


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
        rows = [*{(row["kind"], row["factor"]): row for row in sorted(rows, key=lambda row: row["digits"])}.values()]
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
