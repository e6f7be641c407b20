"""The device that a command runs on."""

import torch

from ..errors import DenoiserError


def pick_device(name: str | None) -> str:
    """`name`, by default cuda if there is a GPU, else cpu; DenoiserError if this machine has no such device."""
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DenoiserError(f"there is no device {name!r} here: {str(error).splitlines()[0]}") from error
    return name
