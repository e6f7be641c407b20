"""A training in progress: the model, its optimiser and EMA, and how one epoch and one step are done.

Each epoch draws from a generator seeded with the recipe's seed and the epoch's number, so that an interrupted training
resumes exactly as if it had not been interrupted. Knows no model and no formula: those are in `model.loss(batch, ...)`.
"""

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from ..data import Batch, Digits, batches
from ..models import build, grow
from ..recipe import Recipe
from ..runtime.malloc import UNLIMITED, keep_freed_memory
from ..runtime.precision import autocast
from ..trainable import Trainable, WarmStartable
from .batches import NoisyBatches, Teacher
from .distributed import ProcessGroup
from .ema import EMA
from .errors import TrainingError
from .step import CudaGraphStep, Engine, learning_weights, make_optimizer, set_learning_rate

WARMUP = 0.05  # share of a cosine schedule over which the learning rate rises


def learning_rate_factor(schedule: str, progress: float) -> float:
    """The factor on the learning rate after the share `progress` of all steps, in [0, 1]."""
    if schedule == "constant":
        return 1.0
    warmup = min(1.0, progress / WARMUP)
    return warmup * 0.5 * (1 + math.cos(math.pi * progress))


def steps_per_epoch(recipe: Recipe, count: int) -> int:
    """How many batches `count` training digits make."""
    return math.ceil(count / recipe.batch_size)


@torch.no_grad()
def validation_loss(model: Trainable, data: NoisyBatches, precision: str) -> float:
    """The loss on the validation digits, without penalties: the mean over all of them."""
    model.eval()
    total = torch.zeros((), dtype=torch.float64, device=data.device)
    for batch, generator in data.validation():
        with autocast(data.device, precision):
            total += model.loss(batch, data.recipe.loss, None, generator).double() * len(batch.clean)
    model.train()
    return total.item() / len(data.digits)


