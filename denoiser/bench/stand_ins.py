"""Small networks, trained briefly, that stand in for the large ones where many are to be compared."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn
from tqdm import tqdm

from ..data import Digits
from ..recipe import Recipe
from ..recipes import get_recipe
from ..training import Engine, fit

STATES = Path("runs/stand-ins")  # of trainings that were cut off, and of finished ones, to go on from
SMALL = {"widths": (16, 32, 64), "blocks": (1, 1, 1)}


def stand_in(name: str, **changes) -> Recipe:
    """The U-Net's recipe, smaller and shorter."""
    plain = {"settings": SMALL, "refinements": (), "grown_from": None, "featured": False}
    return replace(get_recipe("unet"), name=name, **plain | changes)


def train(plans: Mapping[str, tuple[Recipe, Digits]], folder: Path | None = None) -> dict[str, nn.Module]:
    """The network of each plan, trained on its digits; what was trained before is taken up again.

    `folder` is STATES by default. The files in it are of one recipe and one set of digits by their names.
    """
    folder = folder or STATES
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    with tqdm(total=sum(r.epochs * math.ceil(len(d) / r.batch_size) for r, d in plans.values()), unit="step") as bar:
        for words, (recipe, digits) in plans.items():
            state = folder / f"{recipe.name}-{recipe.fingerprint()[:8]}.state.safetensors"
            engine = Engine.fastest(digits.images.device)
            found[words] = fit(recipe, digits, state_file=state, resume=True, engine=engine, bar=bar)[0]
    return found
