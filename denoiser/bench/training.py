"""bench training: the tutorial's way to train against ours, each trick added in turn; Keras where it is installed.

All ways train the same network from the same start on the same digits with the same batch size and optimiser. Each
has a process of its own, so that none finds the memory another has left, and they take turns, so that a machine's moods
fall on all of them.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing.connection import Connection

import torch
import torch.multiprocessing
from torch.utils.data import DataLoader, TensorDataset

from ..data import Batch, Digits, load_mnist, split_validation
from ..models import build
from ..precision import default_precision
from ..recipe import OPTIMIZERS, Recipe
from ..recipes import get_recipe
from ..training import Engine, NoisyBatches, ProcessGroup, Trainer, TrainingError, make_noisy, validation_loss

TUTORIAL, RIVAL = "the tutorial's way", "Keras on TensorFlow"
SUBJECTS = {"dense-16": 12_800, "conv-64": 12_800, "unet": 2_560}  # and the digits of one pass, whole batches
KERAS = ("dense", "conv_strided")  # the networks that are written in Keras here
TURN = 2.0  # seconds a way runs before the next one has its turn
TURNS = 3
# what all ways can do
PLAIN = {"schedule": "constant", "learning_rate": 1e-3, "clip": 0.0, "ema": 0.0, "refinements": (), "grown_from": None}
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
    trainer = Trainer(recipe, digits, engine, ProcessGroup())

    def epoch(number: int) -> Iterator[int]:
        for _ in trainer.epoch(number):
            yield recipe.batch_size

    return trainer.model, epoch


def keras_way(recipe: Recipe, digits: Digits) -> tuple[None, Callable]:
    """The same network as the tutorial writes it in Keras."""
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

    def epoch(number: int) -> Iterator[int]:
        model.fit(y, x, batch_size=recipe.batch_size, epochs=1, shuffle=True, verbose=0)
        yield len(x)

    return None, epoch


def engines(device: torch.device) -> dict[str, Engine]:
    """Ours without any trick, then with each added in turn."""
    added: dict[str, dict] = {"ours, data on the device": {}, "+ channels last": {"channels_last": True}}
    added["+ fused optimiser"] = {"fused_optimizer": True}
    if default_precision(device) == "bfloat16":
        added["+ bfloat16"] = {"precision": "bfloat16"}
    if device.type == "cuda":
        added["+ captured step"] = {"cuda_graph": True}
    else:
        added["+ memory kept"] = {"keep_freed_memory": True}
    found, engine = {}, Engine()
    for name, change in added.items():
        engine = replace(engine, **change)
        found[name] = engine
    return found


def ways_of(recipe: Recipe, device: torch.device) -> list[str]:
    """The ways to train that network, in words."""
    keras = find_spec("tensorflow") and recipe.network in KERAS
    return [TUTORIAL, *engines(device), *([RIVAL] if keras else [])]


def way(words: str, recipe: Recipe, digits: Digits) -> tuple[torch.nn.Module | None, Callable]:
    """That way, ready to start: the model, None for Keras, and epoch(number), which yields how many digits it did."""
    device = digits.images.device
    if words == TUTORIAL:
        return tutorials_way(recipe, digits, device)
    if words == RIVAL:
        return keras_way(recipe, digits)
    return our_way(recipe, digits, engines(device)[words])


def synchronize(device: torch.device) -> None:
    """Wait until the device is done, so that a clock may be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def rate(steps: Iterator[int], seconds: float, device: torch.device) -> float:
    """Digits a second over so many seconds."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        count += next(steps)
    synchronize(device)
    return count / (time.perf_counter() - start)


def _forever(epoch: Callable[[int], Iterator[int]]) -> Iterator[int]:
    number = 0
    while True:
        yield from epoch(number)
        number += 1


def _serve(ours: Connection, theirs: Connection, words: str, recipe: Recipe, digits: Digits, held_out: Digits) -> None:
    """What the process of one way does: a number asks for its rate over so many seconds, a list for its learning."""
    theirs.close()  # so that the other side's end is seen here
    device = digits.images.device
    steps = _forever(way(words, recipe, digits)[1])
    next(steps)  # kernels are chosen, memory is laid out
    ours.send("ready")
    while True:
        try:
            asked = ours.recv()
        except EOFError:
            return
        if isinstance(asked, list):
            ours.send(learning(*way(words, recipe, digits), NoisyBatches(held_out, recipe), *asked))
        else:
            ours.send(rate(steps, asked, device))


@contextmanager
def running(words: str, *material) -> Iterator[Callable]:
    """A process for that way; ask(what) gives its answer."""
    context = torch.multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, ours, words, *material), daemon=True)
    process.start()
    theirs.close()

    def answer():
        try:
            return ours.recv()
        except EOFError:
            raise TrainingError(f"{words} ended before it was done") from None

    def ask(what: float | list):
        ours.send(what)
        return answer()

    try:
        answer()
        yield ask
    finally:
        ours.close()
        process.join()


def learning(model, epoch: Callable, validation: NoisyBatches, target: float | None) -> tuple[float, float | None]:
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


def compare(recipe: Recipe, training: Digits, held_out: Digits) -> dict[str, dict]:
    """By way: digits a second (the median of its turns), the ratio to the tutorial's, and what the losses come to."""
    device = training.images.device
    names = ways_of(recipe, device)
    with ExitStack() as stack:
        ask = {words: stack.enter_context(running(words, recipe, training, held_out)) for words in names}
        turns = [{words: ask[words](TURN) for words in names} for _ in range(TURNS)]
        rates = {words: statistics.median(turn[words] for turn in turns) for words in names}
        found = {
            words: {"digits_per_second": round(rates[words]), "ratio": round(rates[words] / rates[TUTORIAL], 2)}
            for words in names
        }
        target = None
        first, *_, last = engines(device)
        for words in (TUTORIAL, first, last):
            loss, seconds = ask[words]([target])
            target = loss if target is None else target
            found[words] |= {"loss": round(loss, 4), "seconds": seconds and round(seconds, 2)}
    return found


def measure() -> dict:
    """Every subject by every way."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = load_mnist("train", device)
    training, held_out = split_validation(digits)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "digits": SUBJECTS,
        "recipes": {
            name: compare(replace(get_recipe(name), **PLAIN), training[:count], held_out[:1000])
            for name, count in SUBJECTS.items()
        },
    }


def show(figures: dict) -> None:
    """The figures as one table for each recipe."""
    print(f"{figures['device']}, {figures['threads']} threads; losses after one pass")
    for name, ways in figures["recipes"].items():
        subject = f"{name}, {figures['digits'][name]:,} digits"
        print(f"\n{subject:28}{'digits / s':>12}{'ratio':>8}{'loss':>10}{'to the first loss':>20}")
        for words, row in ways.items():
            loss = f"{row['loss']:.4f}" if "loss" in row else ""
            seconds = row.get("seconds")
            reached = "" if "loss" not in row else "not reached" if seconds is None else f"{seconds:.2f} s"
            print(f"{words:28}{row['digits_per_second']:>12,}{row['ratio']:>8.2f}{loss:>10}{reached:>20}")
