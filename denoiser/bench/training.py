"""bench training: the tutorials' way to train against ours, with one optimisation after another switched on.

All ways train the same network from the same initial weights on the same digits, with the same batch size and
optimiser. Each has a process of its own, so that none profits from memory that another has allocated, and they take
turns, so that changing load on the machine hits all of them. Keras on TensorFlow takes part if it is installed.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch.multiprocessing
from torch.utils.data import DataLoader, TensorDataset

from ..data import Batch, Digits, load_mnist, split_validation
from ..models import build
from ..recipe import OPTIMIZERS, Recipe
from ..recipes import get_recipe
from ..runtime.precision import default_precision
from ..trainable import Trainable
from ..training import Engine, NoisyBatches, ProcessGroup, Trainer, TrainingError, make_noisy, validation_loss

Epoch = Callable[[int], Iterator[int]]  # trains epoch number n; yields after each step how many digits it used

TUTORIAL, RIVAL = "the tutorial's way", "Keras on TensorFlow"
SUBJECTS = {"dense-16": 12_800, "conv-64": 12_800, "unet": 2_560}  # recipes, and the digits of one pass
KERAS = ("dense", "conv_strided")  # networks for which keras_way has an equivalent
TURN = 2.0  # seconds that a way runs before it is the next one's turn
TURNS = 5
# settings that all ways support
PLAIN: dict[str, Any] = {
    "schedule": "constant",
    "learning_rate": 1e-3,
    "clip": 0.0,
    "ema": 0.0,
    "refinements": (),
    "grown_from": None,
}
PATIENCE = 3600.0  # seconds after which a network whose ways have not all answered is given up
MAX_PASSES = 4  # after which a way that has not reached the tutorials' loss is given up


def tutorials_way(recipe: Recipe, digits: Digits, device: torch.device) -> tuple[Trainable, Epoch]:
    """Eager PyTorch in float32 with a DataLoader; noise is added on the CPU."""
    torch.manual_seed(recipe.seed)  # of the DataLoader's order
    model = build(recipe.network, recipe.settings, recipe.seed)
    model.to(device).train()
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


def our_way(recipe: Recipe, digits: Digits, engine: Engine) -> tuple[Trainable, Epoch]:
    """The package's own training loop with this engine."""
    trainer = Trainer(recipe, digits, engine, ProcessGroup())

    def epoch(number: int) -> Iterator[int]:
        for _ in trainer.epoch(number % recipe.epochs):  # a fast machine gets beyond the last one
            yield recipe.batch_size

    return trainer.model, epoch


def keras_way(recipe: Recipe, digits: Digits) -> tuple[None, Epoch]:
    """The same network in Keras, as the tutorials write it."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from keras import layers

    keras.utils.set_random_seed(recipe.seed)
    shape: tuple[int, ...]
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
    """Our loop without any optimisation, then with one more added each time, by name."""
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
    """The names of the ways to train that network."""
    keras = find_spec("tensorflow") and recipe.network in KERAS
    return [TUTORIAL, *engines(device), *([RIVAL] if keras else [])]


def way(words: str, recipe: Recipe, digits: Digits) -> tuple[Trainable | None, Epoch]:
    """The way of that name, ready to start: the model, None for Keras, and what trains one epoch."""
    device = digits.images.device
    if words == TUTORIAL:
        return tutorials_way(recipe, digits, device)
    if words == RIVAL:
        return keras_way(recipe, digits)
    return our_way(recipe, digits, engines(device)[words])


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def rate(steps: Iterator[int], seconds: float, device: torch.device) -> float:
    """Digits per second over so many seconds."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        count += next(steps)
    synchronize(device)
    return count / (time.perf_counter() - start)


def _forever(epoch: Epoch) -> Iterator[int]:
    number = 0
    while True:
        yield from epoch(number)
        number += 1


class Runner:
    """One way on `device`, ready to be measured.

    Its first step, which chooses kernels and allocates memory, is done.
    """

    def __init__(self, words: str, recipe: Recipe, digits: Digits, held_out: Digits, device: str) -> None:
        self.words, self.recipe, self.digits = words, recipe, digits.to(device)
        self.validation = NoisyBatches(held_out.to(device), recipe)
        self.steps = _forever(way(words, recipe, self.digits)[1])
        next(self.steps)

    def ready(self) -> bool:
        """True, to be asked before any clock runs."""
        return True

    def rate(self, seconds: float) -> float:
        """Digits per second over so many seconds."""
        return rate(self.steps, seconds, self.validation.device)

    def learning(self, target: float | None) -> tuple[float, float | None]:
        """What the function `learning` finds for this way, from its initial weights."""
        model, epoch = way(self.words, self.recipe, self.digits)
        assert model is not None, "Keras's losses are not compared"
        return learning(model, epoch, self.validation, target)


def _serve(ours: Connection, theirs: Connection, *about: Any) -> None:
    """In the process of one way: answer each request, (name of a method of Runner, *arguments)."""
    theirs.close()  # so that the end of the parent process is noticed here
    runner = Runner(*about)
    while True:
        try:
            method, *arguments = ours.recv()
        except (EOFError, OSError):
            return
        ours.send(getattr(runner, method)(*arguments))


