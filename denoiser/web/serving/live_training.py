"""A training to watch: the settings that may be chosen, and snapshots of the network while it learns."""

import math
import platform
import threading
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import NamedTuple, cast

import torch
from safetensors.torch import load, save
from torch import nn

from ... import settings
from ...data import DataError, Digits, has_mnist, load_mnist, split_validation, training_words
from ...data.synthetic_digits import DATA, make_synthetic_digits
from ...inspection import first_weights
from ...losses import LOSSES
from ...models import build, parameter_count
from ...noise import NOISES, add_noise, draw_noise
from ...recipe import Recipe
from ...record import Epoch, Record
from ...runtime.malloc import release_freed_memory
from ...runtime.precision import default_precision
from ...training import Engine, NoisyBatches, TrainingError, TrainingStep, train_steps, validation_loss
from ..i18n import Text, english, error_text, translatable
from ..parsing import BadRequest
from ..server import logging as log
from ..wire import encode_pixels, mean_psnr, tile_sheet
from .digits import ten_digits
from .gpu import borrows_gpu, spaces

MAX_SECONDS = 20 if spaces else 60  # of a training; the time of a borrowed GPU is counted against its visitor
GPU_START_SECONDS = 15  # for which a GPU is borrowed in addition
HANG_SECONDS = MAX_SECONDS + GPU_START_SECONDS + 30  # after which a training that has not ended is given up
MAX_EPOCHS = 200
FIRST_PAUSE, LAST_PAUSE = 0.25, 1.0  # seconds between two snapshots, at the beginning and later
VALIDATION_DIGITS = 500  # that the validation loss of a snapshot is measured on
MAX_FILTERS = 32  # of the first layer that are shown
FILTERS_FIXED_AFTER = 200  # steps; from then on the same filters are shown

WIDTHS = {"dense": (64, 128, 256, 512), "conv": (4, 8, 16, 32)}  # hidden units; filters
CODES = {"dense": (4, 8, 16, 32, 64), "conv": (1, 2, 4, 8, 16)}  # numbers; maps of 7 x 7
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
FACTORS = (0.1, 1.0)
BATCHES = {"dense": 128, "conv": 64}
TITLES = {"dense": "train.title.dense", "conv": "train.title.conv"}
CHOICES = {
    "family": tuple(WIDTHS),
    "noise": tuple(NOISES),
    "loss": tuple(LOSSES),
    "rate": RATES,
}
DEFAULTS = {"family": "dense", "noise": "gaussian", "factor": 0.5, "loss": "bce"}
FAMILY_DEFAULTS = {  # settings with which each family soon denoises well
    "dense": {"width": 256, "code": 32, "rate": 0.003},
    "conv": {"width": 8, "code": 4, "rate": 0.01},
}


# ---------- what may be chosen ----------


def network_of(family: str, width: int, code: int) -> tuple[str, dict]:
    """The name and the settings of the network of these choices, as in a recipe."""
    if family == "dense":
        return "dense", {"widths": (width, code), "code_activation": "none"}
    return "conv_strided", {"filters": width, "code": code}


def recipe_from(settings: object) -> Recipe:
    """The recipe of the form's settings, but for its `data`; BadRequest for settings that the form does not offer."""
    if not isinstance(settings, dict):
        raise BadRequest("The request could not be read.")
    for key, choices in CHOICES.items():
        value = settings.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value not in choices:
            raise BadRequest("There is no such setting to train with.")
    family = settings["family"]
    width, code = whole_number(settings.get("width")), whole_number(settings.get("code"))
    if width not in WIDTHS[family] or code not in CODES[family]:
        raise BadRequest("There is no such setting to train with.")
    factor = settings.get("factor")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not FACTORS[0] <= factor <= FACTORS[1]:
        raise BadRequest("A noise factor to train with lies between 0.1 and 1.")
    name, options = network_of(family, width, code)
    return Recipe(
        name=f"live-{family}-{width}-{code}",
        title=english(translatable(TITLES[family], width, code)),
        family=family,
        network=name,
        settings=options,
        task="denoise",
        noise=(settings["noise"],),
        noise_factor=round(float(factor), 2),
        loss=settings["loss"],
        learning_rate=float(settings["rate"]),
        epochs=MAX_EPOCHS,
        batch_size=BATCHES[family],
    )


