"""bench training: the tutorial's way to train against ours, each trick added in turn; Keras where it is installed.

All ways train the same network from the same start on the same digits with the same batch size and optimiser. They
take turns, so that a machine's moods fall on all of them.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec

import torch
from torch.utils.data import DataLoader, TensorDataset

from ..data import Batch, Digits, load_mnist, split_validation
from ..engine import Engine, Team, default_precision
from ..models import build
from ..recipes import OPTIMIZERS, RECIPES, Recipe, get_recipe
from ..training import Feed, Trainer, make_noisy, validation_loss

SUBJECTS = ("dense-16", "conv-64", "unet")
DIGITS = 12_800  # trained on in one pass; a multiple of the batch sizes
TURN = 2.0  # seconds a way runs before the next one has its turn
TURNS = 3
LONGEST = 4  # passes until a way that does not reach the tutorial's loss is given up


def tutorials_way(recipe: Recipe, digits: Digits, device: torch.device) -> tuple[torch.nn.Module, Callable]:
    """A DataLoader, float32, eager PyTorch as it comes; the noise is added on the host."""
    torch.manual_seed(recipe.seed)
    model = build(recipe.network, recipe.settings).to(device).train()
    optimizer = OPTIMIZERS[recipe.optimizer](model.parameters(), lr=recipe.learning_rate, **recipe.optimizer_settings)
    clean, generator = digits.floats().cpu(), torch.Generator().manual_seed(recipe.seed)
    once = recipe.noise_drawn == "once"
    noisy = make_noisy(clean, recipe, generator) if once else clean
    loader = DataLoader(TensorDataset(noisy, clean, digits.labels.cpu()), recipe.batch_size, shuffle=True)

    def epoch(number: int) -> Iterator[int]:
        for y, x, labels in loader:
            if recipe.noise and not once:
                y = make_noisy(x, recipe, generator)
            optimizer.zero_grad()
            loss = model.loss(Batch(y.to(device), x.to(device), labels.to(device)), recipe.loss, recipe.penalties)
            loss.backward()
            optimizer.step()
            yield len(x)

    return model, epoch


def our_way(recipe: Recipe, digits: Digits, engine: Engine) -> tuple[torch.nn.Module, Callable]:
    """The package's own loop under an engine."""
    trainer = Trainer(recipe, digits, engine, Team())

    def epoch(number: int) -> Iterator[int]:
        for _ in trainer.epoch(number):
            yield recipe.batch_size

    return trainer.model, epoch


def keras_way(recipe: Recipe, digits: Digits) -> Callable | None:
    """The same network as the tutorial writes it in Keras; None where it is not installed, or not this network."""
    if not find_spec("tensorflow") or recipe.network not in ("dense", "conv_strided"):
        return None
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from keras import layers

    keras.utils.set_random_seed(recipe.seed)
    if recipe.network == "dense":
        *widths, code = recipe.settings["widths"]
        hidden = recipe.settings["activation"]
        shape = (784,)
        network = [layers.Dense(width, activation=hidden) for width in widths]
        network += [layers.Dense(code, activation=recipe.settings["code_activation"])]
        network += [layers.Dense(width, activation=hidden) for width in reversed(widths)]
        network += [layers.Dense(784, activation="sigmoid")]
    else:
        filters, options = recipe.settings["filters"], {"activation": "relu", "padding": "same"}
        shape = (28, 28, 1)
        network = []
        for _ in range(2):
            network += [layers.Conv2D(filters, 3, **options), layers.MaxPooling2D(2, padding="same")]
        network += [layers.Conv2DTranspose(filters, 3, strides=2, **options) for _ in range(2)]
        network += [layers.Conv2D(1, 3, activation="sigmoid", padding="same")]
    model = keras.Sequential([keras.Input(shape), *network])
    model.compile(optimizer=keras.optimizers.Adam(recipe.learning_rate), loss="binary_crossentropy")
    clean = digits.floats().cpu()
    noisy = make_noisy(clean, recipe, torch.Generator().manual_seed(recipe.seed))
    x, y = (part.numpy().reshape(-1, *shape) for part in (clean, noisy))
    return lambda: model.fit(y, x, batch_size=recipe.batch_size, epochs=1, shuffle=True, verbose=0)


def engines(device: torch.device) -> dict[str, Engine]:
    """Ours without any trick, then with each added in turn."""
    added: dict[str, dict] = {"ours, data on the device": {}, "+ channels last": {"channels_last": True}}
    added["+ fused optimiser"] = {"fused": True}
    if default_precision(device) == "bfloat16":
        added["+ bfloat16"] = {"precision": "bfloat16"}
    if device.type == "cuda":
        added["+ captured step"] = {"captured": True}
    found, engine = {}, Engine()
    for name, change in added.items():
        engine = replace(engine, **change)
        found[name] = engine
    return found


