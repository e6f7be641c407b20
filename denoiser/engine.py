"""How a training step is computed: the tricks that make it fast, each a switch, and the processes that share it.

Whatever is switched on, the loss is the same within rounding. Knows no recipe's meaning and no files.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .data import Batch
from .errors import DenoiserError
from .recipes import OPTIMIZERS, Recipe

EAGER_STEPS = 3  # before a step is captured: libraries choose their kernels, optimisers make their state
PATIENCE = timedelta(minutes=5)  # until a process that is not heard of counts as dead


class TrainingError(DenoiserError, RuntimeError):
    """Training cannot go on; the message says at which step and what is kept."""


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


@dataclass(frozen=True)
class Engine:
    """The switches: arithmetic in bfloat16, pictures with channels last in memory, one kernel for a whole update of
    the weights, on CPU memory that is not given back after each step, and on CUDA a whole step recorded once and
    replayed as a graph.
    """

    precision: str = "float32"
    channels_last: bool = False
    fused: bool = False
    keeps_memory: bool = False
    captured: bool = False

    @classmethod
    def fastest(cls, device: torch.device, precision: str | None = None) -> "Engine":
        """Everything this device gains from; `precision` only where none is given."""
        cuda = device.type == "cuda"
        return cls(precision or default_precision(device), True, True, keeps_memory=not cuda, captured=cuda)


# ---------- processes that train together ----------


class Team:
    """The processes of one training: one alone, or those that torchrun started, each with its part of every batch."""

    def __init__(self):
        self.size, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        self._own: torch.Generator | None = None

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def device(self, device: str) -> str:
        """This process's own GPU of several, else `device`."""
        return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and self.size > 1 else device

    @contextmanager
    def gathered(self, device: torch.device) -> Iterator[None]:
        """All processes connected."""
        if self.size == 1:
            yield
            return
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
        try:
            yield
            dist.barrier()  # who ends while another still talks to it takes that one down
        finally:
            dist.destroy_process_group()

    def part(self, batch: Batch) -> Batch:
        """This process's share of a batch that all of them hold."""
        return batch if self.size == 1 else Batch(*(values.tensor_split(self.size)[self.rank] for values in batch))

    def own(self, generator: torch.Generator) -> torch.Generator:
        """Where a model draws from: the others' draws are of other sizes, and must not part the shared generator."""
        if self.size == 1:
            return generator
        seed = generator.initial_seed() + 7_919 * (self.rank + 1)
        if self._own is None or self._own.initial_seed() != seed:  # another epoch
            self._own = torch.Generator(generator.device).manual_seed(seed)
        return self._own

    def sum(self, values: list[Tensor]) -> None:
        """Put into each tensor its sum over all processes, in one message; TrainingError where one of them is gone."""
        if self.size == 1:
            return
        flat = torch.cat([value.flatten() for value in values])
        try:
            dist.all_reduce(flat)
        except RuntimeError as error:
            first = str(error).partition("\n")[0]
            raise TrainingError(f"another process of this training is gone, so this one ends too ({first})") from error
        for value, total in zip(values, flat.split([value.numel() for value in values]), strict=True):
            value.copy_(total.view_as(value))


# ---------- one step ----------


def make_optimizer(model: nn.Module, recipe: Recipe, engine: Engine) -> torch.optim.Optimizer:
    """The recipe's optimiser as the engine runs it."""
    options = dict(recipe.optimizer_settings)
    if engine.fused and recipe.optimizer != "adadelta":  # which has no such kernel
        options["fused"] = True
    rate: float | Tensor = recipe.learning_rate
    if engine.captured:  # what a graph is to read anew lies on the device
        options["capturable"] = True
        rate = torch.tensor(rate, device=next(model.parameters()).device)
    return OPTIMIZERS[recipe.optimizer](model.parameters(), lr=rate, **options)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of all weights from now on."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class Captured:
    """`update(index)` recorded as a CUDA graph, for indices of one size; the first steps, and other sizes, run as is.

    All that `update` draws must come from `generator`; what it reads must stay where it is.
    """

    def __init__(self, update: Callable[[Tensor], Tensor], size: int, generator: torch.Generator):
        self.update, self.size, self.generator = update, size, generator
        self.stream = torch.cuda.Stream()
        self.graph: torch.cuda.CUDAGraph | None = None
        self.index = torch.zeros(size, dtype=torch.long, device=generator.device)
        self.eager = 0

    def __call__(self, index: Tensor) -> Tensor:
        if len(index) != self.size:
            return self.update(index)
        if self.eager < EAGER_STEPS:
            self.eager += 1
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                loss = self.update(index)
            torch.cuda.current_stream().wait_stream(self.stream)
            return loss
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            self.graph.register_generator_state(self.generator)
            with torch.cuda.graph(self.graph):
                self.loss = self.update(self.index)
        self.index.copy_(index)
        self.graph.replay()
        return self.loss.clone()


class RunningMean:
    """The running mean of a model's weights, which denoises better than the weights of any one step.

        mean <- d mean + (1 - d) weights,  d = min(decay, (1 + n) / (10 + n)) at step n

    Polyak and Juditsky 1992; the climb of d lets the first, bad weights be forgotten.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.weights, self.decay = list(model.parameters()), decay
        self.values = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take in the weights after so many steps."""
        if self.decay:
            decay = min(self.decay, (1 + steps) / (10 + steps))
            torch._foreach_lerp_(self.values, self.weights, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and mean."""
        if self.decay:
            for weight, value in zip(self.weights, self.values, strict=True):
                kept = weight.clone()
                weight.copy_(value)
                value.copy_(kept)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model with its mean weights."""
        self.swap()
        try:
            yield
        finally:
            self.swap()
