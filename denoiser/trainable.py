"""What the training loop asks of a network, so that it needs to know no kind of network and no formula."""

from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from .data import Batch

Penalties = Mapping[str, float | Tensor]  # the weight of each penalty by its name


class Trainable(nn.Module):
    """A network with a loss; a recipe may name one of its `criteria` and some of its `penalties`."""

    criteria: ClassVar[tuple[str, ...]] = ()
    penalties: ClassVar[tuple[str, ...]] = ()

    def loss(
        self,
        batch: Batch,
        criterion: str,
        penalties: Penalties | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The scalar to minimise; networks that sample draw from `generator`."""
        raise NotImplementedError


@runtime_checkable
class WarmStartable(Protocol):
    """A network that can start from the weights of another one."""

    def warm_start(self, weights: Mapping[str, Tensor]) -> None:
        """Start from `weights`; ValueError if they do not fit."""
