"""What several test files use: small files, shortened recipes and where the repository lies."""

import base64
import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from denoiser.data import SIDE
from denoiser.examples import EXAMPLES
from denoiser.ink import digit_from_strokes
from denoiser.recipes import RECIPES, Recipe

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = {recipe.network: recipe for recipe in reversed(RECIPES.values())}  # one recipe for each network


def pixels(text: str) -> np.ndarray:
    """The bytes of pictures in base64, one for each pixel."""
    return np.frombuffer(base64.b64decode(text), np.uint8)


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    """An IDX file by its specification."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def digit_file() -> bytes:
    """Our own 3 as a PNG, dark on light, three times as large as the models see it."""
    pixels = (1 - digit_from_strokes(EXAMPLES["3"])[0, 0]).mul(255).byte().numpy()
    content = io.BytesIO()
    Image.fromarray(pixels).resize((3 * SIDE, 3 * SIDE)).save(content, "PNG")
    return content.getvalue()


def short(recipe: Recipe, **changes) -> Recipe:
    """The recipe with few epochs and small batches."""
    return replace(
        recipe, **({"epochs": 3, "batch_size": 16, "refinements": (), "grown_from": None, "warm_start": ""} | changes)
    )
