"""Turn the state of an unfinished training into a checkpoint: the mean weights after its last epoch.

    python scripts/checkpoint_from_state.py runs/sampler.state.safetensors [FOLDER]

The record says how many epochs there were, so `denoiser train --all` still takes the recipe for not trained to its end.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open

from denoiser.checkpoint import FOLDER, save_model
from denoiser.data import data_title
from denoiser.models import build, grow, parameter_count
from denoiser.recipe import Recipe
from denoiser.record import Epoch, Record


def main(state: Path, folder: Path = FOLDER) -> None:
    """Write <name>.safetensors and <name>.json to `folder`."""
    with safe_open(state, "pt") as file:
        metadata = file.metadata()
        recipe = Recipe.from_dict(json.loads(metadata["recipe"]))
        history = tuple(Epoch(**epoch) for epoch in json.loads(metadata["history"]))
        model = build(recipe.network, recipe.stage_after(len(history)).settings)
        keys = [key for key in file.keys() if key.startswith("model.")]  # noqa: SIM118 (not a dict)
        model.load_state_dict({key.removeprefix("model."): file.get_tensor(key) for key in keys})
        if recipe.ema:
            with torch.no_grad():
                for index, weight in enumerate(model.parameters()):
                    weight.copy_(file.get_tensor(f"mean.{index}"))
    model = grow(build(recipe.network, recipe.settings, recipe.seed), model)
    done, total = len(history), recipe.total_epochs
    record = Record(
        recipe,
        fingerprint=metadata["fingerprint"] if done == total else f"after epoch {done} of {total}",
        parameters=parameter_count(model),
        data=data_title(recipe.data),
        versions={"torch": torch.__version__},
        command=f"python -m denoiser train {recipe.name}",
        history=history,
        seconds=round(sum(epoch.seconds for epoch in history), 1),
        device="cpu",
    )
    save_model(model.eval(), record, folder)
    print(f"{folder / recipe.name}: {done} of {total} epochs")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
