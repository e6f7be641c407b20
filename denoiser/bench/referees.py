"""bench referees: the referee and the fast one that was learned from it, on MNIST's test digits."""

import time

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..checkpoint import load_checkpoint
from ..data import Digits, load_mnist
from ..models.inference import operations, prepare
from ..noise import NOISES, add_noise, draw_noise
from ..posterior import calibration_error
from ..referee import FAST_REFEREE, REFEREE, class_probabilities
from ..runtime.precision import serving_precision

FACTORS = (0.25, 0.5, 0.75, 1.0)
NOISY_DIGITS = 2_000  # the first test digits, under each noise
SWEEP = 147  # pictures of a sweep of six models
REPEATS = 10


def judge(referee: nn.Module, pictures: Tensor, labels: Tensor) -> tuple[float, float]:
    """The share of pictures (B, 1, 28, 28) that are read right, and the calibration error of the readings."""
    confidence, digit = class_probabilities(referee, pictures[:, 0]).max(dim=1)
    right = digit == labels
    return right.double().mean().item(), calibration_error(confidence, right)


@torch.inference_mode()
def sweep_milliseconds(referee: nn.Module) -> float:
    """Processor time to read the pictures of a sweep in one thread; the shortest of REPEATS."""
    pictures, times = torch.rand(SWEEP, 1, 28, 28), []
    for _ in range(REPEATS):
        start = time.thread_time()
        referee(pictures)
        times.append(time.thread_time() - start)
    return min(times) * 1000


def measure(digits: Digits | None = None) -> dict:
    """Accuracy and calibration error on clean digits and by noise, operations, and time for a sweep of each referee."""
    torch.set_num_threads(1)
    digits = digits or load_mnist("test")
    noisy = digits[:NOISY_DIGITS]
    found: dict[str, dict] = {}
    precision = serving_precision()
    for name in (REFEREE, FAST_REFEREE):
        network = load_checkpoint(name)[0].to(memory_format=torch.channels_last)
        times = {"float32": network, "as served": prepare(network, precision)}
        found[name] = {
            "operations": operations(network),
            "sweep_ms": {words: sweep_milliseconds(each) for words, each in times.items()},
            "clean": judge(network, digits.floats(), digits.labels),
            "noisy": {kind: {} for kind in NOISES},
        }
    for kind in tqdm(NOISES, unit="kind"):
        field = draw_noise(kind, noisy.floats().shape, range(len(noisy)))
        for factor in FACTORS:
            pictures = add_noise(noisy.floats(), field, factor)
            for name in found:
                network = load_checkpoint(name)[0].to(memory_format=torch.channels_last)
                found[name]["noisy"][kind][factor] = judge(network, pictures, noisy.labels)
    return {"precision": precision, "referees": found}


def show(figures: dict) -> None:
    """Print one table of all referees: right in %, and the calibration error."""
    referees = figures["referees"]
    print(f"{'':28}" + "".join(f"{name:>22}" for name in referees))
    rows = {"million operations": [f"{r['operations'] / 1e6:.1f}" for r in referees.values()]}
    for words in ("float32", "as served"):
        rows[f"a sweep, {words}, ms"] = [f"{r['sweep_ms'][words]:.1f}" for r in referees.values()]
    rows["clean"] = [cell(r["clean"]) for r in referees.values()]
    for kind in NOISES:
        for factor in FACTORS:
            rows[f"{kind} {factor:g}"] = [cell(r["noisy"][kind][factor]) for r in referees.values()]
    for words, cells in rows.items():
        print(f"{words:28}" + "".join(f"{each:>22}" for each in cells))


def cell(figures: tuple[float, float]) -> str:
    """Accuracy in % and calibration error as text."""
    right, error = figures
    return f"{100 * right:.2f} %, {error:.4f}"
