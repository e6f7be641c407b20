"""What is inside a network: its layers and their outputs, its first weights, how sparse it is; and checkerboards.

Layers are recorded by forward hooks while the network runs; nothing here depends on the kind of network.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from .data import PIXELS, SIDE
from .models import Autoencoder, Sine, Transposed, build
from .recipe import Recipe

Phrase = tuple[Any, ...]  # a template of words, and what is filled in for {0}, {1}
SMALL_WEIGHT = 1e-3  # weights with a smaller absolute value count as small


@dataclass(frozen=True)
class Layer:
    """One layer of a network as it ran on one picture.

    `part` is the top-level module it belongs to ("encoder"), `phrases` what it is in words, `parameters` how many
    numbers it learns. `output` has no batch dimension: (C, H, W), (steps, values) or (values,). `is_code` marks what
    `model.encode` returns.
    """

    part: str
    phrases: tuple[Phrase, ...]
    parameters: int
    output: Tensor
    is_code: bool = False

    @property
    def description(self) -> str:
        """What the layer is: "convolution 3 x 3, ReLU"."""
        return ", ".join(template.format(*params) for template, *params in self.phrases)

    @property
    def shape(self) -> tuple[int, ...]:
        """The output's shape without the batch."""
        return tuple(self.output.shape)


def _size(layer: Any) -> str:
    """The kernel of a convolution or pool as "3 x 3"."""
    size = layer.kernel_size
    return " x ".join(map(str, size)) if isinstance(size, tuple) else f"{size} x {size}"


def _stride(layer: Any) -> list[Phrase]:
    return [] if set(layer.stride) == {1} else [("stride {0}", layer.stride[0])]


DESCRIPTIONS: dict[type[nn.Module], Callable[[Any], list[Phrase]]] = {
    nn.Conv2d: lambda m: [("convolution {0}", _size(m)), *_stride(m)],
    Transposed: lambda m: [("transposed convolution {0}", _size(m)), *_stride(m)],
    nn.Linear: lambda m: [("dense",)],
    nn.LSTM: lambda m: [("LSTM",)],
    nn.MaxPool2d: lambda m: [("max pool {0}", _size(m))],
    nn.AdaptiveAvgPool2d: lambda m: [("mean over the picture",)],
    nn.Upsample: lambda m: [("resize",), (m.mode,)],
    nn.Flatten: lambda m: [("flatten",)],
    nn.Unflatten: lambda m: [("reshape",)],
    nn.BatchNorm1d: lambda m: [("batch norm",)],
    nn.BatchNorm2d: lambda m: [("batch norm",)],
    nn.ReLU: lambda m: [("ReLU",)],
    nn.SiLU: lambda m: [("SiLU",)],
    nn.Sigmoid: lambda m: [("sigmoid",)],
    nn.Tanh: lambda m: [("tanh",)],
    Sine: lambda m: [("sine",)],
    nn.Identity: lambda m: [],
}


def describe(module: nn.Module) -> list[Phrase]:
    """What a module is, for people; the name of its class where DESCRIPTIONS has no entry."""
    return DESCRIPTIONS.get(type(module), lambda m: [(type(m).__name__,)])(module)


@torch.inference_mode()
def layers(model: nn.Module, x: Tensor) -> list[Layer]:
    """The layers that `x` (1, 1, 28, 28) passes through, in that order, with their outputs.

    What works on single values or only rescales them (activations, batch norm) is part of the layer before it. Where
    the code is not the output of a layer, it is a row of its own. Other threads may run `model` meanwhile.
    """
    hooked = _copy_sharing_weights(model)
    rows: list[Layer] = []

    def record(name: str) -> Callable:
        def hook(module: nn.Module, _inputs: tuple, output: Tensor | tuple) -> None:
            value = (output[0] if isinstance(output, tuple) else output)[0].float().clone()
            phrases, count = tuple(describe(module)), sum(p.numel() for p in module.parameters())
            single = count == 0 or isinstance(module, nn.modules.batchnorm._NormBase)
            if rows and single and value.shape == rows[-1].output.shape:
                before = rows.pop()
                rows.append(Layer(before.part, before.phrases + phrases, before.parameters + count, value))
            else:
                rows.append(Layer(name.split(".")[0], phrases, count, value))

        return hook

    leaves = [(name, module) for name, module in hooked.named_modules() if not list(module.children())]
    for name, module in leaves:
        module.register_forward_hook(record(name))
    result = hooked(x)[0].float()
    last = rows[-1] if rows else None
    if last and last.output.numel() == result.numel() and torch.allclose(last.output.view_as(result).sigmoid(), result):
        rows[-1] = replace(last, phrases=(*last.phrases, ("sigmoid",)), output=result)
    return _with_code(rows, encode(model, x))


def _copy_sharing_weights(model: nn.Module) -> nn.Module:
    """A copy of `model` that shares its weights; hooks on `model` itself would also see other threads' calls."""
    weights = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in weights})


def _with_code(rows: list[Layer], z: Tensor | None) -> list[Layer]:
    """`rows` with the code `z` marked, or inserted where the decoder starts."""
    if z is None or not rows:
        return rows
    first = rows[0].part
    end = next((index for index, row in enumerate(rows) if row.part != first), len(rows))
    last = rows[end - 1]
    if last.shape == tuple(z.shape) and torch.allclose(last.output, z, atol=1e-5):
        return [*rows[: end - 1], replace(last, is_code=True), *rows[end:]]
    return [*rows[:end], Layer("code", (("code",),), 0, z, is_code=True), *rows[end:]]


