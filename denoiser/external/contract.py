"""What the output of a foreign model must be: as many pictures as went in, finite, and roughly in [0, 1]."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import PIXELS, SIDE
from ..errors import DenoiserError

EXTERNAL = "external"  # the family of models that are not ours
LOWEST, HIGHEST = -1.0, 2.0  # a linear model may leave [0, 1] a little; logits, or pixels up to 255, go much further
SECONDS = 60.0  # that one batch may take, at most 500 pictures
LAYOUTS = ((1, SIDE, SIDE), (SIDE, SIDE, 1), (SIDE, SIDE), (PIXELS,))  # of a picture; the same order of pixels in all


class ExternalError(DenoiserError, RuntimeError):
    """A foreign model that cannot be used; the message says why."""


def to_pictures(output: Any, count: int) -> Tensor:
    """A foreign model's output for `count` pictures as float32 (count, 1, 28, 28), clipped to [0, 1].

    Accepts any array or CPU tensor of numbers whose pictures are in one of LAYOUTS. Raises ExternalError for another
    shape, for values that are not finite, and for values so far from [0, 1] that they are on another scale.
    """
    if isinstance(output, Tensor):
        output = output.detach().cpu()
    try:
        array = np.asarray(output, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ExternalError(f"the output is {type(output).__name__}, no array of numbers") from error
    if array.shape[:1] != (count,) or array.shape[1:] not in LAYOUTS:
        raise ExternalError(f"the output for {count} pictures has shape {array.shape}, not {(count, 1, SIDE, SIDE)}")
    if not np.isfinite(array).all():
        raise ExternalError("the output has pixels that are not finite numbers")
    low, high = float(array.min()), float(array.max())
    if low < LOWEST or high > HIGHEST:
        raise ExternalError(f"the output goes from {low:.4g} to {high:.4g}; pixels must be in [0, 1], where ink is 1")
    return torch.from_numpy(np.array(array)).view(count, 1, SIDE, SIDE).clamp_(0, 1)
