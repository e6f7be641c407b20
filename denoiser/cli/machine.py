"""The device and the software that a command runs on."""

import platform
import subprocess

import torch

from ..errors import DenoiserError
from ..settings import PACKAGE


def pick_device(name: str | None) -> str:
    """`name`, by default cuda if there is a GPU, else cpu; DenoiserError if this machine has no such device."""
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DenoiserError(f"there is no device {name!r} here: {str(error).splitlines()[0]}") from error
    return name


def versions() -> dict[str, str]:
    """Versions of Python and torch, and the commit of this repository, empty if unknown."""
    try:
        git = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=PACKAGE, capture_output=True, text=True, check=False
        )
        commit = git.stdout.strip()
    except OSError:  # git is not installed
        commit = ""
    return {"python": platform.python_version(), "torch": torch.__version__, "commit": commit}