@torch.inference_mode()
def encode(model: nn.Module, x: Tensor) -> Tensor | None:
    """The code of `x` (1, 1, 28, 28) without the batch dimension; None for a model without one."""
    return model.encode(x)[0].float() if isinstance(model, Autoencoder) else None


@torch.inference_mode()
def sparsity(model: nn.Module, codes: Tensor) -> dict:
    """How sparse the `codes` (N, ...) of N pictures and the weights of their `model` are.

    `values` is the length of a code, `zero` the share of values that are exactly 0, `dead` the number of values that
    are 0 for every picture, and `small` the share of weights, without biases, below SMALL_WEIGHT in absolute value.
    """
    flat = codes.flatten(1) == 0
    sizes = torch.cat([w.detach().abs().flatten() for w in model.parameters() if w.dim() > 1])
    return {
        "values": flat.shape[1],
        "zero": flat.double().mean().item(),
        "dead": int(flat.all(dim=0).sum()),
        "small": (sizes < SMALL_WEIGHT).double().mean().item(),
    }


def grid_shape(count: int) -> tuple[int, int]:
    """Rows and columns of the most nearly square grid of exactly `count` cells: 8 x 8 for 64, 4 x 8 for 32."""
    rows = next(r for r in range(math.isqrt(count), 0, -1) if count % r == 0)
    return rows, count // rows


def tiles(output: Tensor) -> Tensor:
    """A layer's output as pictures (N, H, W): one per channel; a sequence as one; a vector as one rectangle."""
    if output.dim() == 3:
        return output
    return (output if output.dim() == 2 else output.view(grid_shape(len(output)))).unsqueeze(0)


def first_weights(model: nn.Module) -> Tensor | None:
    """The weights of the first layer as signed pictures (N, H, W); None for a filter.

    A convolution's kernels, a dense layer's 28 x 28 weights for each value, an LSTM's input weights for each gate.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight.detach().float().flatten(0, 1)
        if isinstance(module, nn.Linear) and module.in_features == PIXELS:
            return module.weight.detach().float().view(-1, SIDE, SIDE)
        if isinstance(module, nn.LSTM):
            return torch.stack(module.get_parameter("weight_ih_l0").detach().float().chunk(4))
    return None


def upsampling_kinds(model: nn.Module) -> list[str]:
    """How the model upsamples: a list of "transposed convolution", "nearest" and "bilinear", empty if it does not."""
    kinds = {
        "transposed convolution": lambda m: isinstance(m, nn.ConvTranspose2d) and max(m.stride) > 1,
        "nearest": lambda m: isinstance(m, nn.Upsample) and m.mode == "nearest",
        "bilinear": lambda m: isinstance(m, nn.Upsample) and m.mode == "bilinear",
    }
    modules = list(model.modules())
    return [name for name, fits in kinds.items() if any(fits(m) for m in modules)]


def power_spectrum(pictures: Tensor) -> Tensor:
    """The mean power spectrum (H, W) of the pictures (N, 1, H, W), frequency 0 at [0, 0]."""
    return torch.fft.fft2(pictures.double()).abs().square().mean(dim=(0, 1))


def checkerboard(pictures: Tensor, period: int = 2) -> float:
    """How strong a pattern that repeats every `period` pixels is in the pictures (N, 1, H, W), in dB.

        C = 10 log10( mean of P over L / mean of P over N(L) )

    P is the pictures' mean power spectrum. L are the frequencies of the pattern's lattice: multiples of 1/period in
    either direction, without the constant (for period 2: the sums of a picture with the signs of a chessboard, of
    its columns, and of its rows). N(L) are the frequencies next to them. A picture without a pattern has a smooth
    spectrum there, so C is about 0; Odena, Dumoulin and Olah 2016 tell why stride-2 transposed convolutions may have
    one. Raises ValueError unless both sides are multiples of the period.
    """
    power = power_spectrum(pictures)
    height, width = power.shape
    if height % period or width % period:
        raise ValueError(f"pictures of {height} x {width} hold no whole number of periods of {period}")
    steps = [(u, v) for u in range(0, height, height // period) for v in range(0, width, width // period)]
    lattice = torch.zeros_like(power, dtype=torch.bool)
    lattice[tuple(torch.tensor(steps).T)] = True
    around = torch.zeros_like(lattice)
    for u, v in steps[1:]:
        for du in (-1, 0, 1):
            for dv in (-1, 0, 1):
                around[(u + du) % height, (v + dv) % width] = True
    around &= ~lattice
    lattice[0, 0] = False
    floor = 1e-12 * power.sum().clamp_min(1e-12)
    return float(10 * torch.log10((power[lattice].mean() + floor) / (power[around].mean() + floor)))


def checkerboard_views(model: nn.Module, recipe: Recipe, noisy: Tensor) -> dict[str, Tensor]:
    """Three views of what `model` makes of `noisy` (N, 1, H, W) in which a checkerboard may show, each (N, 1, H, W).

    "trained" is the output, "log-odds" the same before its sigmoid, "untrained" the output of the network before any
    training, built as its `recipe` says.
    """
    untrained = build(recipe.network, recipe.settings, recipe.seed).eval().to(noisy.device)
    trained = model(noisy).clamp(0, 1)
    log_odds = torch.logit(trained.double().clamp(1e-12, 1 - 1e-7)).float()  # float32 knows no number nearer to 1
    return {"trained": trained, "log-odds": log_odds, "untrained": untrained(noisy)}