def title_of(recipe: Recipe) -> Text:
    """The title of a recipe that `recipe_from` made."""
    settings = recipe.settings
    return translatable(TITLES[recipe.family], *settings.get("widths", (settings.get("filters"), settings.get("code"))))


def whole_number(value: object) -> int:
    """A whole number; BadRequest for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest("There is no such setting to train with.")
    return value


@cache
def parameter_counts() -> dict[str, int]:
    """The number of parameters of each network, by "family/width/code"."""
    with torch.device("meta"):
        return {
            f"{family}/{width}/{code}": parameter_count(build(*network_of(family, width, code)))
            for family, widths in WIDTHS.items()
            for width, code in product(widths, CODES[family])
        }


class TrainingData(NamedTuple):
    """Digits to train on, and what a recipe's `data` calls them."""

    data: str
    digits: Digits


_loading = threading.Lock()  # a second visitor waits until the digits are read, and does not read them again


def training_data() -> TrainingData:
    """What this process trains on, decided once: MNIST's training digits if they are there, else synthetic digits.

    Raises TrainingError if MNIST is there and cannot be read.
    """
    with _loading:
        return _training_data()


@cache
def _training_data() -> TrainingData:
    if not has_mnist():
        return TrainingData(DATA, make_synthetic_digits())
    try:
        return TrainingData("mnist", load_mnist("train"))
    except DataError as error:
        log.error("MNIST cannot be read", **log.about(error))
        raise TrainingError("The training ended on the server. Try again in a while.") from error


# ---------- the training ----------


def simultaneous_trainings() -> int:
    """How many trainings this process runs at the same time: one on a GPU, else as the settings say."""
    return 1 if spaces is not None or torch.cuda.is_available() else settings.current.trainings


@dataclass(frozen=True)
class Snapshot:
    """A training at one moment, in plain values, which may come from another process."""

    pictures: str  # what the network makes of the ten noisy digits: 10 x 784 bytes, base64
    psnr: float | None  # their mean, in dB
    train: float  # mean loss since the snapshot before
    validation: float
    filters: dict  # how the first layer's weights have changed, as a tile sheet
    steps: int
    digits: int  # that were trained on so far, counted again in each epoch
    seconds: float
    speed: float | None  # digits per second since the snapshot before
    history: tuple[dict, ...]  # the finished epochs
    weights: bytes  # a safetensors file
    device: str
    data: str  # what is trained on, for the recipe
    data_words: str  # the same for the record


@dataclass(frozen=True)
class Failure:
    """Why a training cannot go on."""

    reason: Text


@borrows_gpu(MAX_SECONDS + GPU_START_SECONDS)
def training_snapshots(recipe: Recipe, seconds: float = MAX_SECONDS) -> Generator[Snapshot | Failure, None, None]:
    """Train a recipe for at most `seconds`; snapshots of it, the last one a Failure if it failed.

    Close the generator to stop the training.
    """
    try:
        yield from _snapshots(recipe, seconds)
    except TrainingError as error:
        yield Failure(error_text(error))
    finally:
        release_freed_memory()


