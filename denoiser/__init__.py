"""Denoising autoencoders on MNIST: train them, measure them, compare them, explore their codes.

The functions below are imported when they are first used, so that `python -m denoiser --help` does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .checkpoint import list_models, load_model
    from .comparison import breaking_point, compare, sweep
    from .ink import digit_from_image, digit_from_strokes
    from .noise import add_noise, draw_noise
    from .posterior import complete, dream, possible_originals

__all__ = [
    "add_noise",
    "breaking_point",
    "compare",
    "complete",
    "digit_from_image",
    "digit_from_strokes",
    "draw_noise",
    "dream",
    "list_models",
    "load_model",
    "possible_originals",
    "sweep",
]
MODULES = {
    "checkpoint": ("list_models", "load_model"),
    "comparison": ("breaking_point", "compare", "sweep"),
    "ink": ("digit_from_image", "digit_from_strokes"),
    "noise": ("add_noise", "draw_noise"),
    "posterior": ("complete", "dream", "possible_originals"),
}


def __getattr__(name: str) -> object:
    for module, names in MODULES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
