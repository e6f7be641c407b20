"""A training to watch: what may be chosen, and the pictures, curves and weights that come of it, moment by moment."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import product
from typing import NamedTuple

import torch
from safetensors.torch import save
from torch import nn

from ...data import DataError, Digits, has_mnist, load_mnist, split_validation, training_words
from ...inspection import first_weights
from ...losses import LOSSES
from ...models import build, parameter_count
from ...noise import NOISES, add_noise, draw_noise
from ...precision import default_precision
from ...recipe import Recipe
from ...record import Epoch, Record
from ...synthetic_digits import DATA, make_synthetic_digits
from ...training import Engine, NoisyBatches, TrainingError, TrainingStep, train_steps, validation_loss
from ..component import BadRequest
from ..models.tab import decibels, pack, sheet, ten_digits
from ..server import logging as log
from .gpu import borrows_gpu, spaces

SECONDS = 20 if spaces else 60  # that a training may last; a borrowed GPU is counted against its visitor
STARTING = 15  # seconds more that a GPU is asked for
LIMIT = SECONDS + STARTING + 30  # seconds after which a training that has not ended by itself is given up
EPOCHS = 200  # at most
FIRST, SELDOM = 0.25, 1.0  # seconds between two moments at the beginning, and later
WATCHED = 500  # held-out digits the curve of validation is measured on while it grows
FILTERS = 32  # of the first layer are shown
SETTLED = 200  # steps after which these stay the same ones

WIDTHS = {"dense": (64, 128, 256, 512), "conv": (4, 8, 16, 32)}
CODES = {"dense": (4, 8, 16, 32, 64), "conv": (1, 2, 4, 8, 16)}  # numbers; maps of 7 x 7
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
FACTORS = (0.1, 1.0)
BATCHES = {"dense": 128, "conv": 64}
TITLES = {
    "dense": "{} units, a code of {}, trained here",
    "conv": "{} filters, a code of {} maps, trained here",
}
CHOICES = {
    "family": tuple(WIDTHS),
    "noise": tuple(NOISES),
    "loss": tuple(LOSSES),
    "rate": RATES,
}
AT_FIRST = {"family": "dense", "noise": "gaussian", "factor": 0.5, "loss": "bce"}
WELL = {"dense": {"width": 256, "code": 32, "rate": 0.003}, "conv": {"width": 8, "code": 4, "rate": 0.01}}  # soon good


# ---------- what may be chosen ----------


def network(family: str, width: int, code: int) -> tuple[str, dict]:
    """The network of these choices, as a recipe names it: its builder and settings."""
    if family == "dense":
        return "dense", {"widths": (width, code), "code_activation": "none"}
    return "conv_strided", {"filters": width, "code": code}


def recipe_of(settings: object) -> Recipe:
    """The recipe of a page's settings, but for its `data`; BadRequest for any that the page does not offer."""
    if not isinstance(settings, dict):
        raise BadRequest("The request could not be read.")
    for key, choices in CHOICES.items():
        value = settings.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value not in choices:
            raise BadRequest("There is no such setting to train with.")
    family, width, code = settings["family"], settings.get("width"), settings.get("code")
    for value, choices in ((width, WIDTHS[family]), (code, CODES[family])):
        if isinstance(value, bool) or not isinstance(value, int) or value not in choices:
            raise BadRequest("There is no such setting to train with.")
    factor = settings.get("factor")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not FACTORS[0] <= factor <= FACTORS[1]:
        raise BadRequest("A noise factor to train with lies between 0.1 and 1.")
    name, options = network(family, width, code)
    return Recipe(
        name=f"live-{family}-{width}-{code}",
        title=TITLES[family].format(width, code),
        family=family,
        network=name,
        settings=options,
        task="denoise",
        noise=(settings["noise"],),
        noise_factor=round(float(factor), 2),
        loss=settings["loss"],
        learning_rate=float(settings["rate"]),
        epochs=EPOCHS,
        batch_size=BATCHES[family],
    )


@cache
def parameter_counts() -> dict[str, int]:
    """How many numbers each network learns, by "family/width/code"."""
    with torch.device("meta"):
        return {
            f"{family}/{width}/{code}": parameter_count(build(*network(family, width, code)))
            for family, widths in WIDTHS.items()
            for width, code in product(widths, CODES[family])
        }


class Material(NamedTuple):
    """Digits to train on, and what a recipe's `data` calls them."""

    data: str
    digits: Digits


_loading = threading.Lock()  # whoever comes while they are read waits for them, and does not read them again


def material() -> Material:
    """What is trained on, the same as long as this process lives: MNIST's training digits, or synthetic ones.

    TrainingError where MNIST is there and cannot be read.
    """
    with _loading:
        return _material()


@cache
def _material() -> Material:
    if not has_mnist():
        return Material(DATA, make_synthetic_digits())
    try:
        return Material("mnist", load_mnist("train"))
    except DataError as error:
        log.error("MNIST cannot be read", **log.about(error))
        raise TrainingError("The training ended on the server. Try again in a while.") from error


# ---------- the training ----------