def _snapshots(recipe: Recipe, seconds: float) -> Generator[Snapshot | Failure, None, None]:
    data, digits = training_data()
    recipe = replace(recipe, data=data)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    observer = Observer(recipe, Digits(digits.images.to(device), digits.labels.to(device)))
    engine = replace(Engine.fastest(device), keep_freed_memory=False)  # a server has other uses for it
    started = last = time.perf_counter()
    losses: list[torch.Tensor] = []
    pause = FIRST_PAUSE
    with closing(train_steps(recipe, observer.digits, engine=engine)) as training:
        for step in training:
            losses.append(step.loss)
            now = time.perf_counter()
            over = now - started >= seconds
            if step.number > 1 and now - last < pause and not over:
                continue
            train = torch.stack(losses).double().mean().item()
            if not math.isfinite(train):
                yield Failure(translatable("error.trainingDiverged"))
                return
            speed = len(losses) * recipe.batch_size / (now - last) if step.number > 1 else None
            snapshot = observer.snapshot(step, train, time.perf_counter() - started, speed)
            took = time.perf_counter() - now
            yield snapshot
            if over:
                return
            losses.clear()
            last = time.perf_counter()
            pause = max(min(max(FIRST_PAUSE, (last - started) / 25), LAST_PAUSE), 3 * took)


class Observer:
    """Takes snapshots of a training of `recipe` on `digits`: always of the same examples and filters."""

    def __init__(self, recipe: Recipe, digits: Digits):
        self.recipe, self.digits = recipe, digits
        self.device, self.precision = digits.images.device, default_precision(digits.images.device)
        self.validation = NoisyBatches(split_validation(digits)[1][:VALIDATION_DIGITS], recipe)
        self.clean, self.noisy, _ = noisy_examples(recipe)
        self.first_weights: torch.Tensor | None = None
        self.shown_filters = torch.empty(0)

    def snapshot(self, step: TrainingStep, train: float, seconds: float, speed: float | None) -> Snapshot:
        """The training after a step."""
        model = step.trainer.model
        validation = validation_loss(model, self.validation, self.precision)
        with torch.no_grad():
            pictures = model(self.noisy.to(self.device)).float().clamp(0, 1).cpu()
        return Snapshot(
            pictures=encode_pixels(pictures),
            psnr=mean_psnr(pictures, self.clean),
            train=train,
            validation=validation,
            filters=self.changed_filters(cast(torch.Tensor, first_weights(model)).cpu(), step.number),
            steps=step.number,
            digits=step.number * self.recipe.batch_size,
            seconds=seconds,
            speed=speed,
            history=tuple(step.history),
            weights=save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}),
            device=torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu",
            data=self.recipe.data,
            data_words=training_words(self.recipe.data, self.digits),
        )

    def changed_filters(self, weights: torch.Tensor, steps: int) -> dict:
        """How the first layer's weights (N, H, W) have changed after so many steps: a sheet of those that did most."""
        if self.first_weights is None:
            self.first_weights = weights.clone()
        change = weights - self.first_weights
        if steps <= FILTERS_FIXED_AFTER or not len(self.shown_filters):
            most_changed = change.square().sum(dim=(1, 2)).topk(min(MAX_FILTERS, len(change))).indices
            self.shown_filters = most_changed.sort().values
        return tile_sheet(change, change[self.shown_filters]) | {"total": len(change)}


def noisy_examples(recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor, Text]:
    """The ten digits of all snapshots, clean and under the recipe's noise (10, 1, 28, 28), and where they come from."""
    clean, origin = ten_digits(0)
    field = draw_noise(recipe.noise[0], clean.shape, list(range(len(clean))))
    return clean, add_noise(clean, field, recipe.noise_range[1]), origin


def model_from(recipe: Recipe, snapshot: Snapshot) -> tuple[nn.Module, Record[Recipe]]:
    """The network of a snapshot, in eval mode and ready to serve, and its record."""
    network = build(recipe.network, recipe.settings)
    network.load_state_dict(load(snapshot.weights))
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    note = f"Trained live for {snapshot.seconds:.0f} s, {snapshot.steps:,} steps."
    recipe = replace(recipe, data=snapshot.data, epochs=max(1, len(snapshot.history)), note=note)
    return network, Record(
        recipe,
        fingerprint=recipe.fingerprint(),
        parameters=parameter_count(network),
        data=snapshot.data_words,
        versions={"python": platform.python_version(), "torch": torch.__version__},
        history=tuple(Epoch(**epoch) for epoch in snapshot.history),
        steps=snapshot.steps,
        seconds=round(snapshot.seconds, 1),
        device=snapshot.device,
    )
