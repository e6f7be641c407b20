"""Which precision a device computes in: float32, or bfloat16 where that is faster."""

from contextlib import AbstractContextManager, nullcontext

import torch


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