@borrows_gpu(SECONDS + STARTING)
def learn(settings: dict, seconds: float = SECONDS) -> Iterator[dict]:
    """Train what `settings` describe, for at most so many seconds; what there is to see, as plain values.

    Each value has `pictures`, what becomes of the ten noisy digits (10 x 784 bytes, base64), their mean PSNR in dB,
    the losses `train` (mean since the value before) and `validation`, `filters` (a sheet of how the first layer's
    weights have changed), `weights` (the bytes of a safetensors file), how far the training is, and what it is trained
    on (`data`, and `data_words` for the record). Where it cannot go on, the last value is {"error": a sentence}. Close
    the generator to stop.
    """
    try:
        data, digits = material()
    except TrainingError as error:
        yield {"error": str(error)}
        return
    recipe = replace(recipe_of(settings), data=data)
    trained_on = {"data": data, "data_words": training_words(data, digits)}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = Digits(digits.images.to(device), digits.labels.to(device))
    watch = Watch(recipe, digits)
    started = taken = time.perf_counter()
    losses: list[torch.Tensor] = []
    pause = FIRST
    engine = replace(Engine.fastest(device), keep_freed_memory=False)  # a server has other uses for it
    with closing(train_steps(recipe, digits, engine=engine)) as training:
        try:
            for moment in training:
                losses.append(moment.loss)
                now = time.perf_counter()
                over = now - started >= seconds
                if moment.number > 1 and now - taken < pause and not over:
                    continue
                train = torch.stack(losses).double().mean().item()
                if not math.isfinite(train):
                    yield {"error": "The loss is no longer a number. A smaller learning rate may help."}
                    return
                seen = watch.look(moment) | trained_on | {"train": train, "steps": moment.number}
                seen |= {"seconds": time.perf_counter() - started, "history": list(moment.history)}
                seen |= {"digits": moment.number * recipe.batch_size}
                seen |= {"speed": len(losses) * recipe.batch_size / (now - taken) if moment.number > 1 else None}
                looked = time.perf_counter() - now
                yield seen
                if over:
                    return
                losses.clear()
                taken = time.perf_counter()
                pause = max(min(max(FIRST, (taken - started) / 25), SELDOM), 3 * looked)
        except TrainingError as error:
            yield {"error": str(error)}


class Watch:
    """What is looked at again and again while a recipe is trained: the ten digits, some held-out ones, the weights."""

    def __init__(self, recipe: Recipe, digits: Digits):
        self.device, self.precision = digits.images.device, default_precision(digits.images.device)
        self.held_out = NoisyBatches(split_validation(digits)[1][:WATCHED], recipe)
        self.clean, self.noisy, _ = ten_noisy(recipe)
        self.start: torch.Tensor | None = None
        self.busiest = torch.empty(0)

    def look(self, moment: TrainingStep) -> dict:
        """The model as it is now."""
        model = moment.trainer.model
        validation = validation_loss(model, self.held_out, self.precision)
        with torch.no_grad():
            pictures = model(self.noisy.to(self.device)).float().clamp(0, 1).cpu()
        state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
        return {
            "pictures": pack(pictures),
            "psnr": decibels(pictures, self.clean),
            "validation": validation,
            "filters": self.learnt(first_weights(model).cpu(), moment.number),
            "weights": save(state),
            "device": torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu",
        }

    def learnt(self, weights: torch.Tensor, done: int) -> dict:
        """How the first layer's weights (N, H, W) have changed after so many steps, of those that soon change most."""
        if self.start is None:
            self.start = weights.clone()
        change = weights - self.start
        if done <= SETTLED or not len(self.busiest):
            moved = change.square().sum(dim=(1, 2)).topk(min(FILTERS, len(change))).indices
            self.busiest = moved.sort().values
        return sheet(change, change[self.busiest]) | {"total": len(change)}


def ten_noisy(recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor, str]:
    """The ten digits that are watched, under the recipe's noise, and where they are from."""
    clean, origin = ten_digits(0)
    field = draw_noise(recipe.noise[0], clean.shape, list(range(len(clean))))
    return clean, add_noise(clean, field, recipe.noise_range[1]), origin


def trained(recipe: Recipe, seen: dict) -> tuple[nn.Module, Record[Recipe]]:
    """The model of one of the values of `learn`, ready to serve, and its record."""
    import platform

    from safetensors.torch import load

    model = build(recipe.network, recipe.settings)
    model.load_state_dict(load(seen["weights"]))
    model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    words = f"Trained live for {seen['seconds']:.0f} s, {seen['steps']:,} steps."
    recipe = replace(recipe, data=seen["data"], epochs=max(1, len(seen["history"])), note=words)
    record = Record(
        recipe,
        fingerprint=recipe.fingerprint(),
        parameters=parameter_count(model),
        data=seen["data_words"],
        versions={"python": platform.python_version(), "torch": torch.__version__},
        history=tuple(Epoch(**epoch) for epoch in seen["history"]),
        steps=seen["steps"],
        seconds=round(seen["seconds"], 1),
        device=seen["device"],
    )
    return model, record
