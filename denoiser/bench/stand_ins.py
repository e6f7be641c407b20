"""Small, briefly trained networks, for experiments that compare many of them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..data import Digits
from ..recipe import Recipe
from ..recipes import get_recipe
from ..trainable import Trainable
from ..training import Engine, fit

STATES = Path("runs/stand-ins")  # of interrupted and of finished trainings, to resume from
SMALL = {"widths": (16, 32, 64), "blocks": (1, 1, 1)}


def stand_in(name: str, **changes: Any) -> Recipe:
    """The U-Net's recipe for a small network without refinements, with further `changes`."""
    plain: dict[str, Any] = {"settings": SMALL, "refinements": (), "grown_from": None, "featured": False}
    return replace(get_recipe("unet"), name=name, **plain | changes)


def train(plans: Mapping[str, tuple[Recipe, Digits]], folder: Path | None = None) -> dict[str, Trainable]:
    """The network of each plan, trained on its digits; trainings that were begun before are resumed.

    Their states are in `folder`, by default STATES, named after recipe and fingerprint.
    """
    folder = folder or STATES
    folder.mkdir(parents=True, exist_ok=True)
    models = {}
    with tqdm(total=sum(r.epochs * math.ceil(len(d) / r.batch_size) for r, d in plans.values()), unit="step") as bar:
        for words, (recipe, digits) in plans.items():
            state = folder / f"{recipe.name}-{recipe.fingerprint()[:8]}.state.safetensors"
            engine = Engine.fastest(digits.images.device)
            models[words] = fit(recipe, digits, state_file=state, resume=True, engine=engine, bar=bar)[0]
    return models
