"""fit(recipe, digits): the one training loop, for every model and device.

The data set stays on the device as uint8; shuffling, noise and augmentation are batched tensor work there, and the
losses of an epoch are read back once, at its end. Each epoch draws from a generator seeded with the recipe's seed
and the epoch's number, so that a training that was cut off goes on exactly as if it had not been.
Knows no model and no formula: `model.loss(batch, ...)` has them.
"""

import json
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .data import Batch, Digits, augment, batches, split_validation, to_float
from .errors import DenoiserError
from .files import write_atomically
from .models import build
from .noise import add_noise, draw_noise
from .recipes import OPTIMIZERS, PRESENTATION, Recipe

VALIDATION_BATCH = 1_000
WARMUP = 0.05  # share of a cosine schedule that climbs


class TrainingError(DenoiserError, RuntimeError):
    """Training cannot go on; the message says at which step and what is kept."""


def learning_rate_factor(schedule: str, progress: float) -> float:
    """What to multiply the learning rate by after the share `progress` of all steps, in [0, 1]."""
    if schedule == "constant":
        return 1.0
    climb = min(1.0, progress / WARMUP)
    return climb * 0.5 * (1 + math.cos(math.pi * progress))


def make_noisy(clean: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Fresh training noise for one batch: an equal share of each kind, factors drawn from the recipe's range."""
    low, high = recipe.noise_range
    factor = torch.rand(len(clean), 1, 1, 1, generator=generator, device=clean.device) * (high - low) + low
    parts = zip(recipe.noise, clean.chunk(len(recipe.noise)), factor.chunk(len(recipe.noise)), strict=False)
    return torch.cat([add_noise(x, draw_noise(kind, x.shape, generator), f) for kind, x, f in parts])


class Feed:
    """Batches of one part of the data as a recipe wants them: augmented, made noisy, on the device."""

    def __init__(self, digits: Digits, recipe: Recipe):
        self.digits, self.recipe = digits, recipe
        self.device = digits.images.device

    @cached_property
    def frozen(self) -> Tensor | None:
        """All noisy pictures where the noise is drawn once, else None."""
        if self.recipe.noise_drawn == "once":
            return make_noisy(self.digits.floats(), self.recipe, self.generator(-1))
        return None

    def generator(self, epoch: int) -> torch.Generator:
        """The randomness of one epoch (-1: of what is drawn once; -2: of validation)."""
        return torch.Generator(self.device).manual_seed((self.recipe.seed + 1) * 1_000_003 + epoch)

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """One batch of the training set."""
        clean, labels = to_float(self.digits.images[index]), self.digits.labels[index]
        if self.frozen is not None:
            return Batch(self.frozen[index], clean, labels)
        if self.recipe.augmentation:
            clean = augment(clean, self.recipe.augmentation, generator)
        return Batch(make_noisy(clean, self.recipe, generator) if self.recipe.noise else clean, clean, labels)

    def epoch(self, epoch: int) -> Iterator[tuple[Batch, torch.Generator]]:
        """All batches of one epoch, and the generator they and the model share."""
        generator = self.generator(epoch)
        for index in batches(len(self.digits), self.recipe.batch_size, generator):
            yield self.batch(index, generator), generator

    def validation(self) -> Iterator[tuple[Batch, torch.Generator]]:
        """The whole part in order, unaugmented, its noise the same at each call."""
        generator = self.generator(-2)
        for images, labels in zip(
            self.digits.images.split(VALIDATION_BATCH),
            self.digits.labels.split(VALIDATION_BATCH),
            strict=True,
        ):
            clean = to_float(images)
            yield (
                Batch(make_noisy(clean, self.recipe, generator) if self.recipe.noise else clean, clean, labels),
                generator,
            )


def autocast(device: torch.device, precision: str):
    """bf16 arithmetic where it is asked for; weights and losses stay float32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def default_precision(device: torch.device) -> str:
    """bfloat16 where the device multiplies it faster than float32, else float32."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return (
        "bfloat16"
        if torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        else "float32"
    )


def step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    recipe: Recipe,
    precision: str,
    generator: torch.Generator,
) -> Tensor:
    """One update; the loss before it, detached, still on the device."""
    optimizer.zero_grad(set_to_none=True)
    with autocast(batch.clean.device, precision):
        loss = model.loss(batch, recipe.loss, recipe.penalties, generator)
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def validation_loss(model: nn.Module, feed: Feed, precision: str) -> float:
    """The loss on the validation split, without penalties, meaned over its pictures."""
    model.eval()
    total = 0.0
    for batch, generator in feed.validation():
        with autocast(feed.device, precision):
            total += model.loss(batch, feed.recipe.loss, None, generator).double() * len(batch.clean)
    model.train()
    return float(total) / len(feed.digits)


