"""How a training step is computed: the options that make it fast. The loss is the same within rounding with all."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..recipe import OPTIMIZERS, Recipe
from ..runtime.precision import default_precision

EAGER_STEPS = 3  # before a step is captured: libraries choose their kernels, optimisers allocate their state


@dataclass(frozen=True)
class Engine:
    """How steps are computed; every option is off by default.

    `precision` is "float32" or "bfloat16", the arithmetic of the network; weights and losses stay float32.
    `channels_last` is the memory format of pictures. `fused_optimizer` updates all weights in one kernel.
    `keep_freed_memory` stops the C library from returning memory after each CPU step. `cuda_graph` captures a whole
    step once and replays it.
    """

    precision: str = "float32"
    channels_last: bool = False
    fused_optimizer: bool = False
    keep_freed_memory: bool = False
    cuda_graph: bool = False

    @classmethod
    def fastest(cls, device: torch.device, precision: str | None = None) -> "Engine":
        """All that makes training faster on `device`, in `precision` or by default in the faster one."""
        cuda = device.type == "cuda"
        return cls(
            precision or default_precision(device),
            channels_last=True,
            fused_optimizer=True,
            keep_freed_memory=not cuda,
            cuda_graph=cuda,
        )


def make_optimizer(model: nn.Module, recipe: Recipe, engine: Engine) -> torch.optim.Optimizer:
    """The recipe's optimiser with the engine's options."""
    options: dict = dict(recipe.optimizer_settings)
    if engine.fused_optimizer and recipe.optimizer != "adadelta":  # which has no fused kernel
        options["fused"] = True
    rate: float | Tensor = recipe.learning_rate
    if engine.cuda_graph:  # a graph reads the rate from the device at each replay
        options["capturable"] = True
        rate = torch.tensor(rate, device=next(model.parameters()).device)
    return OPTIMIZERS[recipe.optimizer](learning_weights(model), lr=rate, **options)


def learning_weights(model: nn.Module) -> list[nn.Parameter]:
    """The weights that are not frozen."""
    return [weight for weight in model.parameters() if weight.requires_grad]


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all weights, in place where a CUDA graph reads it."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class CudaGraphStep:
    """`update(index)` captured as a CUDA graph for indices of length `size`; other sizes and first steps run eagerly.

    `update` may draw random numbers from `generator` only, and must always read and write the same tensors.
    """

    def __init__(self, update: Callable[[Tensor], Tensor], size: int, generator: torch.Generator) -> None:
        self.update, self.size, self.generator = update, size, generator
        self.stream = torch.cuda.Stream()
        self.graph: torch.cuda.CUDAGraph | None = None
        self.index = torch.zeros(size, dtype=torch.long, device=generator.device)
        self.eager_steps = 0

    def __call__(self, index: Tensor) -> Tensor:
        if len(index) != self.size:
            return self.update(index)
        if self.eager_steps < EAGER_STEPS:
            self.eager_steps += 1
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
