"""The state of an interrupted training: one safetensors file that it resumes from."""

import json
from pathlib import Path

import torch
from torch import Tensor

from ..files import write_atomically
from ..recipe import Recipe, fingerprint
from .errors import TrainingError
from .step import learning_weights
from .trainer import Trainer


def save_state(path: Path, trainer: Trainer, history: list[dict]) -> None:
    """Write weights, their averages, optimiser state and history to one safetensors file, atomically."""
    tensors = {f"model.{name}": value.contiguous() for name, value in trainer.model.state_dict().items()}
    for index, slots in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{slot}": torch.as_tensor(value).contiguous() for slot, value in slots.items()}
    tensors |= {f"mean.{index}": value.contiguous() for index, value in enumerate(trainer.ema.averages)}
    write_state(path, trainer.recipe, tensors, history)


def write_state(path: Path, recipe: Recipe, tensors: dict[str, Tensor], history: list[dict]) -> None:
    """Write tensors, named as save_state names them, with the recipe and the history, atomically."""
    from safetensors.torch import save

    metadata = {"recipe": json.dumps(recipe.as_dict()), "history": json.dumps(history)}
    metadata["fingerprint"] = recipe.fingerprint()
    write_atomically(path, save(tensors, metadata))


def load_state(path: Path, trainer: Trainer) -> list[dict]:
    """Restore what save_state wrote and return the history. TrainingError if it is damaged or of another recipe."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        history = json.loads(metadata["history"])
        saved = json.loads(metadata["recipe"])
        same = metadata.get("fingerprint", fingerprint(saved, version=1)) == trainer.recipe.fingerprint()
        if same:
            while len(history) > trainer.first_epoch + trainer.stage.epochs:
                trainer.start_stage(trainer.number + 1)
            _restore(trainer, tensors)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise TrainingError(
            f"{path} is damaged and cannot be resumed from ({reason}); train without --resume."
        ) from error
    if not same:
        raise TrainingError(
            f"{path} is of recipe {saved.get('name')!r} with other settings or pictures than {trainer.recipe.name!r} "
            "has now; train without --resume."
        )
    return history


def _restore(trainer: Trainer, tensors: dict[str, Tensor]) -> None:
    """Load weights, averages and optimiser state from tensors named as save_state names them."""
    weights: dict[str, Tensor] = {}
    slots: dict[int, dict[str, Tensor]] = {}
    parameters = learning_weights(trainer.model)
    for key, value in tensors.items():
        part, name = key.split(".", 1)
        if part == "model":
            weights[name] = value
        elif part == "mean":
            trainer.ema.averages[int(name)].copy_(value)
        else:
            index, slot = name.split(".")
            if value.dim():  # fused optimisers need the memory format of the parameter
                value = torch.empty_like(parameters[int(index)], dtype=value.dtype).copy_(value)
            slots.setdefault(int(index), {})[slot] = value
    trainer.model.load_state_dict(weights)
    groups = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": slots, "param_groups": groups})