class Trainer:
    """The state of a training of `recipe` on `digits`: which stage it is in, and what changes with every step."""

    def __init__(
        self,
        recipe: Recipe,
        digits: Digits,
        engine: Engine,
        group: ProcessGroup,
        warm_start: Mapping[str, Tensor] | None = None,
        teacher: nn.Module | None = None,
    ) -> None:
        self.recipe, self.digits, self.engine, self.group = recipe, digits, engine, group
        if engine.keep_freed_memory:
            keep_freed_memory(UNLIMITED)
        self.model = self.new_model(recipe.stages[0], recipe.seed)
        if recipe.warm_start:
            self._warm_start(warm_start)
        self.teacher = self._teacher(teacher) if recipe.teacher else None
        self.generator = torch.Generator(digits.images.device)
        self.start_stage(0)

    def new_model(self, stage: Recipe, seed: int) -> Trainable:
        """The untrained network of `stage`, in the engine's memory format; `seed` decides its weights."""
        model = build(stage.network, stage.settings, seed)
        model = model.to(self.digits.images.device).train()
        return model.to(memory_format=torch.channels_last) if self.engine.channels_last else model

    def _warm_start(self, weights: Mapping[str, Tensor] | None) -> None:
        """Start from the weights the recipe names. TrainingError if they are missing or do not fit."""
        recipe = self.recipe
        if weights is None:
            raise TrainingError(f"{recipe.name} starts from the weights of {recipe.warm_start}: train that first.")
        assert isinstance(self.model, WarmStartable), "the recipe has checked it"
        try:
            self.model.warm_start(weights)
        except ValueError as error:
            raise TrainingError(f"{recipe.name} cannot start from {recipe.warm_start}: {error}") from error

    def _teacher(self, model: nn.Module | None) -> Teacher:
        """The classifier `model` as a Teacher, in the engine's precision. TrainingError if it is missing."""
        if model is None:
            raise TrainingError(f"{self.recipe.name} learns from {self.recipe.teacher}: train that first.")
        device = self.digits.images.device
        network = model.to(device).eval()
        if self.engine.channels_last:
            network = network.to(memory_format=torch.channels_last)

        @torch.no_grad()
        def read(noisy: Tensor) -> Tensor:
            with autocast(device, self.engine.precision):
                return torch.softmax(network(noisy).float(), dim=1)

        return read

    def start_stage(self, number: int) -> None:
        """Set up stage `number` of the recipe, starting from the present weights. TrainingError if it cannot grow."""
        stages = self.recipe.stages
        self.stage = stage = stages[number]
        if number and stage.settings != stages[number - 1].settings:
            before = {name for name, _ in self.model.named_parameters()}
            try:
                self.model = grow(self.new_model(stage, self.recipe.seed + number), self.model)
            except ValueError as error:
                smaller = dict(self.recipe.grown_from or {})
                raise TrainingError(f"{stage.name} cannot grow from {smaller}: {error}") from error
            if self.recipe.refinements[number - 1].frozen:
                for name, weight in self.model.named_parameters():
                    weight.requires_grad_(name not in before)
        self.number, self.first_epoch = number, sum(s.epochs for s in stages[:number])
        self.optimizer = make_optimizer(self.model, stage, self.engine)
        self.ema = EMA(self.model, stage.ema)
        self.data = NoisyBatches(self.digits, stage, self.teacher)
        self.penalties: dict[str, float | Tensor] = dict(stage.penalties)
        if stage.penalty_warmup:  # tensors, which a captured step reads anew each time
            self.penalties = {name: torch.zeros((), device=self.data.device) for name in stage.penalties}
        self.run_step: Callable[[Tensor], Tensor] = (
            CudaGraphStep(self.update, stage.batch_size, self.generator) if self.engine.cuda_graph else self.update
        )

    def advance_to(self, epoch: int) -> None:
        """Start the stage that contains `epoch`, from the averaged weights of the stage before."""
        while epoch >= self.first_epoch + self.stage.epochs:
            self.ema.swap()
            self.start_stage(self.number + 1)

    def update(self, index: Tensor) -> Tensor:
        """One step on the digits at `index` (B,); see `step`."""
        return self.step(self.data.batch(index, self.generator))

    def epoch(self, epoch: int) -> Iterator[Tensor]:
        """Train on every digit once; yields each step's loss, still on the device."""
        self.advance_to(epoch)
        stage = self.stage
        self.generator.manual_seed(self.data.seed(epoch))
        steps = steps_per_epoch(stage, len(self.digits))
        start = (epoch - self.first_epoch) * steps
        for number, index in enumerate(batches(len(self.digits), stage.batch_size, self.generator), start):
            factor = learning_rate_factor(stage.schedule, number / (stage.epochs * steps))
            set_learning_rate(self.optimizer, stage.learning_rate * factor)
            if stage.penalty_warmup:
                self.set_penalties(stage.penalties, min(1.0, number / (stage.penalty_warmup * steps)))
            loss = self.run_step(index)
            self.ema.update(number)
            yield loss

    def set_penalties(self, weights: Mapping[str, float], share: float) -> None:
        """Set each penalty to `share` of its full weight, in place."""
        for name, weight in weights.items():
            penalty = self.penalties[name]
            assert isinstance(penalty, Tensor)
            penalty.fill_(share * weight)

    def step(self, batch: Batch) -> Tensor:
        """One update from `batch`; the loss before it, detached, on the device.

        With several processes each computes its shard and returns that shard's part of the loss: their sum is the loss.
        """
        model = self.model
        self.optimizer.zero_grad(set_to_none=True)
        shard = self.group.shard(batch)
        share = len(shard.clean) / len(batch.clean)
        if share:
            generator = self.group.local_generator(self.generator)
            with autocast(batch.clean.device, self.engine.precision):
                loss = share * model.loss(shard, self.stage.loss, self.penalties, generator)
            loss.backward()
        else:  # more processes than pictures
            loss = batch.clean.new_zeros(())
        if self.group.size > 1:
            for weight in learning_weights(model):
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
            self.group.all_reduce([weight.grad for weight in model.parameters() if weight.grad is not None])
        if self.stage.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), self.stage.clip)
        self.optimizer.step()
        return loss.detach()
