"""fit(recipe, digits): the one training loop, for every model and device; `train_steps` is the same, step by step.

The data set stays on the device as uint8; shuffling, noise and augmentation are batched tensor operations there, and
the losses of an epoch are read back once, at its end.
"""

import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..data import Digits, split_validation
from ..recipe import Recipe
from ..trainable import Trainable
from .batches import NoisyBatches
from .distributed import ProcessGroup
from .errors import TrainingError
from .state import load_state, save_state
from .step import Engine
from .trainer import Trainer, steps_per_epoch, validation_loss


class TrainingStep(NamedTuple):
    """A training after one of its steps.

    `number` counts the steps from 1, `loss` is the last one's (on the device), `history` has the finished epochs.
    """

    trainer: Trainer
    number: int
    loss: Tensor
    history: list[dict]


def fit(
    recipe: Recipe,
    digits: Digits,
    *,
    state_file: Path | None = None,
    resume: bool = False,
    engine: Engine | None = None,
    bar: tqdm | None = None,
    group: ProcessGroup | None = None,
    warm_start: Mapping[str, Tensor] | None = None,
    teacher: nn.Module | None = None,
) -> tuple[Trainable, dict]:
    """Train `recipe` on `digits` to its end; arguments, results and errors are those of `train_steps`."""
    training = train_steps(
        recipe,
        digits,
        state_file=state_file,
        resume=resume,
        engine=engine,
        bar=bar,
        group=group,
        warm_start=warm_start,
        teacher=teacher,
    )
    while True:
        try:
            next(training)
        except StopIteration as end:
            return end.value


def train_steps(
    recipe: Recipe,
    digits: Digits,
    *,
    state_file: Path | None = None,
    resume: bool = False,
    engine: Engine | None = None,
    bar: tqdm | None = None,
    group: ProcessGroup | None = None,
    warm_start: Mapping[str, Tensor] | None = None,
    teacher: nn.Module | None = None,
) -> Generator[TrainingStep, None, tuple[Trainable, dict]]:
    """Train `recipe` on `digits` (a training set, on the device to train on), the last of them for validation.

    Yields a TrainingStep after each step and computes nothing until it is resumed; closing the generator stops the
    training. Returns the model in eval mode and the outcome: `history` (per epoch its number, training and validation
    loss, seconds), total seconds, device, precision, threads, processes. After each epoch the whole state is written
    to `state_file`; with `resume` the training goes on from it. `bar` advances by one with each step.
    `warm_start` are the weights of the model that the recipe starts from, and `teacher` is the classifier it learns
    from, if it names them. Raises TrainingError at a loss that is not finite, where the device's memory is too small
    or it lacks the precision, where those weights do not fit, and where they or the teacher are missing.
    """
    device, group = digits.images.device, group or ProcessGroup()
    engine = engine or Engine.fastest(device)
    training, held_out = split_validation(digits)
    trainer = Trainer(recipe, training, engine, group, warm_start, teacher)
    validation = NoisyBatches(held_out, recipe, trainer.teacher)
    history: list[dict] = []
    if resume and state_file and state_file.exists():
        history = load_state(state_file, trainer)
    number = len(history) * steps_per_epoch(recipe, len(training))
    bar = tqdm(disable=True) if bar is None else bar
    bar.set_description(recipe.name)
    bar.update(number)
    for epoch in range(len(history), recipe.total_epochs):
        start, losses = time.perf_counter(), []
        with device_errors(recipe, engine.precision):
            for loss in trainer.epoch(epoch):
                losses.append(loss)
                number += 1
                bar.update()
                yield TrainingStep(trainer, number, loss, history)
            with trainer.ema.average_parameters():
                held_out_loss = validation_loss(trainer.model, validation, engine.precision)
        values = torch.stack(losses).double()
        group.all_reduce([values])
        _check_finite([*values.tolist(), held_out_loss], recipe, epoch, state_file if history else None)
        history.append(
            {
                "epoch": epoch + 1,
                "train": values.mean().item(),
                "validation": held_out_loss,
                "seconds": round(time.perf_counter() - start, 3),
            }
        )
        bar.set_postfix(train=f"{history[-1]['train']:.4f}", validation=f"{held_out_loss:.4f}")
        if state_file and group.is_main:
            save_state(state_file, trainer, history)
    trainer.ema.swap()
    return trainer.model.eval(), {
        "history": history,
        "seconds": round(sum(e["seconds"] for e in history), 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "processes": group.size,
        "precision": engine.precision,
    }


@contextmanager
def device_errors(recipe: Recipe, precision: str) -> Iterator[None]:
    """Turn torch's errors for what a device lacks, memory or bfloat16, into a TrainingError that says what to try."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"{recipe.name}: batches of {recipe.batch_size} do not fit into this device's memory; "
            f"try a batch_size of {max(1, recipe.batch_size // 2)}."
        ) from error
    except RuntimeError as error:
        if precision != "bfloat16" or "could not create a primitive" not in str(error):
            raise
        raise TrainingError(
            f"{recipe.name}: its layers cannot be trained in bfloat16 on this processor; train it in float32."
        ) from error


def _check_finite(losses: list[float], recipe: Recipe, epoch: int, saved: Path | None) -> None:
    """TrainingError if one of an epoch's losses is not finite; the last one is the validation loss."""
    for number, loss in enumerate(losses, start=1):
        if not math.isfinite(loss):
            last = len(losses) - 1
            where = f"at epoch {epoch + 1}, " + (f"step {number} (of {last})" if number <= last else "in validation")
            state = f"The state after epoch {epoch} is kept in {saved}." if saved else "Nothing was saved."
            raise TrainingError(
                f"{recipe.name}: the loss is {loss} {where}. {state} "
                f"A smaller learning rate than {recipe.learning_rate} may help."
            )
