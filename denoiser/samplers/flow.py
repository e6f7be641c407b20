"""A sampler trained by conditional flow matching."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import Batch
from ..trainable import Penalties, WarmStartable
from .contract import Sampler

# Which part of a batch is trained for what, and when on the way from noise to digit.
DREAM_SHARE = 0.1  # observes nothing
ERASED_SHARE = 0.2  # observes a part, half of them without noise
FIRST_SHARE = 1 / 16  # starts from pure noise, where the best guess is the mean of all possible digits
TIME_MEAN, TIME_STD = 0.6, 1.2  # of the logit of the time
DREAM_TIME_MEAN = 0.0  # where only dreams are trained: what a digit becomes is decided early

# Standard deviation of the noise that sampling starts from. With 1, as in training, twelve steps give originals that
# are too alike: spread / error is 0.90 at noise factor 1 (96 validation digits), with 1.08 it is 0.96 (160).
INITIAL_STD = 1.08

# How fast the noise in a dream is replaced, per unit of time, and how much shorter its first steps are than its last
# ones: their times are those of equal steps to this power. Dreams start from noise of standard deviation 1. Chosen
# before there were blocks for dreams: of 6,000 the Frechet distance to the validation digits was 0.31, and the total
# variation of their classes from MNIST's 0.042; with a rate of 1 in equal steps (4,000 dreams) 0.38 and 0.055.
DREAM_RATE = 1.3
DREAM_POWER = 1.35


def erase(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Masks (B, 1, H, W), 1 where a picture stays known: one to three strokes of an eraser, each of any width."""
    batch, _, height, width = shape
    device = generator.device

    def uniform(*size: int) -> Tensor:
        return torch.rand(*size, generator=generator, device=device)

    y, x = torch.meshgrid(
        torch.linspace(0, 1, height, device=device), torch.linspace(0, 1, width, device=device), indexing="ij"
    )
    pixels = torch.stack([y, x], dim=-1).view(1, 1, -1, 2)
    begin, end = uniform(2, batch, 3, 1, 2)
    along = end - begin
    share = ((pixels - begin) * along).sum(-1) / along.square().sum(-1).clamp_min(1e-6)
    distance = (begin + share.clamp(0, 1)[..., None] * along - pixels).norm(dim=-1)
    radius = 0.06 + 0.3 * uniform(batch, 3, 1).square()
    drawn = uniform(batch, 3, 1) < torch.tensor([1.0, 0.5, 0.5], device=device).view(1, 3, 1)
    return (~((distance < radius) & drawn).any(dim=1)).to(torch.float32).view(batch, 1, height, width)


class FlowSampler(Sampler):
    """Conditional flow matching: a network that guesses the digit in a mixture of it with noise.

        state_t = (1 - t) noise + t digit,   guess = network(state_t, observed, known, t)

    Trained on random times; sampled by following, from noise at t = 0 to a digit at t = 1, the flow
    d state / dt = (guess - state) / (1 - t). Lipman et al., "Flow Matching for Generative Modeling", 2023; the guess
    of the digit instead of the velocity as in Salimans and Ho, "Progressive Distillation", 2022.
    """

    criteria: ClassVar[tuple[str, ...]] = ("bce", "dream-bce")
    penalties: ClassVar[tuple[str, ...]] = ()

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def warm_start(self, weights: Mapping[str, Tensor]) -> None:
        """Start from the weights of a denoiser; ValueError where they do not fit."""
        cast(WarmStartable, self.network).warm_start(weights)

    def logits(self, state: Tensor, observed: Tensor, known: Tensor, time: Tensor) -> Tensor:
        """The guess before its sigmoid: pictures (B, 1, 28, 28), `known` 0 or 1, times (B,)."""
        return self.network(state, observed * known, known, time).float()

    def loss(
        self,
        batch: Batch,
        criterion: str = "bce",
        penalties: Penalties | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Cross-entropy in nats per pixel between guess and `batch.clean`, weighted by 1 / (1.1 - t).

        With "dream-bce" nothing is observed of any digit.
        """
        clean, count = batch.clean, len(batch.clean)
        dreams_only = criterion == "dream-bce"
        generator = generator or torch.Generator(clean.device).manual_seed(0)
        order = torch.rand(count, generator=generator, device=clean.device)  # kinds of noise come in blocks
        dream, erased = order < (1.0 if dreams_only else DREAM_SHARE), order > 1 - ERASED_SHARE
        known = torch.where(erased.view(-1, 1, 1, 1), erase(clean.shape, generator), 1.0)
        known = torch.where(dream.view(-1, 1, 1, 1), 0.0, known)
        observed = torch.where((order > 1 - ERASED_SHARE / 2).view(-1, 1, 1, 1), clean, batch.noisy)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        mean = DREAM_TIME_MEAN if dreams_only else TIME_MEAN
        logit = mean + TIME_STD * torch.randn(count, generator=generator, device=clean.device)
        first = torch.rand(count, generator=generator, device=clean.device) < FIRST_SHARE
        time = torch.where(first, 0.0, logit.sigmoid())
        state = torch.lerp(noise, clean, time.view(-1, 1, 1, 1))
        logits = self.logits(state, observed, known, time)
        error = F.binary_cross_entropy_with_logits(logits, clean, reduction="none").flatten(1).mean(dim=1)
        return (error / (1.1 - time)).mean()

    @staticmethod
    def times(steps: int, power: float = 1.0) -> list[float]:
        """When the network is asked, from 0, and the end, 1."""
        return [(number / steps) ** power for number in range(steps + 1)]

    def fields(self, steps: int) -> int:
        """One: the flow itself is not random."""
        return 1

    def dream_fields(self, steps: int) -> int:
        """One a step: dreams are drawn with fresh noise."""
        return steps

    def walk(
        self, observed: Tensor, known: Tensor, noise: Tensor, steps: int, begin: int = 0, guess: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Each step goes straight towards the guess, corrected by how the guess last changed: DPM-Solver++(2M).

        Lu et al., "DPM-Solver++", 2022. A dream, which has a field of noise for each step, is mixed anew each time from
        the corrected guess, the noise in its state and fresh noise, so that errors of early guesses are forgotten:
        Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022.
        """
        fresh = noise[:, 1:].unbind(1)
        times = self.times(steps, DREAM_POWER if fresh else 1.0)
        state, before, changed = (1.0 if fresh else INITIAL_STD) * noise[:, 0], None, 0.0
        if guess is not None:
            state = torch.lerp(state, guess, times[begin])
        for number, (now, after) in enumerate(pairwise(times[begin:])):
            guess = torch.sigmoid(self.logits(state, observed, known, torch.full((len(state),), now)))
            yield state, guess
            width = _log_ratio(after) - _log_ratio(now)
            aim = guess if before is None or after == 1 else torch.lerp(before, guess, 1 + width / (2 * changed))
            if fresh and after < 1:
                left = (state - now * guess) / (1 - now)  # the noise in the state
                kept = math.exp(-DREAM_RATE * (after - now))
                mixed = kept * left + math.sqrt(1 - kept * kept) * fresh[number]
                state = torch.lerp(mixed, aim, after)
            else:
                state = torch.lerp(state, aim, (after - now) / (1 - now))
            before, changed = guess, width
        yield state, state


def _log_ratio(time: float) -> float:
    """Log of signal over noise at a time."""
    return math.log(time) - math.log1p(-time) if 0 < time < 1 else math.copysign(math.inf, time - 0.5)
