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
from denoiser.models import build, parameter_count


def main(state: Path, folder: Path = FOLDER) -> None:
    """Write <name>.safetensors and <name>.json to `folder`."""
    with safe_open(state, "pt") as file:
        metadata = file.metadata()
        recipe, history = json.loads(metadata["recipe"]), json.loads(metadata["history"])
        model = build(recipe["network"], recipe["settings"])
        keys = [key for key in file.keys() if key.startswith("model.")]  # noqa: SIM118 (not a dict)
        model.load_state_dict({key.removeprefix("model."): file.get_tensor(key) for key in keys})
        if recipe["ema"]:
            with torch.no_grad():
                for index, weight in enumerate(model.parameters()):
                    weight.copy_(file.get_tensor(f"mean.{index}"))
    total = recipe["epochs"] + sum(each["epochs"] for each in recipe["refinements"])
    record = {
        "recipe": recipe,
        "fingerprint": metadata["fingerprint"] if len(history) == total else f"after epoch {len(history)} of {total}",
        "parameters": parameter_count(model),
        "seed": recipe["seed"],
        "data": recipe["data"],
        "versions": {"torch": torch.__version__},
        "command": f"python -m denoiser train {recipe['name']}",
        "history": history,
        "seconds": round(sum(epoch["seconds"] for epoch in history), 1),
        "device": "cpu",
    }
    save_model(model.eval(), record, folder)
    print(f"{folder / recipe['name']}: {len(history)} of {total} epochs")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
