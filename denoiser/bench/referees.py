"""bench referees: the referee, the fast one that learned from it, and a reader that never saw noise, on test digits."""

import time

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..checkpoint import load_checkpoint, load_model
from ..data import Digits, load_mnist
from ..models.inference import operations, prepare
from ..noise import NOISES, add_noise, draw_noise
from ..posterior import calibration_error
from ..referee import BATCH_SIZE, CLEAN_READER, FAST_REFEREE, REFEREE, class_probabilities
from ..runtime.precision import serving_precision

FACTORS = (0.25, 0.5, 0.75, 1.0)
NOISY_DIGITS = 2_000  # the first test digits, under each noise
SWEEP = 147  # pictures of a sweep of six models
REPEATS = 10
DENOISER = "unet"  # whose outputs are read, too


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
    """Of each referee: operations, time for a sweep, and accuracy and calibration error on three sorts of pictures.

    Those are all clean digits, the first NOISY_DIGITS under each noise, and what DENOISER makes of the latter.
    """
    torch.set_num_threads(1)
    digits = digits or load_mnist("test")
    noisy = digits[:NOISY_DIGITS]
    found: dict[str, dict] = {}
    networks: dict[str, nn.Module] = {}
    precision = serving_precision()
    for name in (REFEREE, FAST_REFEREE, CLEAN_READER):
        network = load_checkpoint(name)[0].to(memory_format=torch.channels_last)
        times = {"float32": network, "as served": prepare(network, precision)}
        found[name] = {
            "operations": operations(network),
            "sweep_ms": {words: sweep_milliseconds(each) for words, each in times.items()},
            "clean": judge(network, digits.floats(), digits.labels),
            "noisy": {kind: {} for kind in NOISES},
            "denoised": {kind: {} for kind in NOISES},
        }
        networks[name] = network
    denoiser = load_model(DENOISER)[0].to(memory_format=torch.channels_last)
    for kind in tqdm(NOISES, unit="kind"):
        field = draw_noise(kind, noisy.floats().shape, range(len(noisy)))
        for factor in FACTORS:
            pictures = add_noise(noisy.floats(), field, factor)
            with torch.inference_mode():
                denoised = torch.cat([denoiser(batch).clamp(0, 1) for batch in pictures.split(BATCH_SIZE)])
            for name, network in networks.items():
                found[name]["noisy"][kind][factor] = judge(network, pictures, noisy.labels)
                found[name]["denoised"][kind][factor] = judge(network, denoised, noisy.labels)
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
            for words, key in (("", "noisy"), (f", by {DENOISER}", "denoised")):
                rows[f"{kind} {factor:g}{words}"] = [cell(r[key][kind][factor]) for r in referees.values()]
    for words, cells in rows.items():
        print(f"{words:28}" + "".join(f"{each:>22}" for each in cells))


def cell(figures: tuple[float, float]) -> str:
    """Accuracy in % and calibration error as text."""
    right, error = figures
    return f"{100 * right:.2f} %, {error:.4f}"
