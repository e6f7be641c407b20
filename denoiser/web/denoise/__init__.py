"""The Denoise page."""

from .tab import build

__all__ = ["build"]
