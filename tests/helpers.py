"""What several test files use: small files, shortened recipes and where the repository lies."""

import asyncio
import base64
import io
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from denoiser.data import SIDE
from denoiser.data.examples import EXAMPLES
from denoiser.ink import digit_from_strokes
from denoiser.recipe import Recipe
from denoiser.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = {recipe.network: recipe for recipe in reversed(RECIPES.values())}  # one recipe for each network


# What the Train page may ask for: a small network of each family.
SMALL_DENSE = {
    "family": "dense",
    "width": 64,
    "code": 8,
    "rate": 0.003,
    "noise": "gaussian",
    "factor": 0.5,
    "loss": "bce",
}
SMALL_CONV = SMALL_DENSE | {"family": "conv", "width": 4, "code": 2, "rate": 0.01}


# A rectangle, as 784 grey values: nothing that any file holds.
RECTANGLE = [255 if 10 <= i // SIDE < 18 and 8 <= i % SIDE < 20 else 0 for i in range(SIDE * SIDE)]


def load_script(name: str) -> ModuleType:
    """The script of this name as a module."""
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


class Clock:
    """A clock that tests move on, in seconds."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def run_async(coroutine):
    """What a coroutine returns; in a thread, for the browser tests leave an event loop running in this one."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, coroutine).result()


def reply_to(function, request: dict) -> dict:
    """What the browser gets for a request to one of the page's functions."""
    from denoiser.web.endpoint import unqueued

    return json.loads(unqueued(function)([json.dumps(request)]))


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
    """The recipe with few epochs and small batches, needing no other model."""
    alone = {"teacher": "", "loss": "cross-entropy"} if recipe.teacher else {}
    plain = {"epochs": 3, "batch_size": 16, "refinements": (), "grown_from": None, "warm_start": ""}
    return replace(recipe, **(plain | alone | changes))
