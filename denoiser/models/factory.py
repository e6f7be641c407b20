"""Building a network from its name and settings, and how its weights are initialised."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..trainable import Trainable
from .layers import CustomInit, Residual
from .networks import NETWORKS


def build(network: str, settings: Mapping, seed: int | None = None) -> Trainable:
    """The network of that name with these settings, on the CPU, its weights initialised by `keras_init`.

    They are drawn from a generator with `seed`, or without one from torch's global generator. On the meta device the
    network has shapes and no weights. Raises ValueError if
    there is no such network or it does not take the settings.
    """
    if network not in NETWORKS:
        raise ValueError(f"unknown network {network!r}; there are {', '.join(NETWORKS)}")
    with nullcontext() if seed is None else DrawFrom(torch.Generator().manual_seed(seed)):
        try:
            model = NETWORKS[network](**settings)
        except (TypeError, KeyError, ValueError, RuntimeError) as error:
            raise ValueError(f"network {network!r} cannot be built with settings {settings}: {error}") from error
        if not any(parameter.is_meta for parameter in model.parameters()):
            model.apply(keras_init)  # of shapes alone it would load torch's compiler: two seconds, 100 MB
    return model


class DrawFrom(TorchFunctionMode):
    """A context in which this thread fills tensors from `generator` instead of torch's global generator.

    The layers' constructors take no generator, and seeding the global one would disturb what other threads draw.
    """

    DRAWS = (Tensor.uniform_, Tensor.normal_, nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_)

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func in self.DRAWS and kwargs.get("generator") is None:
            kwargs = kwargs | {"generator": self.generator}
        return func(*args, **kwargs)


def grow(model: Trainable, smaller: Trainable) -> Trainable:
    """Copy the weights of `smaller` into `model`; residual blocks that the smaller network lacks become the identity.

    Both then give the same output for every picture, and training goes on from there. After Chen, Goodfellow and
    Shlens, "Net2Net", 2015. Raises ValueError unless the two differ in the number of residual blocks alone.
    """
    blocks = {f"{name}.": module for name, module in model.named_modules() if isinstance(module, Residual)}
    try:
        result = model.load_state_dict(smaller.state_dict(), strict=False)
    except RuntimeError as error:
        raise ValueError("the smaller network has weights of other shapes") from error
    added = {name: block for name, block in blocks.items() if f"{name}second.weight" in result.missing_keys}
    if result.unexpected_keys or not all(key.startswith(tuple(added)) for key in result.missing_keys):
        raise ValueError("they differ in more than residual blocks")
    for block in added.values():
        block.zero_init()
    return model


def keras_init(module: nn.Module) -> None:
    """Initialise one module as Keras does: Glorot-uniform weights, zero biases, orthogonal recurrent weights.

    The forget gates of an LSTM start open. A CustomInit then changes its own weights further. Glorot and Bengio 2010;
    with PyTorch's defaults the tutorials' sigmoid networks do not start to learn.
    """
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LSTM):
        weights = dict(module.named_parameters())
        nn.init.xavier_uniform_(weights["weight_ih_l0"])  # all four gates as one matrix, as in Keras
        nn.init.orthogonal_(weights["weight_hh_l0"])
        nn.init.zeros_(weights["bias_ih_l0"])
        nn.init.zeros_(weights["bias_hh_l0"])
        with torch.no_grad():
            weights["bias_ih_l0"].chunk(4)[1].fill_(1)  # PyTorch's gate order: input, forget, cell, output
    elif isinstance(module, CustomInit):
        module.init_weights()


def parameter_count(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(p.numel() for p in model.parameters())
