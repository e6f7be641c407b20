"""Networks prepared for inference: batch normalisation folded into the layers before it, and arithmetic in bfloat16.

The results are those of the network itself within rounding. Training and evaluation use the network itself.
"""

from copy import deepcopy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from ..data import SIDE
from .contracts import Classifier, Denoiser

WIDE = 16  # channels on both sides of a convolution
MANY_OPERATIONS = 20_000_000
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """A copy of `network`, in eval mode, whose batch normalisations are part of the convolution or layer before them.

    The results are the same within rounding, in fewer operations.
    """
    network = deepcopy(network).eval()
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for (name, layer), (following, norm) in pairwise(list(sequence.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence[int(name)] = fuse_conv_bn_eval(layer, norm)
            elif isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d):
                sequence[int(name)] = fuse_linear_bn_eval(layer, norm)
            else:
                continue
            sequence[int(following)] = nn.Identity()
    return network


def prepare(network: nn.Module, precision: str) -> nn.Module:
    """`network` as it is served: folded, and with "bfloat16" a faster copy if that pays, else as it is.

    Measured: a classifier takes half the time, as does a denoiser of at least MANY_OPERATIONS; smaller ones gain
    nothing. A network in which there is nothing to change is returned itself.
    """
    folded = fold_batch_norm(network) if any(isinstance(m, NORMS) for m in network.modules()) else network
    if precision != "bfloat16":
        return folded
    if isinstance(network, Classifier):
        return Bfloat16(folded)
    if isinstance(network, Denoiser) and operations(network) >= MANY_OPERATIONS:
        return with_bfloat16_convolutions(folded)
    return folded


def operations(network: nn.Module) -> int:
    """Multiplications with an addition that the convolutions and linear layers of a network need for one picture.

    torch.utils.flop_counter counts all of them, and loads torch's compiler for it: two seconds and 70 MB at the start.
    """
    total = 0

    def count(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        numbers = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        total += numbers.numel() * layer.weight[0].numel()

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 1, SIDE, SIDE))
    finally:
        for handle in handles:
            handle.remove()
    return total


class Bfloat16(nn.Module):
    """A copy of a network that computes in bfloat16, from float32 pictures (B, 1, 28, 28) to float32 results."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = deepcopy(network).to(torch.bfloat16)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.to(torch.bfloat16)).float()


def with_bfloat16_convolutions(network: nn.Module) -> nn.Module:
    """A copy of `network` whose wide convolutions compute in bfloat16, and all else in float32.

    Sums along many layers, and the last layer, lose too much in bfloat16: a U-Net lost 0.12 dB without noise.
    """
    network = deepcopy(network)
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and min(layer.in_channels, layer.out_channels) >= WIDE:
                setattr(module, name, Bfloat16(layer))
    return network
