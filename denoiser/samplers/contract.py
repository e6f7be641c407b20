"""Samplers: clean digits that a noisy picture may come from, digits completed from a part, digits out of nothing.

The contract is sampler(noisy) -> best guess; sample, dream, complete, fork.

All randomness is drawn per original from its seed, before anything else is looked at: the same seed gives the same
originals in any batch, and one fixed draw belongs to an original at every noise factor.
Knows no layers, recipes, noise kinds or files.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Literal, NamedTuple, overload

import torch
from torch import Tensor

from ..data import SIDE
from ..trainable import Trainable

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


def draw_fields(seeds: Sequence[int], count: int, fields: int) -> Tensor:
    """Standard normal noise (count, B, fields, 1, 28, 28) from a seed a picture, the first originals' for any count."""
    generator, drawn = torch.Generator(), []
    for seed in seeds:
        generator.manual_seed((int(seed) + 1) * SEED_STRIDE % 2**63)
        drawn.append(torch.stack([torch.randn(fields, *IMAGE, generator=generator) for _ in range(count)]))
    return torch.stack(drawn, dim=1)


class Sampler(Trainable):
    """Draws clean digits from what is observed of them.

    `count` is how many originals to draw for each picture, `seed` an int, or a sequence of one int a picture; `steps`
    is the number of evaluations of the network. With `trajectory` the result is (samples, Trajectory). All pictures
    are float32 (B, 1, 28, 28) in [0, 1]. ValueError where a shape, count or number of steps cannot be.

    With `threads`, an executor of `workers` threads, the originals are drawn side by side in these.
    """

    threads: Executor | None = None
    workers: int = 1

    def forward(self, noisy: Tensor) -> Tensor:
        """The best single guess (B, 1, 28, 28), in one evaluation: about the mean of all possible originals."""
        noise = draw_fields([0], 1, self.fields(1))[0].to(noisy.device).expand(len(noisy), -1, -1, -1, -1)
        return next(self.walk(noisy, torch.ones_like(noisy), noise, 1))[1]

    @overload
    def sample(self, noisy: Tensor, count: int, seed: int | Sequence[int] = 0, *, steps: int = STEPS) -> Tensor: ...
    @overload
    def sample(
        self, noisy: Tensor, count: int, seed: int | Sequence[int] = 0, *, steps: int = STEPS, trajectory: Literal[True]
    ) -> tuple[Tensor, Trajectory]: ...
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
        samples, way = self._draw(noisy, torch.ones_like(noisy), count, seed, steps, trajectory)
        return samples if way is None else (samples, way)

    @overload
    def dream(self, count: int, seed: int = 0, *, steps: int = STEPS) -> Tensor: ...
    @overload
    def dream(
        self, count: int, seed: int = 0, *, steps: int = STEPS, trajectory: Literal[True]
    ) -> tuple[Tensor, Trajectory]: ...
    @torch.inference_mode()
    def dream(
        self, count: int, seed: int = 0, *, steps: int = STEPS, trajectory: bool = False
    ) -> Tensor | tuple[Tensor, Trajectory]:
        """Digits (count, 1, 28, 28) out of nothing."""
        samples, way = self._dream(count, seed, steps, trajectory)
        return samples if way is None else (samples, way)

    @overload
    def fork(self, guess: Tensor, step: int, count: int, seed: int = 0, *, steps: int = STEPS) -> Tensor: ...
    @overload
    def fork(
        self, guess: Tensor, step: int, count: int, seed: int = 0, *, steps: int = STEPS, trajectory: Literal[True]
    ) -> tuple[Tensor, Trajectory]: ...
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
        samples, way = self._dream(count, seed, steps, trajectory, step, guess)
        return samples if way is None else (samples, way)

    @overload
    def complete(
        self, x: Tensor, known: Tensor, count: int, seed: int | Sequence[int] = 0, *, steps: int = STEPS
    ) -> Tensor: ...
    @overload
    def complete(
        self,
        x: Tensor,
        known: Tensor,
        count: int,
        seed: int | Sequence[int] = 0,
        *,
        steps: int = STEPS,
        trajectory: Literal[True],
    ) -> tuple[Tensor, Trajectory]: ...
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
        samples, way = self._draw(x, known.to(x.dtype), count, seed, steps, trajectory)
        samples = torch.where(known, x, samples)
        if way is None:
            return samples
        way.states[-1] = way.guesses[-1] = samples
        return samples, way

    def _dream(
        self, count: int, seed: int, steps: int, trajectory: bool, begin: int = 0, guess: Tensor | None = None
    ) -> tuple[Tensor, Trajectory | None]:
        nothing = torch.zeros(1, *IMAGE, device=next(self.parameters()).device)
        samples, way = self._draw(
            nothing, nothing, count, seed, steps, trajectory, begin, guess, self.dream_fields(steps)
        )
        return samples[:, 0], way and Trajectory(*(frames[:, :, 0] for frames in way))

    def _draw(
        self,
        observed: Tensor,
        known: Tensor,
        count: int,
        seed: int | Sequence[int],
        steps: int,
        trajectory: bool,
        begin: int = 0,
        guess: Tensor | None = None,
        fields: int | None = None,
    ) -> tuple[Tensor, Trajectory | None]:
        """The samples for each picture of `observed` where `known` is 1, in chunks; with their trajectory if asked.

        Each takes `fields` fields of noise, by default as many as `fields(steps)` says.
        """
        if observed.shape[1:] != IMAGE:
            raise ValueError(f"pictures have the shape {tuple(observed.shape)}, not (B, 1, {SIDE}, {SIDE})")
        if count < 1 or steps < 1:
            raise ValueError(f"{count} originals in {steps} steps cannot be drawn")
        batch = len(observed)
        seeds = [seed] * batch if isinstance(seed, int) else list(seed)
        if len(seeds) != batch:
            raise ValueError(f"{len(seeds)} seeds for {batch} pictures")
        if not batch:
            empty = observed.expand(count, *observed.shape)
            frames = observed.expand(steps + 1 - begin, count, *observed.shape)
            return empty, Trajectory(frames, frames) if trajectory else None
        groups = []
        for start in range(0, batch, size := max(1, CHUNK // count)):
            rows = slice(start, start + size)
            noise = draw_fields(seeds[rows], count, fields or self.fields(steps)).to(observed.device)
            parts = [each.expand(count, *each.shape).flatten(0, 1) for each in (observed[rows], known[rows])]
            rows_at_once = min(CHUNK, math.ceil(len(parts[0]) / self.workers))
            chunks = zip(*(each.split(rows_at_once) for each in (*parts, noise.flatten(0, 1))), strict=True)

            def draw(part: tuple[Tensor, ...]) -> Tensor:
                observed, known, noise = part
                frames = [torch.stack(pair) for pair in self.walk(observed, known, noise, steps, begin, guess)]
                return torch.stack(frames if trajectory else frames[-1:])

            drawn = self._map(draw, chunks, observed.device.type)
            groups.append(torch.cat(list(drawn), dim=2).unflatten(2, (count, -1)))
        states, guesses = torch.cat(groups, dim=3).unbind(1)
        return guesses[-1], Trajectory(states, guesses) if trajectory else None

    def _map(
        self, draw: Callable[[tuple[Tensor, ...]], Tensor], parts: Iterable[tuple[Tensor, ...]], device: str
    ) -> Iterable[Tensor]:
        """`draw` of each part, in this thread or side by side in `threads`."""
        if self.threads is None:
            return map(draw, parts)
        precision, lower = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)

        def draw_in_thread(part: tuple[Tensor, ...]) -> Tensor:
            with torch.inference_mode(), torch.autocast(device, precision, lower):  # both belong to a thread
                return draw(part)

        return self.threads.map(draw_in_thread, parts)

    def fields(self, steps: int) -> int:
        """How many fields of noise one original takes."""
        raise NotImplementedError

    def dream_fields(self, steps: int) -> int:
        """How many fields of noise one dream takes."""
        return self.fields(steps)

    def walk(
        self, observed: Tensor, known: Tensor, noise: Tensor, steps: int, begin: int = 0, guess: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """State and guess (N, 1, 28, 28) before each step from `begin` on, and at the end twice the sample.

        `known` is 1 where `observed` counts, `noise` (N, fields, 1, 28, 28). A `guess` is where to begin.
        """
        raise NotImplementedError
