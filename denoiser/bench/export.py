"""bench export: size, time and error of every network that can be exported, in PyTorch and as ONNX files.

The three forms of a network take turns, and the quickest turn of each counts: other work on the machine can only make
it slower.
"""

import torch
from torch import nn
from tqdm import tqdm

from .. import data
from ..checkpoint import list_models, load_checkpoint
from ..data import Digits
from ..data.synthetic_digits import make_synthetic_digits
from ..evaluation import milliseconds, noisy_batches
from ..export import CHECKED, FACTOR, error_of, to_onnx
from ..external import OnnxModel
from ..filters import FILTERS

TURNS = 15
FORMS = ("torch", "onnx", "int8")  # PyTorch, ONNX with float32 weights, and with 8-bit weights


def measure() -> dict:
    """Compare the forms of each network on digits under Gaussian noise."""
    mnist = data.has_mnist()
    digits = data.load_mnist("test")[:CHECKED] if mnist else make_synthetic_digits(CHECKED)
    names = [name for name in list_models() if name not in FILTERS]
    return {
        "digits": len(digits),
        "data": "mnist" if mnist else "own",
        "noise_factor": FACTOR,
        "threads": 1,
        "models": {name: measure_model(name, digits) for name in tqdm(names, unit="model")},
    }


def measure_model(name: str, digits: Digits) -> dict[str, dict[str, float]]:
    """By form: bytes, milliseconds of one digit, and for ONNX the largest `difference` of a pixel from PyTorch's
    and the PSNR that is `lost`, in dB.
    """
    model, record = load_checkpoint(name)
    contents = {"onnx": to_onnx(model, record), "int8": to_onnx(model, record, int8=True)}
    forms: dict[str, nn.Module] = {"torch": model} | {form: OnnxModel(each) for form, each in contents.items()}
    one = next(noisy_batches(digits[:1], "gaussian", FACTOR))
    turns = [{form: milliseconds(each, one) for form, each in forms.items()} for _ in range(TURNS)]
    found: dict[str, dict[str, float]] = {form: {"ms": round(min(turn[form] for turn in turns), 3)} for form in FORMS}
    found["torch"]["bytes"] = record.bytes or 0
    for form, content in contents.items():
        difference, before, after = error_of(model, forms[form], digits)
        found[form] |= {"bytes": len(content), "difference": difference, "lost": before - after}
    return found


def show(figures: dict) -> None:
    """Print one row for each network."""
    print(f"{figures['digits']:,} digits; ms for one of them, in one thread; PyTorch, ONNX, ONNX with 8-bit weights")
    print(f"{'':20}{'kB':>8}{'':>8}{'':>8}{'ms':>8}{'':>8}{'':>8}{'difference':>12}{'8-bit, dB':>11}")
    for name, rows in figures["models"].items():
        sizes = "".join(f"{rows[form]['bytes'] / 1000:>8,.0f}" for form in FORMS)
        times = "".join(f"{rows[form]['ms']:>8.2f}" for form in FORMS)
        print(f"{name:20}{sizes}{times}{rows['onnx']['difference']:>12.1e}{-rows['int8']['lost']:>+11.3f}")
    print(f"torch {torch.__version__}")
