"""A model on pictures of any size and number: padded, in batches, large ones in overlapping tiles.

The networks were trained on 28 x 28 pictures, see zeros beyond the border, and halve the size twice. Hence:

- Pictures of up to 32 pixels a side count as single digits: they are padded by reflection to 28 or 32 pixels.
- Larger ones are padded by reflection with 16 pixels on each side, and to a multiple of 4: for a network that sees
  zeros beyond the border, a stroke that the border cuts off is no stroke. (+1.7 dB for digits that the border of a
  sheet cuts off, at noise 0.5.)
- Very large ones are denoised in tiles. The edges of a tile only provide context; where tiles overlap they are blended.

Knows nothing of files.
"""

import math
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..data import SIDE
from ..runtime.precision import autocast, default_precision

MULTIPLE = 4  # networks halve the size twice
DIGIT = 32  # pixels a side up to which a picture counts as a single digit
MARGIN = 16  # pixels of padding around larger ones
TILE = 512  # pixels a side
CONTEXT = 32  # pixels at a tile's inner edges that are context only; what lies beyond changes pixels by 0.01
BLEND = 32  # pixels next to the context over which one tile fades into the next
BATCH_PIXELS = 2**19  # in one batch; a network needs about 600 bytes of memory for each


@torch.inference_mode()
def restore(
    model: nn.Module,
    x: Tensor,
    precision: str | None = None,
    progress: Callable[[float], object] = lambda share: None,
) -> Tensor:
    """Denoise pictures (B, 1, H, W) in [0, 1] of any size: the same shape, float32 in [0, 1].

    `precision` is "float32" or "bfloat16", by default the faster one; filters always compute in float32. `progress` is
    called with each share of the work that is done, 1 in all. Raises RuntimeError if the model does not take this size.
    """
    if next(model.parameters(), None) is None:
        precision = "float32"
    (rows, top), (columns, left) = reflection_index(x.shape[2]), reflection_index(x.shape[3])
    down, along = windows(len(rows)), windows(len(columns))
    rows, columns = rows.to(x.device).unsqueeze(1), columns.to(x.device)
    pixels = len(down[0].weight) * len(along[0].weight)
    done = []
    for part in x.split(max(1, BATCH_PIXELS // pixels)):
        padded = part[:, :, rows, columns]
        whole = torch.zeros_like(padded)
        for row, column in product(down, along):
            window = (..., row.span, column.span)
            with autocast(x.device, precision or default_precision(x.device)):
                x_hat = model(padded[window])
            if x_hat.shape != padded[window].shape:
                raise RuntimeError(f"{tuple(padded[window].shape)} comes out as {tuple(x_hat.shape)}")
            whole[window] += torch.outer(row.weight, column.weight).to(x.device) * x_hat.float().clamp(0, 1)
            progress(len(part) / (len(x) * len(down) * len(along)))
        done.append(whole[..., top : top + x.shape[2], left : left + x.shape[3]].clamp_(0, 1))
    return torch.cat(done)


def takes(model: nn.Module, height: int, width: int, device: torch.device | str = "cpu") -> bool:
    """Whether `model` denoises pictures of this size."""
    try:
        restore(model, torch.zeros(1, 1, representative(height), representative(width), device=device), "float32")
    except RuntimeError:
        return False
    return True


def representative(length: int) -> int:
    """A short length that a model takes if and only if it takes `length`: a side is padded like all longer ones."""
    return min(length, DIGIT + 1)


def reflection_index(length: int) -> tuple[Tensor, int]:
    """How to pad a side of `length` by reflection: each padded pixel's source index, and the pixels added before."""
    margin = MARGIN if length > DIGIT else 0
    total = max(SIDE, math.ceil((length + 2 * margin) / MULTIPLE) * MULTIPLE)
    before = (total - length) // 2
    index = torch.arange(total) - before
    period = max(1, 2 * (length - 1))
    return torch.minimum(index % period, -index % period), before


class Window(NamedTuple):
    """A tile along one side: the pixels it spans, and the weight of each."""

    span: slice
    weight: Tensor


def windows(length: int) -> list[Window]:
    """The tiles along a padded side of `length`.

    All have the same size and start at multiples of 4; their weights add up to 1 at every pixel.
    """
    if length <= TILE:
        return [Window(slice(0, length), torch.ones(length))]
    last = math.ceil((length - TILE) / (TILE - 2 * CONTEXT - BLEND))
    ramp = ((torch.arange(TILE) + 0.5 - CONTEXT) / BLEND).clamp(0, 1)
    ramp = 0.5 - 0.5 * torch.cos(math.pi * ramp)
    tiles, total = [], torch.zeros(length)
    for number in range(last + 1):
        start = round(number * (length - TILE) / last / MULTIPLE) * MULTIPLE
        weight = (ramp if number else torch.ones(TILE)) * (ramp.flip(0) if number < last else torch.ones(TILE))
        tiles.append(Window(slice(start, start + TILE), weight))
        total[tiles[-1].span] += weight
    return [Window(span, weight / total[span]) for span, weight in tiles]
