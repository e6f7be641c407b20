"""bench ablations: the effect of each choice in our own recipes, one changed at a time, in shorter trainings.

A small U-Net stands in for the large one. All figures are of the validation digits; test digits choose nothing.
"""

from dataclasses import replace

import torch
from torch import nn

from ..data import Augmentation, Digits, load_mnist, split_validation
from ..evaluation import measure_quality, noisy_batches
from ..latent import elbo_terms, encode_digits
from ..models import VAE, parameter_count
from ..recipe import Recipe
from ..recipes import get_recipe
from .stand_ins import stand_in, train

EPOCHS = {"unet": 2, "vae-2d-best": 15}
FACTORS = (0.25, 0.5, 0.7, 1.0)
CLEAN = {"task": "reconstruct", "noise": (), "noise_factor": 0.0}


def plans() -> dict[str, dict[str, Recipe]]:
    """For each recipe it itself, shortened, and variants with one choice changed, by what was changed."""
    unet = stand_in("unet", epochs=EPOCHS["unet"])
    unet_settings, plane_settings = dict(unet.settings), dict(get_recipe("vae-2d-best").settings)
    plane = replace(get_recipe("vae-2d-best"), epochs=EPOCHS["vae-2d-best"], featured=False)
    changes: dict[str, tuple[Recipe, dict[str, dict]]] = {
        "unet": (
            unet,
            {
                "cross-entropy for PSNR as loss": {"loss": "bce"},
                "no running mean of the weights": {"ema": 0.0},
                "constant learning rate": {"schedule": "constant"},
                "Gaussian noise alone": {"noise": ("gaussian",)},
                "shifted and turned digits": {"augmentation": Augmentation(degrees=8, shift=1, scale=0.05)},
                "batches of 256": {"batch_size": 256},
                "a block more at each size": {"settings": unet_settings | {"blocks": (2, 2, 2)}},
                "half as wide again": {"settings": unet_settings | {"widths": (24, 48, 96)}},
            },
        ),
        "vae-2d-best": (
            plane,
            {
                "coordinates for waves": {"settings": plane_settings | {"waves": False}},
                "two layers in the decoder": {"settings": plane_settings | {"decoder": (512, 512)}},
                "no climb of the KL term": {"penalty_warmup": 0},
                "constant learning rate": {"schedule": "constant"},
                "clean digits alone": CLEAN,
            },
        ),
    }
    return {
        name: {"as it stands": recipe}
        | {
            words: replace(recipe, **change, name=f"{name}-{i}")
            for i, (words, change) in enumerate(variants.items(), 1)
        }
        for name, (recipe, variants) in changes.items()
    }


def figures_of(model: nn.Module, digits: Digits) -> dict[str, float]:
    """The figures that compare such networks on `digits`: mean PSNR per image by noise factor, or those of a VAE."""
    if isinstance(model, VAE):
        return elbo_terms(model, digits) | {"neighbour_accuracy": encode_digits(model, digits).accuracy}
    return {str(f): measure_quality(model, digits, list(noisy_batches(digits, "gaussian", f)))["psnr"] for f in FACTORS}


def measure() -> dict:
    """Train each variant and measure it on the validation digits."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = load_mnist("train", device)
    held_out = split_validation(digits)[1]
    found = {}
    for name, recipes in plans().items():
        models = train({words: (recipe, digits) for words, recipe in recipes.items()})
        found[name] = {
            words: {"parameters": parameter_count(model)} | figures_of(model, held_out)
            for words, model in models.items()
        }
    return {"epochs": EPOCHS, "recipes": found}


def show(figures: dict) -> None:
    """Print one table for each recipe."""
    for name, rows in figures["recipes"].items():
        columns = list(next(iter(rows.values())))
        print(f"\n{name}, {figures['epochs'][name]} epochs; validation digits")
        print(f"{'':34}" + "".join(f"{column:>20}" for column in columns))
        for words, row in rows.items():
            print(f"{words:34}" + "".join(f"{row[column]:>20,.6g}" for column in columns))
