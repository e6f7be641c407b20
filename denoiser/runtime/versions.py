"""The software that a figure or a training was made with."""

import platform
import subprocess

import torch

from ..settings import PACKAGE


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
