"""What is inside a network: its layers, what they make of a picture, their first weights; and checkerboards.

All of it is read off the network as it runs (forward hooks), nothing is known of its kind beforehand.
"""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .data import PIXELS, SIDE
from .models import Sine, Transposed, build

SMALL_WEIGHT = 1e-3  # in size; what is below counts as next to nothing


@dataclass(frozen=True)
class Layer:
    """One row of a network: what it is in words, the module it lies in, how many numbers it learns, and what it gave.

    `output` has no batch: (C, H, W), (steps, values) or (values,). `is_code` marks what `model.encode` returns.
    """

    part: str
    words: str
    parameters: int
    output: Tensor
    is_code: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The output's shape without the batch."""
        return tuple(self.output.shape)


def _times(size: int | tuple[int, ...]) -> str:
    return " x ".join(map(str, size)) if isinstance(size, tuple) else f"{size} x {size}"


def _stride(layer: nn.Conv2d | nn.ConvTranspose2d) -> str:
    return "" if set(layer.stride) == {1} else f", stride {layer.stride[0]}"


WORDS: dict[type[nn.Module], Callable[[nn.Module], str]] = {
    nn.Conv2d: lambda m: f"convolution {_times(m.kernel_size)}{_stride(m)}",
    Transposed: lambda m: f"transposed convolution {_times(m.kernel_size)}{_stride(m)}",
    nn.Linear: lambda m: "dense",
    nn.LSTM: lambda m: "LSTM",
    nn.MaxPool2d: lambda m: f"max pool {_times(m.kernel_size)}",
    nn.AdaptiveAvgPool2d: lambda m: "mean over the picture",
    nn.Upsample: lambda m: f"resize, {m.mode}",
    nn.Flatten: lambda m: "flatten",
    nn.Unflatten: lambda m: "reshape",
    nn.BatchNorm1d: lambda m: "batch norm",
    nn.BatchNorm2d: lambda m: "batch norm",
    nn.ReLU: lambda m: "ReLU",
    nn.SiLU: lambda m: "SiLU",
    nn.Sigmoid: lambda m: "sigmoid",
    nn.Tanh: lambda m: "tanh",
    Sine: lambda m: "sine",
    nn.Identity: lambda m: "",
}


def in_words(module: nn.Module) -> str:
    """What a module is, for people; its class's name where nobody wrote one."""
    return WORDS.get(type(module), lambda m: type(m).__name__)(module)


@torch.inference_mode()
def layers(model: nn.Module, x: Tensor) -> list[Layer]:
    """The layers `x` (1, 1, 28, 28) passes through, in that order, with what each makes of it.

    What works on single values or only rescales them (activations, batch norm) belongs to the layer before it.
    Where the code is not a layer's output, it is a row of its own. Safe beside other threads that run `model`.
    """
    watched = _same_weights(model)
    rows: list[Layer] = []

    def seen(name: str):
        def hook(module: nn.Module, _inputs, output) -> None:
            value = (output[0] if isinstance(output, tuple) else output)[0].float().clone()
            words, count = in_words(module), sum(p.numel() for p in module.parameters())
            single = count == 0 or isinstance(module, nn.modules.batchnorm._NormBase)
            if rows and single and value.shape == rows[-1].output.shape:
                before = rows.pop()
                words = ", ".join(filter(None, (before.words, words)))
                rows.append(Layer(before.part, words, before.parameters + count, value))
            else:
                rows.append(Layer(name.split(".")[0], words, count, value))

        return hook

    leaves = [(name, module) for name, module in watched.named_modules() if not list(module.children())]
    for name, module in leaves:
        module.register_forward_hook(seen(name))
    result = watched(x)[0].float()
    last = rows[-1] if rows else None
    if last and last.output.numel() == result.numel() and torch.allclose(last.output.view_as(result).sigmoid(), result):
        rows[-1] = replace(last, words=f"{last.words}, sigmoid", output=result)
    return _with_code(rows, code(model, x))


def _same_weights(model: nn.Module) -> nn.Module:
    """`model` once more, around the same weights: hooks on `model` itself would also see what other threads run."""
    weights = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in weights})


def _with_code(rows: list[Layer], z: Tensor | None) -> list[Layer]:
    """`rows` with the code marked, or put in where the decoder starts."""
    if z is None or not rows:
        return rows
    first = rows[0].part
    end = next((place for place, row in enumerate(rows) if row.part != first), len(rows))
    last = rows[end - 1]
    if last.shape == tuple(z.shape) and torch.allclose(last.output, z, atol=1e-5):
        return [*rows[: end - 1], replace(last, is_code=True), *rows[end:]]
    return [*rows[:end], Layer("code", "code", 0, z, is_code=True), *rows[end:]]


