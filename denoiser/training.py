"""fit(recipe, digits): the one training loop, for every model and device; `steps` is the same for those who watch.

The data set stays on the device as uint8; shuffling, noise and augmentation are batched tensor work there, and the
losses of an epoch are read back once, at its end. Each epoch draws from a generator seeded with the recipe's seed
and the epoch's number, so that a training that was cut off goes on exactly as if it had not been.
Knows no model and no formula: `model.loss(batch, ...)` has them.
"""

import json
import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .data import Batch, Digits, augment, batches, split_validation, to_float
from .engine import (
    Captured,
    Engine,
    RunningMean,
    Team,
    TrainingError,
    autocast,
    make_optimizer,
    set_learning_rate,
)
from .files import write_atomically
from .memory import ALL, keep_freed
from .models import build, grow
from .noise import add_noise, draw_noise
from .recipes import Recipe, fingerprint

VALIDATION_BATCH = 1_000
WARMUP = 0.05  # share of a cosine schedule that climbs


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

    def seed(self, epoch: int) -> int:
        """What the randomness of one epoch starts from (-1: of what is drawn once; -2: of validation)."""
        return (self.recipe.seed + 1) * 1_000_003 + epoch

    def generator(self, epoch: int) -> torch.Generator:
        """The randomness of one epoch."""
        return torch.Generator(self.device).manual_seed(self.seed(epoch))

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """One batch of the training set."""
        clean, labels = to_float(self.digits.images[index]), self.digits.labels[index]
        if self.frozen is not None:
            return Batch(self.frozen[index], clean, labels)
        if self.recipe.augmentation:
            clean = augment(clean, self.recipe.augmentation, generator)
        return Batch(make_noisy(clean, self.recipe, generator) if self.recipe.noise else clean, clean, labels)

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


class Trainer:
    """A training under way: the model, its optimiser and running mean, and the way from an index to a step."""

    def __init__(
        self, recipe: Recipe, digits: Digits, engine: Engine, team: Team, warm_start: Mapping[str, Tensor] | None = None
    ):
        torch.manual_seed(recipe.seed)
        self.recipe, self.digits, self.engine, self.team = recipe, digits, engine, team
        if engine.keeps_memory:
            keep_freed(ALL)
        self.model = self.network(recipe.stages[0])
        if recipe.warm_start:
            if warm_start is None:
                raise TrainingError(f"{recipe.name} starts from the weights of {recipe.warm_start}: train that first.")
            try:
                self.model.warm_start(warm_start)
            except ValueError as error:
                raise TrainingError(f"{recipe.name} cannot start from {recipe.warm_start}: {error}") from error
        self.generator = torch.Generator(digits.images.device)
        self.begin(0)

    def network(self, stage: Recipe) -> nn.Module:
        """A new network, as the engine wants it."""
        model = build(stage.network, stage.settings).to(self.digits.images.device).train()
        return model.to(memory_format=torch.channels_last) if self.engine.channels_last else model

    def begin(self, number: int) -> None:
        """Make ready for that stage of the recipe, from the weights as they are."""
        stages = self.recipe.stages
        self.stage = stage = stages[number]
        if number and stage.settings != stages[number - 1].settings:
            torch.manual_seed(self.recipe.seed + number)
            try:
                self.model = grow(self.network(stage), self.model)
            except ValueError as error:
                raise TrainingError(f"{stage.name} cannot grow from {dict(self.recipe.grown_from)}: {error}") from error
        self.number, self.first_epoch = number, sum(s.epochs for s in stages[:number])
        self.optimizer = make_optimizer(self.model, stage, self.engine)
        self.mean = RunningMean(self.model, stage.ema)
        self.feed = Feed(self.digits, stage)
        self.penalties: Mapping[str, float | Tensor] = stage.penalties
        if stage.penalty_warmup:  # where a captured step finds them changed
            self.penalties = {name: torch.zeros((), device=self.feed.device) for name in stage.penalties}
        self.run = Captured(self.update, stage.batch_size, self.generator) if self.engine.captured else self.update

    def reach(self, epoch: int) -> None:
        """Go on to the stage that has that epoch, from the mean weights of the one before."""
        while epoch >= self.first_epoch + self.stage.epochs:
            self.mean.swap()
            self.begin(self.number + 1)

    def update(self, index: Tensor) -> Tensor:
        """One step on the digits of `index`."""
        return step(self, self.feed.batch(index, self.generator))

    def epoch(self, epoch: int) -> Iterator[Tensor]:
        """Train on every digit once; each step's loss, still on the device."""
        self.reach(epoch)
        recipe = self.stage
        self.generator.manual_seed(self.feed.seed(epoch))
        steps = steps_of_epoch(recipe, len(self.digits))
        start = (epoch - self.first_epoch) * steps
        for number, index in enumerate(batches(len(self.digits), recipe.batch_size, self.generator), start):
            rate = learning_rate_factor(recipe.schedule, number / (recipe.epochs * steps))
            set_learning_rate(self.optimizer, recipe.learning_rate * rate)
            if recipe.penalty_warmup:
                share = min(1.0, number / (recipe.penalty_warmup * steps))
                for name, weight in recipe.penalties.items():
                    self.penalties[name].fill_(share * weight)
            loss = self.run(index)
            self.mean.update(number)
            yield loss


