"""The exponential moving average (EMA) of a model's weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """The moving average of `model`'s weights, which denoises better than the weights after any one step.

        average <- d average + (1 - d) weights,  d = min(decay, (1 + n) / (10 + n)) after step n

    Polyak and Juditsky 1992; d starts small, so that the first, bad weights are soon forgotten. With a `decay` of 0
    nothing is averaged, and every method leaves the model as it is.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: list[Tensor] = list(model.parameters()) if decay else []
        self.averages = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights as they are after step number `step`, counted from 0."""
        if self.decay:
            decay = min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.averages, self.weights, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the model's weights and their averages."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            current = weight.clone()
            weight.copy_(average)
            average.copy_(current)

    @contextmanager
    def average_parameters(self) -> Iterator[None]:
        """A context in which the model has the averaged weights."""
        self.swap()
        try:
            yield
        finally:
            self.swap()
