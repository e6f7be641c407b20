"""The building blocks of the networks. Pictures are (B, C, H, W); comments are output shapes without the batch."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import SIDE


class CustomInit(nn.Module):
    """A module that changes its layers' weights after they were initialised as everywhere."""

    def init_weights(self) -> None:
        """Change the weights, already initialised, in place."""
        raise NotImplementedError


def conv3(inputs: int, outputs: int, padding: int = 1) -> nn.Sequential:
    """A 3x3 convolution and ReLU; keeps the size, or without padding takes 2 off each side."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=padding), nn.ReLU())


class Transposed(nn.ConvTranspose2d):
    """A transposed convolution that under autocast adds its bias in a step of its own.

    The result is the same. On a CPU PyTorch sums the gradient of the built-in bias, for pictures with channels last,
    so slowly that it takes most of the layer's backward pass.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.bias is None or not torch.is_autocast_enabled(x.device.type):
            return super().forward(x, output_size)
        assert isinstance(self.padding, tuple)
        y = F.conv_transpose2d(x, self.weight, None, self.stride, self.padding, self.output_padding)
        return y + self.bias.to(y.dtype).view(1, -1, 1, 1)


def transposed3(inputs: int, outputs: int, output_padding: int = 1) -> nn.Sequential:
    """A transposed 3x3 convolution of stride 2, and ReLU; doubles the size, with `output_padding` 0 less one."""
    layer = Transposed(inputs, outputs, 3, stride=2, padding=1, output_padding=output_padding)
    return nn.Sequential(layer, nn.ReLU())


def pool() -> nn.MaxPool2d:
    """A max pool that halves the size, rounding up: 28, 14, 7, 4."""
    return nn.MaxPool2d(2, ceil_mode=True)


def pooled(*channels: int) -> list[nn.Module]:
    """A convolution and a pool from each number of `channels` to the next; the size goes 28, 14, 7, 4."""
    return [layer for inputs, outputs in pairwise(channels) for layer in (conv3(inputs, outputs), pool())]


class Residual(CustomInit):
    """x plus two 3x3 convolutions of it, initialised near the identity, so that deep stacks need no normalisation.

    After Zhang, Dauphin and Ma, "Fixup Initialization", 2019.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def init_weights(self) -> None:
        """Scale the second convolution down, so that the block is close to the identity."""
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def zero_init(self) -> None:
        """Set the second convolution to zero, so that the block is the identity until it is trained."""
        nn.init.zeros_(self.second.weight)
        if self.second.bias is not None:
            nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        return self.second(F.silu(self.first(F.silu(x)))).add_(x)  # in place: this memory is still cached


class Blocks(nn.Sequential):
    """Blocks one after the other, each also given the same `condition`, if there is one."""

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        for block in self:
            x = block(x, *condition)
        return x


class Level(nn.Module):
    """One level of a U-Net: blocks `before`, downsampling, the levels `below`, upsampling, blocks `after`."""

    def __init__(self, before: Blocks, below: nn.Module, after: Blocks, width: int, width_below: int) -> None:
        super().__init__()
        self.before = before
        self.down = nn.Conv2d(width, width_below, 2, stride=2)
        self.below = below
        self.up = Transposed(width_below, width, 2, stride=2)
        self.after = after

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        x = self.before(x, *condition)
        return self.after(x + self.up(self.below(self.down(x), *condition)), *condition)


def unet_levels(
    widths: Sequence[int],
    blocks: Sequence[int],
    block: Callable[[int], nn.Module],
    last: Callable[[int], nn.Module] | None = None,
) -> nn.Module:
    """All levels of a U-Net: `widths` channels and `blocks` blocks in each, made by `block(width)`.

    `last`, if given, makes one block more at the end of each row of blocks.
    """

    def row(width: int, count: int) -> Blocks:
        return Blocks(*(block(width) for _ in range(count)), *([last(width)] if last else []))

    body: nn.Module = row(widths[-1], blocks[-1])
    for (width, below), count in zip(reversed(list(pairwise(widths))), reversed(blocks[:-1]), strict=True):
        body = Level(row(width, count), body, row(width, count), width, below)
    return body


class LSTMEncoder(nn.Module):
    """An LSTM that reads a picture row by row; the latent is its last hidden state."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(SIDE, latent_dim, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(x.flatten(1, 2))
        return hidden[0]  # d


class LSTMDecoder(nn.Module):
    """An LSTM that writes a picture row by row, with the latent as its input at every row."""

    def __init__(self, latent_dim: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(latent_dim, hidden, batch_first=True)
        self.row = nn.Linear(hidden, SIDE)

    def forward(self, z: Tensor) -> Tensor:
        states, _ = self.lstm(z.unsqueeze(1).expand(-1, SIDE, -1))  # 28 x h
        return self.row(states).unsqueeze(1)  # 1 x 28 x 28


class Sine(nn.Module):
    """sin(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


class Waves(CustomInit):
    """Fourier features sin(W z + b), with W initialised from N(0, 1) and b uniformly over all phases.

    From the two coordinates themselves a network learns only functions that change slowly. Tancik et al., "Fourier
    Features Let Networks Learn High Frequency Functions", 2020; here W and b are learnt.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.sine = Sine()

    def init_weights(self) -> None:
        """Draw frequencies and phases anew."""
        nn.init.normal_(self.linear.weight)
        nn.init.uniform_(self.linear.bias, -math.pi, math.pi)

    def forward(self, z: Tensor) -> Tensor:
        return self.sine(self.linear(z))