def step(trainer: Trainer, batch: Batch) -> Tensor:
    """One update from `batch`, of which each process takes its part; the loss before it, detached, on the device.

    Of several processes each returns its part's share of the loss; their sum is the loss.
    """
    model, team, recipe = trainer.model, trainer.team, trainer.stage
    trainer.optimizer.zero_grad(set_to_none=True)
    part = team.part(batch)
    share = len(part.clean) / len(batch.clean)
    if share:
        with autocast(batch.clean.device, trainer.engine.precision):
            loss = share * model.loss(part, recipe.loss, trainer.penalties, team.own(trainer.generator))
        loss.backward()
    else:  # more processes than pictures
        loss = batch.clean.new_zeros(())
    if team.size > 1:
        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        team.sum([weight.grad for weight in model.parameters()])
    if recipe.clip:
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    trainer.optimizer.step()
    return loss.detach()


class Moment(NamedTuple):
    """A training after one of its steps: how many there were, the last one's loss (on the device), the epochs over."""

    trainer: Trainer
    done: int
    loss: Tensor
    history: list[dict]


def fit(recipe: Recipe, digits: Digits, **options) -> tuple[nn.Module, dict]:
    """Train `recipe` on `digits` to its end; the options are those of `steps`, which says what is returned."""
    training = steps(recipe, digits, **options)
    while True:
        try:
            next(training)
        except StopIteration as over:
            return over.value


