"""Which precision a device computes in: float32, or bfloat16 where that is faster."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
import torch.nn.functional as F

from .. import settings

REPEATS = 5  # of what is measured
GAIN = 1.2  # how many times faster bfloat16 has to be, to be used


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """A context in which `device` computes in `precision`, "float32" or "bfloat16"; weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def default_precision(device: torch.device) -> str:
    """ "bfloat16" where the device multiplies it faster than float32, else "float32"."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bfloat16" if fast else "float32"


@cache
def serving_precision() -> str:
    """$DENOISER_PRECISION; without it "bfloat16" if this processor convolves faster in it, else "float32".

    That is measured, once, in a few milliseconds: some processors have bfloat16 and are slow in it.
    """
    if settings.current.precision:
        return settings.current.precision
    try:
        gain = convolution_seconds(torch.float32) / convolution_seconds(torch.bfloat16)
    except RuntimeError:  # this build of torch has no such convolution
        return "float32"
    return "bfloat16" if gain >= GAIN else "float32"


@torch.inference_mode()
def convolution_seconds(dtype: torch.dtype, clock: Callable[[], float] = time.thread_time) -> float:
    """The processor time of one convolution as networks have it, on the CPU; the shortest of REPEATS."""
    channels_last = torch.channels_last
    x = torch.full((21, 64, 14, 14), 0.5, dtype=dtype).contiguous(memory_format=channels_last)
    weight = torch.full((64, 64, 3, 3), 0.5, dtype=dtype).contiguous(memory_format=channels_last)
    times = []
    for _ in range(REPEATS + 1):  # the first one chooses a kernel
        start = clock()
        F.conv2d(x, weight, padding=1)
        times.append(clock() - start)
    return min(times[1:])