def fit(
    recipe: Recipe,
    digits: Digits,
    *,
    state_file: Path | None = None,
    resume: bool = False,
    precision: str | None = None,
    progress: bool = True,
) -> tuple[nn.Module, dict]:
    """Train `recipe` on `digits` (MNIST's training set, on the device to train on), the last of them for validation.

    Returns the model in eval mode and what came of it: `history` (a list of epoch, train and validation loss,
    seconds), seconds, device, precision, threads. After each epoch all state goes to `state_file`, atomically; with
    `resume` it is taken up from there. Raises TrainingError at a loss that is not finite.
    """
    device = digits.images.device
    precision = precision or default_precision(device)
    torch.manual_seed(recipe.seed)
    model = build(recipe.network, recipe.settings).to(device, memory_format=torch.channels_last).train()
    options = dict(recipe.optimizer_settings) | ({"fused": True} if recipe.optimizer != "adadelta" else {})
    optimizer = OPTIMIZERS[recipe.optimizer](model.parameters(), lr=recipe.learning_rate, **options)
    training, held_out = split_validation(digits)
    feed, validation = Feed(training, recipe), Feed(held_out, recipe)
    history: list[dict] = []
    if resume and state_file and state_file.exists():
        history = load_state(state_file, model, optimizer, recipe)

    steps = math.ceil(len(training) / recipe.batch_size)
    with tqdm(
        total=recipe.epochs * steps,
        initial=len(history) * steps,
        desc=recipe.name,
        unit="step",
        disable=not progress,
        smoothing=0.05,
    ) as bar:
        for epoch in range(len(history), recipe.epochs):
            start, losses = time.perf_counter(), []
            for number, (batch, generator) in enumerate(feed.epoch(epoch)):
                factor = learning_rate_factor(recipe.schedule, (epoch * steps + number) / (recipe.epochs * steps))
                for group in optimizer.param_groups:
                    group["lr"] = recipe.learning_rate * factor
                losses.append(step(model, optimizer, batch, recipe, precision, generator))
                bar.update()
            held_out_loss = validation_loss(model, validation, precision)
            values = torch.stack(losses).double()
            _refuse_infinite([*values.tolist(), held_out_loss], recipe, epoch, kept=state_file if history else None)
            history.append(
                {
                    "epoch": epoch + 1,
                    "train": values.mean().item(),
                    "validation": held_out_loss,
                    "seconds": round(time.perf_counter() - start, 3),
                }
            )
            bar.set_postfix(train=f"{history[-1]['train']:.4f}", validation=f"{held_out_loss:.4f}")
            if state_file:
                save_state(state_file, model, optimizer, recipe, history)
    return model.eval(), {
        "history": history,
        "seconds": round(sum(e["seconds"] for e in history), 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "precision": precision,
    }


def _refuse_infinite(losses: list[float], recipe: Recipe, epoch: int, kept: Path | None) -> None:
    """TrainingError where one of an epoch's losses, the validation's last, is not finite."""
    for number, loss in enumerate(losses, start=1):
        if not math.isfinite(loss):
            last = len(losses) - 1
            where = f"at epoch {epoch + 1}, " + (f"step {number} (of {last})" if number <= last else "in validation")
            keeps = f"The state after epoch {epoch} is kept in {kept}." if kept else "Nothing was saved."
            raise TrainingError(
                f"{recipe.name}: the loss is {loss} {where}. {keeps} "
                f"A smaller learning rate than {recipe.learning_rate} may help."
            )


def save_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, history: list[dict]
) -> None:
    """Weights, optimiser state and history in one safetensors file, written atomically."""
    from safetensors.torch import save

    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for index, slots in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{slot}": torch.as_tensor(value).contiguous() for slot, value in slots.items()}
    metadata = {"recipe": json.dumps(recipe.as_dict()), "history": json.dumps(history)}
    write_atomically(path, save(tensors, metadata))


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe) -> list[dict]:
    """Put back what save_state wrote and return the history; TrainingError where it is of another recipe or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        history = json.loads(metadata["history"])
        theirs, ours = json.loads(metadata["recipe"]), json.loads(json.dumps(recipe.as_dict()))
        same = all(theirs.get(key) == ours.get(key) for key in (theirs.keys() | ours.keys()) - set(PRESENTATION))
        if same:
            _restore(model, optimizer, tensors)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise TrainingError(
            f"{path} is damaged and cannot be resumed from ({first}); train without --resume."
        ) from error
    if not same:
        raise TrainingError(
            f"{path} is of recipe {theirs.get('name')!r} with other settings than {recipe.name!r} has now; "
            "train without --resume."
        )
    return history


def _restore(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Weights and optimiser slots from the names that save_state gave them."""
    weights: dict[str, Tensor] = {}
    slots: dict[int, dict[str, Tensor]] = {}
    parameters = list(model.parameters())
    for key, value in tensors.items():
        part, name = key.split(".", 1)
        if part == "model":
            weights[name] = value
        else:
            index, slot = name.split(".")
            if value.dim():  # fused optimisers go through memory: a slot must lie there as its parameter does
                value = torch.empty_like(parameters[int(index)], dtype=value.dtype).copy_(value)
            slots.setdefault(int(index), {})[slot] = value
    model.load_state_dict(weights)
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