def steps(
    recipe: Recipe,
    digits: Digits,
    *,
    state_file: Path | None = None,
    resume: bool = False,
    engine: Engine | None = None,
    bar: tqdm | None = None,
    team: Team | None = None,
    warm_start: Mapping[str, Tensor] | None = None,
) -> Generator[Moment, None, tuple[nn.Module, dict]]:
    """Train `recipe` on `digits` (MNIST's training set, on the device to train on), the last of them for validation.

    Yields a Moment after each step; nothing is computed between two of them, and whoever closes the generator has
    stopped the training. Returns the model in eval mode and what came of it: `history` (a list of epoch, train and
    validation loss, seconds), seconds, device, precision, threads, processes. After each epoch all state goes to
    `state_file`, atomically; with `resume` it is taken up from there. `bar` is moved on by each step.
    `warm_start` are the weights of the model that the recipe starts from, if it names one. Raises TrainingError at a
    loss that is not finite, where the device's memory is too small, or where those weights are missing or do not fit.
    """
    device, team = digits.images.device, team or Team()
    engine = engine or Engine.fastest(device)
    training, held_out = split_validation(digits)
    trainer, validation = Trainer(recipe, training, engine, team, warm_start), Feed(held_out, recipe)
    history: list[dict] = []
    if resume and state_file and state_file.exists():
        history = load_state(state_file, trainer)
    done = len(history) * steps_of_epoch(recipe, len(training))
    bar = tqdm(disable=True) if bar is None else bar
    bar.set_description(recipe.name)
    bar.update(done)
    for epoch in range(len(history), recipe.total_epochs):
        start, losses = time.perf_counter(), []
        with _room_for(recipe):
            for loss in trainer.epoch(epoch):
                losses.append(loss)
                done += 1
                bar.update()
                yield Moment(trainer, done, loss, history)
            with trainer.mean.in_place():
                held_out_loss = validation_loss(trainer.model, validation, engine.precision)
        values = torch.stack(losses).double()
        team.sum([values])
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
        if state_file and team.leads:
            save_state(state_file, trainer, history)
    trainer.mean.swap()
    return trainer.model.eval(), {
        "history": history,
        "seconds": round(sum(e["seconds"] for e in history), 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "processes": team.size,
        "precision": engine.precision,
    }


def steps_of_epoch(recipe: Recipe, count: int) -> int:
    """How many batches `count` training digits make."""
    return math.ceil(count / recipe.batch_size)


@contextmanager
def _room_for(recipe: Recipe) -> Iterator[None]:
    """TrainingError where the device's memory is too small, with the batch size to try."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"{recipe.name}: batches of {recipe.batch_size} do not fit into this device's memory; "
            f"try a batch_size of {max(1, recipe.batch_size // 2)}."
        ) from error


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


def save_state(path: Path, trainer: Trainer, history: list[dict]) -> None:
    """Weights, their running mean, optimiser state and history in one safetensors file, written atomically."""
    from safetensors.torch import save

    recipe = trainer.recipe
    tensors = {f"model.{name}": value.contiguous() for name, value in trainer.model.state_dict().items()}
    for index, slots in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{slot}": torch.as_tensor(value).contiguous() for slot, value in slots.items()}
    if recipe.ema:
        tensors |= {f"mean.{index}": value.contiguous() for index, value in enumerate(trainer.mean.values)}
    metadata = {"recipe": json.dumps(recipe.as_dict()), "history": json.dumps(history)}
    metadata["fingerprint"] = recipe.fingerprint()
    write_atomically(path, save(tensors, metadata))


def load_state(path: Path, trainer: Trainer) -> list[dict]:
    """Put back what save_state wrote and return the history; TrainingError where it is of another recipe or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        history = json.loads(metadata["history"])
        theirs = json.loads(metadata["recipe"])
        same = metadata.get("fingerprint", fingerprint(theirs, version=1)) == trainer.recipe.fingerprint()
        if same:
            while len(history) > trainer.first_epoch + trainer.stage.epochs:
                trainer.begin(trainer.number + 1)
            _restore(trainer, tensors)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise TrainingError(
            f"{path} is damaged and cannot be resumed from ({first}); train without --resume."
        ) from error
    if not same:
        raise TrainingError(
            f"{path} is of recipe {theirs.get('name')!r} with other settings or pictures than {trainer.recipe.name!r} "
            "has now; train without --resume."
        )
    return history


def _restore(trainer: Trainer, tensors: dict[str, Tensor]) -> None:
    """Weights, their mean and optimiser slots from the names that save_state gave them."""
    weights: dict[str, Tensor] = {}
    slots: dict[int, dict[str, Tensor]] = {}
    parameters = list(trainer.model.parameters())
    for key, value in tensors.items():
        part, name = key.split(".", 1)
        if part == "model":
            weights[name] = value
        elif part == "mean":
            trainer.mean.values[int(name)].copy_(value)
        else:
            index, slot = name.split(".")
            if value.dim():  # fused optimisers go through memory: a slot must lie there as its parameter does
                value = torch.empty_like(parameters[int(index)], dtype=value.dtype).copy_(value)
            slots.setdefault(int(index), {})[slot] = value
    trainer.model.load_state_dict(weights)
    groups = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": slots, "param_groups": groups})