@contextmanager
def running(
    words: str, recipe: Recipe, digits: Digits, held_out: Digits, device: str, patience: float = PATIENCE
) -> Iterator[Callable]:
    """A process with the Runner of these arguments; yields ask("method", *arguments), which returns the answer.

    It does not wait for the process to be ready. `ask` raises TrainingError if the process ends, or has not answered
    `patience` seconds from now.
    """
    end = time.monotonic() + patience
    context = torch.multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    about = (words, recipe, digits, held_out, device)
    process = context.Process(target=_serve, args=(theirs, ours, *about), daemon=True)
    process.start()
    theirs.close()

    def ask(method: str, *arguments: Any) -> Any:
        try:
            ours.send((method, *arguments))
            if not ours.poll(max(0.0, end - time.monotonic())):
                raise TrainingError(f"{words} did not answer in time: all ways together have {patience:.0f} s")
            return ours.recv()
        except (EOFError, OSError):
            raise TrainingError(f"{words} ended before it was done") from None

    try:
        yield ask
    finally:
        ours.close()
        process.join(10)
        process.kill()
        process.join()


def learning(
    model: Trainable, epoch: Epoch, validation: NoisyBatches, target: float | None
) -> tuple[float, float | None]:
    """The validation loss after one pass, and the seconds of training until it is at or below `target`.

    Without a target these are the seconds of the pass; they are None if MAX_PASSES passes do not reach it.
    """
    spent, after_one, start = 0.0, 0.0, time.perf_counter()

    def pause() -> float:
        """Stop the clock and compute the validation loss."""
        nonlocal spent
        synchronize(validation.device)
        spent += time.perf_counter() - start
        return validation_loss(model, validation, "float32")

    reached = None
    for number in range(MAX_PASSES):
        for step, _ in enumerate(epoch(number), start=1):
            if target is not None and reached is None and step % 10 == 0:
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


def summarize(turns: Sequence[Mapping[str, float]], words: str) -> dict[str, Any]:
    """One way's digits per second and ratio to the tutorials' way, from the rates of all ways in each turn."""
    ratios = [turn[words] / turn[TUTORIAL] for turn in turns]
    return {
        "digits_per_second": round(statistics.median(turn[words] for turn in turns)),
        "ratio": round(statistics.median(ratios), 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
    }


def compare(
    recipe: Recipe, training: Digits, held_out: Digits, device: torch.device, turn: float, patience: float
) -> dict[str, dict]:
    """For each way digits per second, the ratio to the tutorials' way in the same turn, and its losses.

    Both are medians over the turns of `turn` seconds; "lowest" and "highest" are the range of the ratio. Raises
    TrainingError if a way ends, or has not answered `patience` seconds from now.
    """
    names = ways_of(recipe, device)
    with ExitStack() as stack:
        ask = {
            words: stack.enter_context(running(words, recipe, training, held_out, str(device), patience))
            for words in names
        }
        for words in names:
            ask[words]("ready")
        turns = [{words: ask[words]("rate", turn) for words in names} for _ in range(TURNS)]
        found = {words: summarize(turns, words) for words in names}
        target = None
        first, *_, last = engines(device)
        for words in (TUTORIAL, first, last):
            loss, seconds = ask[words]("learning", target)
            target = loss if target is None else target
            found[words] |= {"loss": round(loss, 4), "seconds": seconds and round(seconds, 2)}
    return found


def measure(turn: float = TURN) -> dict:
    """Compare all ways on every subject, on the GPU if there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    digits = load_mnist("train")
    return about(device) | {"recipes": {name: measure_subject(name, digits, device, turn) for name in SUBJECTS}}


def about(device: torch.device) -> dict:
    """What the figures were measured on."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "turns": TURNS,
        "digits": SUBJECTS,
    }


def measure_subject(
    name: str, digits: Digits, device: torch.device, turn: float = TURN, patience: float = PATIENCE
) -> dict[str, dict]:
    """What `compare` finds for one of SUBJECTS on these training digits."""
    training, held_out = split_validation(digits)
    recipe = replace(get_recipe(name), **PLAIN)
    return compare(recipe, training[: SUBJECTS[name]], held_out[:1000], device, turn, patience)


def show(figures: dict) -> None:
    """Print one table for each recipe."""
    print(f"{figures['device']}, {figures['threads']} threads; losses after one pass")
    for name, ways in figures["recipes"].items():
        subject = f"{name}, {figures['digits'][name]:,} digits"
        print(f"\n{subject:28}{'digits / s':>12}{'ratio':>8}{'range':>14}{'loss':>10}{'to the first loss':>20}")
        for words, row in ways.items():
            loss = f"{row['loss']:.4f}" if "loss" in row else ""
            seconds = row.get("seconds")
            span = f"{row['lowest']:.2f} to {row['highest']:.2f}"
            reached = "" if "loss" not in row else "not reached" if seconds is None else f"{seconds:.2f} s"
            print(f"{words:28}{row['digits_per_second']:>12,}{row['ratio']:>8.2f}{span:>14}{loss:>10}{reached:>20}")
