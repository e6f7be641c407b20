"""bench limit: how far denoising is from its limit, estimated with small U-Nets that differ in seed, digits and noise.

A trained network is one sample from the distribution that seed and training digits give. Two independent samples f and
g differ, in the mean over pixels, by |f - g|^2 = 2 V, where V is the variance of a sample; the mean of infinitely many
has exactly the error MSE - V. How far that mean is from the best possible denoiser no such experiment can show: the
estimate is a bound from one side.
"""

import math
from collections.abc import Iterator
from itertools import combinations

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..data import Digits, load_mnist
from ..evaluation import noisy_batches
from ..noise import NOISES
from ..recipe import Recipe
from ..recipes import get_recipe
from .stand_ins import stand_in, train

EPOCHS = 5
FACTORS = (0.25, 0.5, 0.7, 1.0)
UNSEEN = "salt-and-pepper"  # the noise that the last network never saw in training
TESTED = 10_000  # test digits


def plans(digits: Digits) -> dict[str, tuple[Recipe, Digits]]:
    """The networks: two seeds on all digits, one on each half of them (as many steps), one without a noise kind."""
    seen = tuple(kind for kind in get_recipe("unet").noise if kind != UNSEEN)
    return {
        "all digits": (stand_in("all-0", epochs=EPOCHS), digits),
        "all digits, another seed": (stand_in("all-1", epochs=EPOCHS, seed=1), digits),
        "one half": (stand_in("half-0", epochs=2 * EPOCHS), digits[0::2]),
        "the other half": (stand_in("half-1", epochs=2 * EPOCHS, seed=1), digits[1::2]),
        f"without {UNSEEN}": (stand_in("unseen", epochs=EPOCHS, noise=seen), digits),
    }


@torch.inference_mode()
def outputs(models: dict[str, nn.Module], digits: Digits, kind: str, factor: float) -> Iterator[tuple[Tensor, dict]]:
    """Batch by batch the clean digits (B, 1, 28, 28), and each model's output for them under noise."""
    start = 0
    for noisy in noisy_batches(digits, kind, factor):
        clean = digits[start : start + len(noisy)].floats()
        start += len(noisy)
        yield clean, {name: model(noisy).float().clamp(0, 1) for name, model in models.items()}


def errors(models: dict[str, nn.Module], digits: Digits, kind: str, factor: float) -> dict:
    """Mean squared error of each model, mean squared difference of each pair, and mean PSNR per image of each."""
    total = 0
    sums: dict[object, float] = {}

    def add(key: object, values: Tensor) -> None:
        sums[key] = sums.get(key, 0.0) + values.double().sum().item()

    for clean, pictures in outputs(models, digits, kind, factor):
        total += len(clean)
        for name, x in pictures.items():
            per_image = (x - clean).square().flatten(1).mean(dim=1)
            add(name, per_image)
            add((name, "psnr"), -10 * torch.log10(per_image.clamp_min(1e-12)))
        for a, b in combinations(pictures, 2):
            add((a, b), (pictures[a] - pictures[b]).square().flatten(1).mean(dim=1))
    return {key: value / total for key, value in sums.items()}


def measure() -> dict:
    """Errors and differences at each noise factor, and the gains that follow from them."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    models = train(plans(load_mnist("train", device)))
    digits = load_mnist("test", device)[:TESTED]
    full, again, one, other, without = models
    rows = []
    for factor in tqdm(FACTORS, unit="factor"):
        found = errors({name: models[name] for name in (full, again, one, other)}, digits, "gaussian", factor)
        rows.append({"noise_factor": factor} | limit(found, (full, again), (one, other)))
    kinds = {}
    for kind in tqdm(NOISES, unit="kind"):
        found = errors({name: models[name] for name in (full, without)}, digits, kind, 0.5)
        kinds[kind] = [found[full], found[without]]
    parameters = sum(p.numel() for p in models[full].parameters())
    return {"parameters": parameters, "epochs": EPOCHS, "unseen": UNSEEN, "gaussian": rows, "kinds": kinds}


def decibels(mse: float) -> float:
    """The PSNR in dB of a mean squared error; infinite for an error of 0 or below."""
    return -10 * math.log10(mse) if mse > 0 else math.inf


def limit(found: dict, whole: tuple[str, str], half: tuple[str, str]) -> dict:
    """The possible gains in dB, as differences of 10 log10 MSE, from the errors on all digits and on halves.

    `seeds` is the gain of averaging infinitely many networks trained on all digits. `data` is that of infinitely many
    digits, if the error is a + b / digits: it is then as far below that for all digits as that is below that for half.
    `draws` is the gain of averaging infinitely many networks, each trained on other digits, as many as a half.
    """
    error, half_error = (sum(found[name] for name in names) / 2 for names in (whole, half))

    return {
        "psnr": sum(found[name, "psnr"] for name in whole) / 2,
        "psnr_half": sum(found[name, "psnr"] for name in half) / 2,
        "seeds": decibels(error - found[whole] / 2) - decibels(error),
        "data": decibels(2 * error - half_error) - decibels(error),
        "draws": decibels(half_error - found[half] / 2) - decibels(half_error),
    }


def show(figures: dict) -> None:
    """Print two tables: possible gains under Gaussian noise, and errors on noise never seen in training."""
    print(f"small U-Nets, {figures['parameters']:,} parameters, {figures['epochs']} epochs; mean PSNR per image in dB")
    print(f"\n{'noise factor':>12}{'all digits':>12}{'half':>8}{'seeds':>8}{'data':>8}{'draws':>8}")
    for row in figures["gaussian"]:
        gains = "".join(f"{row[key]:>+8.2f}" for key in ("seeds", "data", "draws"))
        print(f"{row['noise_factor']:>12}{row['psnr']:>12.2f}{row['psnr_half']:>8.2f}{gains}")
    print(f"\n{'PSNR of the MSE at 0.5':24}{'all kinds':>12}{'without ' + figures['unseen']:>24}")
    for kind, (seen, unseen) in figures["kinds"].items():
        print(f"{kind:24}{decibels(seen):>12.2f}{decibels(unseen):>24.2f}")
