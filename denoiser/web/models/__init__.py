"""The Models page."""

from .tab import build

__all__ = ["build"]
