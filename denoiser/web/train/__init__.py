"""The Train page."""

from .tab import build

__all__ = ["build"]
