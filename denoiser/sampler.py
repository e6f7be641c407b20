"""Samplers: clean digits that a noisy picture may come from, digits completed from a part, digits out of nothing.

Sampler      the contract: sampler(noisy) -> best guess; sample, dream, complete, fork.
FlowSampler  a network trained by conditional flow matching.

All randomness is drawn per original from its seed, before anything else is looked at: the same seed gives the same
originals in any batch, and one fixed draw belongs to an original at every noise factor.
Knows no layers, recipes, noise kinds or files. ancestral.py has a second sampler.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .data import SIDE, Batch

STEPS = 12  # evaluations of the network for one original
CHUNK = 256  # originals drawn at once: more do not fit into a processor's cache
IMAGE = (1, SIDE, SIDE)
SEED_STRIDE = 0x9E3779B97F4A7C15  # so that a seed's fields are not those that the same seed gives a noisy picture


class Trajectory(NamedTuple):
    """The way to a sample: before each step, and at the end, its `states` and the network's `guesses` of the digit.

    Both are (steps + 1, ...) before the shape of the sample. The first states are noise, in no range; the last state
    and the last guess are the sample. Guesses are in [0, 1].
    """

    states: Tensor
    guesses: Tensor


def draw_fields(seed: int | Sequence[int], count: int, batch: int, fields: int) -> Tensor:
    """Standard normal noise (count, B, fields, 1, 28, 28): for each original its own, the first ones equal for any
    count.

    An int is the seed of every picture; a sequence of B ints seeds each picture on its own. Raises ValueError where
    there are not as many seeds as pictures.
    """
    seeds = [seed] if isinstance(seed, int) else list(seed)
    if len(seeds) not in ([batch] if not isinstance(seed, int) else [1]):
        raise ValueError(f"{len(seeds)} seeds for {batch} pictures")
    generator = torch.Generator()
    drawn = []
    for each in seeds:
        generator.manual_seed((int(each) * SEED_STRIDE + SEED_STRIDE) % 2**63)
        drawn.append(torch.stack([torch.randn(fields, *IMAGE, generator=generator) for _ in range(count)]))
    return torch.stack(drawn, dim=1).expand(count, batch, fields, *IMAGE)


class Sampler(nn.Module):
    """Draws clean digits from what is observed of them.

    `count` is how many originals to draw for each picture, `seed` an int, or a sequence of one int a picture; `steps`
    is the number of evaluations of the network. With `trajectory` the result is (samples, Trajectory). All pictures
    are float32 (B, 1, 28, 28) in [0, 1]. ValueError where a shape, count or number of steps cannot be.
    """

    def forward(self, noisy: Tensor) -> Tensor:
        """The best single guess (B, 1, 28, 28), in one evaluation: about the mean of all possible originals."""
        noise = draw_fields(0, 1, len(noisy), self.fields(1))[0].to(noisy.device)
        return next(self.walk(noisy, torch.ones_like(noisy), noise, 1))[1]

    @torch.inference_mode()
    def sample(
        self,
        noisy: Tensor,
        count: int,
        seed: int | Sequence[int] = 0,
        *,
        steps: int = STEPS,
        trajectory: bool = False,
    ) -> Tensor | tuple[Tensor, Trajectory]:
        """Possible originals (count, B, 1, 28, 28) of `noisy`."""
        return self._draw(noisy, torch.ones_like(noisy), count, seed, steps, trajectory)

    @torch.inference_mode()
    def dream(
        self, count: int, seed: int = 0, *, steps: int = STEPS, trajectory: bool = False
    ) -> Tensor | tuple[Tensor, Trajectory]:
        """Digits (count, 1, 28, 28) out of nothing."""
        return self._dream(count, seed, steps, trajectory)

    @torch.inference_mode()
    def fork(
        self,
        guess: Tensor,
        step: int,
        count: int,
        seed: int = 0,
        *,
        steps: int = STEPS,
        trajectory: bool = False,
    ) -> Tensor | tuple[Tensor, Trajectory]:
        """Other ends (count, 1, 28, 28) of a dream of `steps` from its `step`, where it guessed `guess` (1, 28, 28).

        The guess is kept and mixed with new noise, as much as that step has. The trajectory begins there.
        """
        if not 0 <= step < steps:
            raise ValueError(f"a dream of {steps} steps cannot fork at step {step}")
        if guess.shape != IMAGE:
            raise ValueError(f"the guess has the shape {tuple(guess.shape)}, not {IMAGE}")
        return self._dream(count, seed, steps, trajectory, step, guess)

    @torch.inference_mode()
    def complete(
        self,
        x: Tensor,
        known: Tensor,
        count: int,
        seed: int | Sequence[int] = 0,
        *,
        steps: int = STEPS,
        trajectory: bool = False,
    ) -> Tensor | tuple[Tensor, Trajectory]:
        """Digits (count, B, 1, 28, 28) that are `x` where the mask `known` (B, 1, 28, 28) is true."""
        if known.shape != x.shape or known.dtype != torch.bool:
            raise ValueError("known must be a boolean mask of the pictures' shape")
        drawn = self._draw(x, known.to(x.dtype), count, seed, steps, trajectory)
        if not trajectory:
            return torch.where(known, x, drawn)
        samples, (states, guesses) = drawn
        samples = torch.where(known, x, samples)
        states[-1] = guesses[-1] = samples
        return samples, Trajectory(states, guesses)

    def _dream(self, count, seed, steps, trajectory, begin=0, guess=None):
        nothing = torch.zeros(1, *IMAGE, device=next(self.parameters()).device)
        drawn = self._draw(nothing, nothing, count, seed, steps, trajectory, begin, guess)
        if not trajectory:
            return drawn[:, 0]
        return drawn[0][:, 0], Trajectory(*(frames[:, :, 0] for frames in drawn[1]))

    def _draw(self, observed, known, count, seed, steps, trajectory, begin=0, guess=None):
        """The samples for each picture of `observed` where `known` is 1, in chunks; with their trajectory if asked."""
        if observed.shape[1:] != IMAGE:
            raise ValueError(f"pictures have the shape {tuple(observed.shape)}, not (B, 1, {SIDE}, {SIDE})")
        if count < 1 or steps < 1:
            raise ValueError(f"{count} originals in {steps} steps cannot be drawn")
        batch = len(observed)
        noise = draw_fields(seed, count, batch, self.fields(steps)).to(observed.device)
        if not batch:
            empty = observed.expand(count, *observed.shape)
            frames = observed.expand(steps + 1 - begin, count, *observed.shape)
            return (empty, Trajectory(frames, frames)) if trajectory else empty
        chunks = []
        for index in torch.arange(count * batch, device=observed.device).split(CHUNK):
            walk = self.walk(
                observed[index % batch], known[index % batch], noise[index // batch, index % batch], steps, begin, guess
            )
            if trajectory:
                chunks.append([torch.stack(frames) for frames in zip(*walk, strict=True)])
            else:
                for pair in walk:
                    last = pair
                chunks.append([frames[None] for frames in last])
        states, guesses = (torch.cat(parts, dim=1).unflatten(1, (count, batch)) for parts in zip(*chunks, strict=True))
        return (guesses[-1], Trajectory(states, guesses)) if trajectory else guesses[-1]

    def fields(self, steps: int) -> int:
        """How many fields of noise one original takes."""
        raise NotImplementedError

    def walk(
        self, observed: Tensor, known: Tensor, noise: Tensor, steps: int, begin: int = 0, guess: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """State and guess (N, 1, 28, 28) before each step from `begin` on, and at the end twice the sample.

        `known` is 1 where `observed` counts, `noise` (N, fields, 1, 28, 28). A `guess` is where to begin.
        """
        raise NotImplementedError


# Which part of a batch is trained for what, and when on the way from noise to digit.
DREAM_SHARE = 0.1  # observes nothing
ERASED_SHARE = 0.2  # observes a part, half of them without noise
FIRST_SHARE = 1 / 16  # starts from pure noise, where the best guess is the mean of all possible digits
TIME_MEAN, TIME_STD = 0.6, 1.2  # of the logit of the time


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

    criteria: ClassVar[tuple[str, ...]] = ("bce",)
    penalties: ClassVar[tuple[str, ...]] = ()

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def warm_start(self, weights: Mapping[str, Tensor]) -> None:
        """Start from the weights of a denoiser; ValueError where they do not fit."""
        self.network.warm_start(weights)

    def logits(self, state: Tensor, observed: Tensor, known: Tensor, time: Tensor) -> Tensor:
        """The guess before its sigmoid: pictures (B, 1, 28, 28), `known` 0 or 1, times (B,)."""
        return self.network(state, observed * known, known, time).float()

    def loss(
        self,
        batch: Batch,
        criterion: str = "bce",
        penalties: Mapping[str, float] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Cross-entropy in nats per pixel between guess and `batch.clean`, weighted by 1 / (1.1 - t)."""
        clean, count = batch.clean, len(batch.clean)
        generator = generator or torch.Generator(clean.device).manual_seed(0)
        order = torch.rand(count, generator=generator, device=clean.device)  # kinds of noise come in blocks
        dream, erased = order < DREAM_SHARE, order > 1 - ERASED_SHARE
        known = torch.where(erased.view(-1, 1, 1, 1), erase(clean.shape, generator), 1.0)
        known = torch.where(dream.view(-1, 1, 1, 1), 0.0, known)
        observed = torch.where((order > 1 - ERASED_SHARE / 2).view(-1, 1, 1, 1), clean, batch.noisy)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        logit = TIME_MEAN + TIME_STD * torch.randn(count, generator=generator, device=clean.device)
        first = torch.rand(count, generator=generator, device=clean.device) < FIRST_SHARE
        time = torch.where(first, 0.0, logit.sigmoid())
        state = torch.lerp(noise, clean, time.view(-1, 1, 1, 1))
        logits = self.logits(state, observed, known, time)
        error = F.binary_cross_entropy_with_logits(logits, clean, reduction="none").flatten(1).mean(dim=1)
        return (error / (1.1 - time)).mean()

    @staticmethod
    def times(steps: int) -> list[float]:
        """When the network is asked, from 0, and the end, 1."""
        return [number / steps for number in range(steps + 1)]

    def fields(self, steps: int) -> int:
        """One: the flow itself is not random."""
        return 1

    def walk(
        self, observed: Tensor, known: Tensor, noise: Tensor, steps: int, begin: int = 0, guess: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Each step goes straight towards the guess, corrected by how the guess last changed: DPM-Solver++(2M).

        Lu et al., "DPM-Solver++", 2022.
        """
        times = self.times(steps)
        state, before, changed = noise[:, 0], None, 0.0
        if guess is not None:
            state = torch.lerp(state, guess, times[begin])
        for now, after in pairwise(times[begin:]):
            guess = torch.sigmoid(self.logits(state, observed, known, torch.full((len(state),), now)))
            yield state, guess
            width = _log_ratio(after) - _log_ratio(now)
            aim = guess if before is None or after == 1 else torch.lerp(before, guess, 1 + width / (2 * changed))
            state = torch.lerp(state, aim, (after - now) / (1 - now))
            before, changed = guess, width
        yield state, state


def _log_ratio(time: float) -> float:
    """Log of signal over noise at a time."""
    return math.log(time) - math.log1p(-time) if 0 < time < 1 else math.copysign(math.inf, time - 0.5)
