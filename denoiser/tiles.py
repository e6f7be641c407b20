"""A model on pictures of any size and number: framed, in batches, large ones in overlapping tiles.

Networks here were trained on 28 x 28 pictures, beyond whose paper they see zeros, and halve their size twice. Hence:

- Pictures of up to 32 pixels a side are taken for digits on paper: mirrored at their borders up to 28, or 32, pixels.
- Larger ones are mirrored by 16 pixels all around, and on to a multiple of 4, since a stroke that the border cuts off
  is no stroke to a network that sees zeros behind it. (Digits in a sheet, cut by its border, noise 0.5: +1.7 dB.)
- Very large ones go through in tiles. Of each, what lies near its edges is not used, and the rest is blended.

Knows nothing of files.
"""

import math
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .data import SIDE
from .precision import autocast, default_precision

MULTIPLE = 4  # networks halve the size twice
DIGIT = 32  # pixels a side up to which a picture is a digit on its own paper
MARGIN = 16  # pixels mirrored around larger ones
TILE = 512  # pixels a side
CONTEXT = 32  # pixels at a tile's inner edges that only serve the others: what is further off moves them by 0.01
BLEND = 32  # pixels after those over which one tile goes over into the next
BATCH_PIXELS = 2**19  # that go through a network at a time; it needs some 600 bytes for each


@torch.inference_mode()
def restore(
    model: nn.Module,
    x: Tensor,
    precision: str | None = None,
    step: Callable[[float], object] = lambda share: None,
) -> Tensor:
    """What `model` makes of pictures (B, 1, H, W) in [0, 1] of any size: the same shape, float32 in [0, 1].

    `precision` is float32 or bfloat16, by default what is faster; filters always compute in float32. `step` is told
    each share of the work that is done, 1 in all. Raises RuntimeError where the model does not take this size.
    """
    if next(model.parameters(), None) is None:
        precision = "float32"
    (rows, top), (columns, left) = mirrored(x.shape[2]), mirrored(x.shape[3])
    down, along = windows(len(rows)), windows(len(columns))
    rows, columns = rows.to(x.device).unsqueeze(1), columns.to(x.device)
    pixels = len(down[0].weight) * len(along[0].weight)
    done = []
    for part in x.split(max(1, BATCH_PIXELS // pixels)):
        framed = part[:, :, rows, columns]
        whole = torch.zeros_like(framed)
        for row, column in product(down, along):
            place = (..., row.place, column.place)
            with autocast(x.device, precision or default_precision(x.device)):
                x_hat = model(framed[place])
            if x_hat.shape != framed[place].shape:
                raise RuntimeError(f"{tuple(framed[place].shape)} comes out as {tuple(x_hat.shape)}")
            whole[place] += torch.outer(row.weight, column.weight).to(x.device) * x_hat.float().clamp(0, 1)
            step(len(part) / (len(x) * len(down) * len(along)))
        done.append(whole[..., top : top + x.shape[2], left : left + x.shape[3]].clamp_(0, 1))
    return torch.cat(done)


def takes(model: nn.Module, height: int, width: int, device: torch.device | str = "cpu") -> bool:
    """Whether `model` denoises pictures of this size."""
    try:
        restore(model, torch.zeros(1, 1, alike(height), alike(width), device=device), "float32")
    except RuntimeError:
        return False
    return True


def alike(length: int) -> int:
    """A small length of a side that a model takes where it takes `length`."""
    return min(length, DIGIT + 1)


def mirrored(length: int) -> tuple[Tensor, int]:
    """For each pixel of a framed side the one of the side, of `length`, that stands there; and how many are before."""
    margin = MARGIN if length > DIGIT else 0
    total = max(SIDE, math.ceil((length + 2 * margin) / MULTIPLE) * MULTIPLE)
    before = (total - length) // 2
    places = torch.arange(total) - before
    period = max(1, 2 * (length - 1))
    return torch.minimum(places % period, -places % period), before


class Window(NamedTuple):
    """A tile along one side: where it lies, and the weight of each of its pixels."""

    place: slice
    weight: Tensor


def windows(length: int) -> list[Window]:
    """The tiles along a framed side of `length`.

    All have the same size, start at multiples of 4, and their weights add up to 1 at every pixel.
    """
    if length <= TILE:
        return [Window(slice(0, length), torch.ones(length))]
    last = math.ceil((length - TILE) / (TILE - 2 * CONTEXT - BLEND))
    climb = ((torch.arange(TILE) + 0.5 - CONTEXT) / BLEND).clamp(0, 1)
    climb = 0.5 - 0.5 * torch.cos(math.pi * climb)
    tiles, total = [], torch.zeros(length)
    for number in range(last + 1):
        start = round(number * (length - TILE) / last / MULTIPLE) * MULTIPLE
        weight = (climb if number else torch.ones(TILE)) * (climb.flip(0) if number < last else torch.ones(TILE))
        tiles.append(Window(slice(start, start + TILE), weight))
        total[tiles[-1].place] += weight
    return [Window(place, weight / total[place]) for place, weight in tiles]
