"""Go on from a trained model in the refinements that its recipe has got since: write the state to resume from.

python scripts/state_from_checkpoint.py sampler && python -m denoiser train sampler --resume
"""

import sys
from dataclasses import asdict, replace
from pathlib import Path

from safetensors.torch import load

from denoiser.checkpoint import FOLDER, read_checkpoint
from denoiser.errors import DenoiserError
from denoiser.models import build
from denoiser.recipes import get_recipe
from denoiser.settings import current
from denoiser.training.state import write_state


def main(name: str, folder: Path = FOLDER) -> Path:
    """Write the state of the training of `name`, and return its path.

    DenoiserError if there is no such recipe or checkpoint, or if the recipe does not go on from the checkpoint's.
    """
    recipe = get_recipe(name)
    record, content = read_checkpoint(name, folder)
    weights, before = load(content), record.recipe.stages
    stages = recipe.stages[: len(before)]
    model = build(recipe.network, stages[-1].settings)
    order = [key for key, _ in model.named_parameters()]
    as_before = [replace(stage, settings=old.settings) for stage, old in zip(stages, before, strict=False)]
    if (
        [stage.fingerprint() for stage in as_before] != [old.fingerprint() for old in before]
        or len(before) == len(recipe.stages)
        or model.state_dict().keys() != weights.keys()
    ):
        raise DenoiserError(f"the recipe {name} does not go on from what its checkpoint was trained with")
    tensors = {f"model.{key}": value for key, value in weights.items()}
    tensors |= {f"mean.{index}": weights[key].clone() for index, key in enumerate(order) if recipe.ema}
    path = current.runs / f"{name}.state.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_state(path, recipe, tensors, [asdict(epoch) for epoch in record.history])
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(main(sys.argv[1]))
    except DenoiserError as error:
        sys.exit(str(error))
