"""Denoising autoencoders on MNIST: train them, measure them, compare them, explore their codes.

The functions below are imported when they are first used, so that `python -m denoiser --help` does not wait for torch.
No module may have the name of one of them: once imported, it would take the place of the function.
"""

from importlib import import_module

TYPE_CHECKING = False  # as in typing, whose import is not needed for anything else
if TYPE_CHECKING:
    from .checkpoint import list_models, load_model
    from .ink import digit_from_image, digit_from_strokes
    from .noise import add_noise, draw_noise
    from .posterior import complete, dream, possible_originals
    from .reading import read_digits
    from .sweeps import breaking_point, compare, sweep

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
    "read_digits",
    "sweep",
]
MODULES = {
    "checkpoint": ("list_models", "load_model"),
    "ink": ("digit_from_image", "digit_from_strokes"),
    "noise": ("add_noise", "draw_noise"),
    "posterior": ("complete", "dream", "possible_originals"),
    "reading": ("read_digits",),
    "sweeps": ("breaking_point", "compare", "sweep"),
}


def __getattr__(name: str) -> object:
    for module, names in MODULES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
