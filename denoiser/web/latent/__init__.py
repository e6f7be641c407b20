"""The Latent space page."""

from .tab import build

__all__ = ["build"]
