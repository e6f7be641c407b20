"""The page of possible originals: layout (tab.py), what the browser may ask (handlers.py), scripts and styles."""

from .tab import build

__all__ = ["build"]
