"""Denoising autoencoders on MNIST: train them, measure them, compare them, explore their codes."""

from .checkpoint import list_models, load_model
from .comparison import breaking_point, compare, sweep
from .ink import digit_from_image, digit_from_strokes
from .noise import add_noise, draw_noise

__all__ = [
    "add_noise",
    "breaking_point",
    "compare",
    "digit_from_image",
    "digit_from_strokes",
    "draw_noise",
    "list_models",
    "load_model",
    "sweep",
]
