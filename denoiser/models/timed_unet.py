"""The U-Net of the flow sampler: the layers of `unet`, which are also given the time."""

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Residual, unet_levels

INK_SQUARE = 0.1  # MNIST's mean squared pixel


class TimedResidual(Residual):
    """A residual block that is given the time: between its convolutions each channel is scaled and shifted by it.

    It starts as the plain block. Perez et al., "FiLM", 2018.
    """

    def __init__(self, width: int, time_features: int) -> None:
        super().__init__(width)
        self.film = nn.Linear(time_features, 2 * width)

    def init_weights(self) -> None:
        """As the plain block, with no influence of the time."""
        super().init_weights()
        nn.init.zeros_(self.film.weight)

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        time = condition[0]
        scale, shift = self.film(time)[..., None, None].chunk(2, dim=1)
        return self.second(F.silu(torch.addcmul(shift, self.first(F.silu(x)), 1 + scale))).add_(x)


class DreamBlock(TimedResidual):
    """A residual block for dreams alone: pictures of which anything is observed pass unchanged.

    Like adapters in a network that stays as it is: Houlsby et al., "Parameter-Efficient Transfer Learning", 2019.
    """

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        time, *dreams = condition
        if not dreams:
            return x
        return torch.where(dreams[0].view(-1, 1, 1, 1), super().forward(x, time), x)


class TimedUNet(nn.Module):
    """A U-Net with three input planes, whose blocks are given the time; its layers are named as those of `unet`.

    forward(state, observed, known, time) -> logits, pictures (B, 1, 28, 28) and times (B,) in [0, 1]. The state is a
    mixture of noise and a digit, in no fixed range; it is scaled to unit size. With `dream_blocks` each row of blocks
    ends in a DreamBlock.
    """

    frequencies: Tensor

    def __init__(
        self, widths: Sequence[int], blocks: Sequence[int], time_features: int, dream_blocks: bool = False
    ) -> None:
        super().__init__()
        self.dream_blocks = dream_blocks
        self.body = nn.ModuleList(
            [
                nn.Conv2d(3, widths[0], 3, padding=1),  # w x 28 x 28
                unet_levels(  # w x 28 x 28
                    widths,
                    blocks,
                    lambda width: TimedResidual(width, time_features),
                    (lambda width: DreamBlock(width, time_features)) if dream_blocks else None,
                ),
                nn.SiLU(),
                nn.Conv2d(widths[0], 1, 3, padding=1),  # 1 x 28 x 28
            ]
        )
        self.time = nn.Sequential(nn.Linear(time_features, time_features), nn.SiLU())
        exponents = torch.linspace(
            0, math.log(32), time_features // 2, device="cpu"
        )  # of meta it loads torch's compiler
        frequencies = torch.exp(exponents)
        self.register_buffer("frequencies", math.pi * frequencies, persistent=False)

    def forward(self, state: Tensor, observed: Tensor, known: Tensor, time: Tensor) -> Tensor:
        angles = time[:, None] * self.frequencies
        features = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        enter, levels, activation, leave = self.body
        size = ((1 - time).square() + INK_SQUARE * time.square()).sqrt()
        planes = torch.cat([state / size.view(-1, 1, 1, 1), observed, known], dim=1)
        planes = planes.contiguous(memory_format=torch.channels_last)
        condition = [features]
        if self.dream_blocks:
            dreams = ~known.flatten(1).any(dim=1)
            if self.training or dreams.any():  # a training step asks nothing: it is captured as a CUDA graph
                condition.append(dreams)
        return leave(activation(levels(enter(planes), *condition)))

    def warm_start(self, weights: Mapping[str, Tensor]) -> None:
        """Start from the weights of a `unet` of the same size: until it is trained, it responds to `observed` as that.

        Raises ValueError if the weights do not fit.
        """
        enter = self.body[0].get_parameter("weight")
        weights = dict(weights)
        with torch.no_grad():
            plane = weights.pop("body.0.weight", None)
            if plane is None or plane.shape != enter[:, 1:2].shape:
                raise ValueError("they are not the weights of a U-Net of the same width")
            enter.zero_()
            enter[:, 1:2] = plane
        try:
            result = self.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise ValueError("the layers have other shapes") from error
        own = ("body.0.weight", "time.")
        if result.unexpected_keys or not all(key.startswith(own) or ".film." in key for key in result.missing_keys):
            raise ValueError("they have other layers")