@torch.inference_mode()
def code(model: nn.Module, x: Tensor) -> Tensor | None:
    """The code of `x` (1, 1, 28, 28) without the batch; None where the model has none."""
    return model.encode(x)[0].float() if hasattr(model, "encode") else None


@torch.inference_mode()
def sparsity(model: nn.Module, codes: Tensor) -> dict:
    """How sparse `codes` (N, ...) of N pictures and the weights of their `model` are.

    `values` in each code, the share of them that is exactly `zero`, how many are `dead` (zero for every picture), and
    the share of weights (biases left out) that are `small`: below SMALL_WEIGHT in size.
    """
    flat = codes.flatten(1) == 0
    sizes = torch.cat([w.detach().abs().flatten() for w in model.parameters() if w.dim() > 1])
    return {
        "values": flat.shape[1],
        "zero": flat.double().mean().item(),
        "dead": int(flat.all(dim=0).sum()),
        "small": (sizes < SMALL_WEIGHT).double().mean().item(),
    }


def squarest(count: int) -> tuple[int, int]:
    """Rows and columns of the rectangle nearest to a square that holds exactly `count`: 64 is 8 x 8, 32 is 4 x 8."""
    rows = next(r for r in range(math.isqrt(count), 0, -1) if count % r == 0)
    return rows, count // rows


def tiles(output: Tensor) -> Tensor:
    """A layer's output as pictures (N, H, W): a tile for each channel; one for a sequence; a vector as a rectangle."""
    if output.dim() == 3:
        return output
    return (output if output.dim() == 2 else output.view(squarest(len(output)))).unsqueeze(0)


def first_weights(model: nn.Module) -> Tensor | None:
    """What the first layer looks for, as signed pictures (N, H, W); None where nothing is learnt.

    A convolution's kernels, a dense layer's 28 x 28 weights for each value, an LSTM's input weights for each gate.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight.detach().float().flatten(0, 1)
        if isinstance(module, nn.Linear) and module.in_features == PIXELS:
            return module.weight.detach().float().view(-1, SIDE, SIDE)
        if isinstance(module, nn.LSTM):
            return torch.stack(module.weight_ih_l0.detach().float().chunk(4))
    return None


def enlarging(model: nn.Module) -> list[str]:
    """In which ways the model makes pictures larger (transposed convolution, nearest, bilinear), without repetition."""
    ways = {
        "transposed convolution": lambda m: isinstance(m, nn.ConvTranspose2d) and max(m.stride) > 1,
        "nearest": lambda m: isinstance(m, nn.Upsample) and m.mode == "nearest",
        "bilinear": lambda m: isinstance(m, nn.Upsample) and m.mode == "bilinear",
    }
    modules = list(model.modules())
    return [name for name, fits in ways.items() if any(fits(m) for m in modules)]


def power_spectrum(pictures: Tensor) -> Tensor:
    """Power at each frequency (H, W), frequency 0 at [0, 0], meaned over the pictures (N, 1, H, W)."""
    return torch.fft.fft2(pictures.double()).abs().square().mean(dim=(0, 1))


def checkerboard(pictures: Tensor, period: int = 2) -> float:
    """How far a pattern that repeats every `period` pixels sticks out of the spectrum of the pictures, in dB.

        C = 10 log10( mean of P over L / mean of P over N(L) )

    P is the pictures' mean power spectrum. L are the frequencies of the pattern's lattice: multiples of 1/period in
    either direction, without the constant (for period 2: the sums of a picture with the signs of a chessboard, of
    its columns, and of its rows). N(L) are the frequencies next to them. A picture without a pattern has a smooth
    spectrum there, so C is about 0; Odena, Dumoulin and Olah 2016 tell why stride-2 transposed convolutions may have
    one. Sides must be multiples of the period.
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


def stages(model: nn.Module, recipe: Mapping, noisy: Tensor) -> dict[str, Tensor]:
    """Where a checkerboard may show, as pictures (N, 1, H, W): what `model` makes of `noisy`, and two looks behind it.

    "trained" is the output, "log-odds" the same before its sigmoid, "untrained" the output of the network of `recipe`
    (of its record) before any training.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe["seed"])
        start = build(recipe["network"], recipe["settings"]).eval().to(noisy.device)
    trained = model(noisy).clamp(0, 1)
    log_odds = torch.logit(trained.double().clamp(1e-12, 1 - 1e-7)).float()  # float32 knows no number nearer to 1
    return {"trained": trained, "log-odds": log_odds, "untrained": start(noisy)}
