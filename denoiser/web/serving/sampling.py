"""Possible originals, completions and dreams for visitors: the sampler they share, and what the referee reads."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...posterior import BASELINE
from ...referee import class_probabilities
from ...runtime.precision import autocast, default_precision
from ...samplers import STEPS, Sampler, Trajectory

MAX_THREADS = 4  # that draw the originals of one request


class Sampled(NamedTuple):
    """Pictures (N, 28, 28), the referee's probabilities (N, 10), None without a referee, and how they came about."""

    pictures: Tensor
    probabilities: Tensor | None
    trajectory: Trajectory | None = None


class SamplingService:
    """A sampler, with the referee that reads what it draws. `name` is the sampler's.

    One request computes in several threads: whoever waits for twelve originals waits for the last of them.
    """

    def __init__(self, name: str, sampler: Sampler, referee: nn.Module | None):
        self.name, self.sampler, self.referee = name, sampler, referee
        self.gaussian_only = name == BASELINE
        sampler.workers = max(1, min(MAX_THREADS, os.cpu_count() or 1))
        if sampler.workers > 1:
            sampler.threads = ThreadPoolExecutor(sampler.workers, "sampler", torch.set_num_threads, (1,))
        self.originals(torch.zeros(1, 1, 28, 28), sampler.workers, 0)  # kernels are compiled before the first visitor

    def originals(self, noisy: Tensor, count: int, seed: int) -> Sampled:
        """Originals of one picture (1, 1, 28, 28), with their trajectory."""
        return self._read(lambda: self.sampler.sample(noisy, count, seed, trajectory=True))

    def completions(self, x: Tensor, erased: Tensor, count: int, seed: int) -> Sampled:
        """Digits that are the picture `x` (1, 1, 28, 28) outside the mask `erased` of that shape."""
        return self._read(lambda: self.sampler.complete(x, ~erased, count, seed, trajectory=True))

    def dreams(self, count: int, seed: int, steps: int = STEPS) -> Sampled:
        """Digits out of nothing, with their trajectory."""
        return self._read(lambda: self.sampler.dream(count, seed, steps=steps, trajectory=True))

    def fork(self, guess: Tensor, step: int, count: int, seed: int, steps: int) -> Sampled:
        """Other ends of a dream of `steps`, from where it guessed `guess` (1, 28, 28) at `step`."""
        return self._read(lambda: self.sampler.fork(guess, step, count, seed, steps=steps, trajectory=True))

    def _read(self, draw: Callable[[], tuple[Tensor, Trajectory]]) -> Sampled:
        cpu = torch.device("cpu")
        with autocast(cpu, default_precision(cpu)):
            samples, trajectory = draw()
        pictures = samples.float().reshape(-1, *samples.shape[-2:])
        probabilities = None if self.referee is None else class_probabilities(self.referee, pictures)
        return Sampled(pictures, probabilities, trajectory)