def synchronize(device: torch.device) -> None:
    """Wait until the device is done, so that a clock may be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def throughput(ways: dict[str, Callable], device: torch.device) -> dict[str, float]:
    """Digits a second of each way: it runs for TURN seconds, then the next; the median of its turns."""
    endless = {name: _forever(epoch) for name, epoch in ways.items()}
    for steps in endless.values():
        for _ in range(5):  # kernels are chosen, memory is laid out
            next(steps)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, steps in endless.items():
            synchronize(device)
            start, count = time.perf_counter(), 0
            while time.perf_counter() - start < TURN:
                for _ in range(5):
                    count += next(steps)
                synchronize(device)
            rates[name].append(count / (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in rates.items()}


def _forever(epoch: Callable[[int], Iterator[int]]) -> Iterator[int]:
    number = 0
    while True:
        yield from epoch(number)
        number += 1


def learning(model, epoch: Callable, validation: Feed, target: float | None) -> tuple[float, float | None]:
    """The validation loss after one pass, and the seconds of training until it is at or below `target`.

    Without a target the seconds are those of the pass; None where LONGEST passes do not reach it.
    """
    spent, after_one, start = 0.0, 0.0, time.perf_counter()

    def pause() -> float:
        """Stop the clock and look at the loss."""
        nonlocal spent
        synchronize(validation.device)
        spent += time.perf_counter() - start
        return validation_loss(model, validation, "float32")

    reached = None
    for number in range(LONGEST):
        for place, _ in enumerate(epoch(number), start=1):
            if target is not None and reached is None and place % 10 == 0:
                reached = spent if pause() <= target else None
                start = time.perf_counter()
        loss = pause()
        start = time.perf_counter()
        after_one = after_one or loss
        if target is None:
            return loss, spent
        if reached is not None:
            break
    return after_one, reached


def measure() -> dict:
    """Every subject by every way: digits a second, the ratio to the tutorial's way, and what the losses come to."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = load_mnist("train", device)
    training, held_out = split_validation(digits)
    training, held_out = training[:DIGITS], held_out[:1000]
    found: dict = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "digits": len(training),
        "recipes": {},
    }
    for name in SUBJECTS:
        plain = {
            "schedule": "constant",
            "learning_rate": 1e-3,
            "clip": 0.0,
            "ema": 0.0,
            "refinement": None,
        }  # what all ways can do
        recipe = replace(get_recipe(name), **plain)
        ways = {"the tutorial's way": lambda recipe=recipe: tutorials_way(recipe, training, device)}
        for words, engine in engines(device).items():
            ways[words] = lambda recipe=recipe, engine=engine: our_way(recipe, training, engine)
        rates = throughput({words: way()[1] for words, way in ways.items()}, device)
        validation = Feed(held_out, recipe)
        rows, target = {}, None
        for words in ("the tutorial's way", next(iter(engines(device))), list(ways)[-1]):
            loss, seconds = learning(*ways[words](), validation, target)
            target = loss if target is None else target
            rows[words] = {"loss": round(loss, 4), "seconds": seconds and round(seconds, 2)}
        if keras := keras_way(recipe, training):
            keras()  # traces its graph
            times = []
            for _ in range(TURNS):
                start = time.perf_counter()
                keras()
                times.append(time.perf_counter() - start)
            rates["Keras on TensorFlow"] = len(training) / statistics.median(times)
        base = rates["the tutorial's way"]
        found["recipes"][name] = {
            words: {"digits_per_second": round(rate), "ratio": round(rate / base, 2)} | rows.get(words, {})
            for words, rate in rates.items()
        }
    return found


def show(figures: dict) -> None:
    """The figures as one table for each recipe."""
    print(f"{figures['device']}, {figures['threads']} threads; losses after {figures['digits']:,} digits")
    for name, ways in figures["recipes"].items():
        print(f"\n{RECIPES[name].name:28}{'digits / s':>12}{'ratio':>8}{'loss':>10}{'to the first loss':>20}")
        for words, row in ways.items():
            loss = f"{row['loss']:.4f}" if "loss" in row else ""
            seconds = row.get("seconds")
            reached = "" if "loss" not in row else "not reached" if seconds is None else f"{seconds:.2f} s"
            print(f"{words:28}{row['digits_per_second']:>12,}{row['ratio']:>8.2f}{loss:>10}{reached:>20}")
