"""Training of the network that reads segments, on rows composed from MNIST's training digits and our own strokes.

Each row goes through the same steps as a photo: levelled, freed of printed lines, cut into segments. What a segment is
follows from the ink in it. Of the segments that are no whole mark, most are left out.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ..checkpoint import load_checkpoint
from ..data import load_mnist, split_validation
from ..data.paper import OTHER as OTHER_MARK
from ..data.paper import Hand, PaperRow, compose_row, hand_of, make_hand, random_style
from ..errors import DenoiserError
from ..files import write_in_order
from ..referee import REFEREE
from ..runtime.precision import autocast, default_precision
from . import read_digits
from .calibration import Platt, fit_platt
from .levelling import levelled
from .network import ABOUT, CLASSES, FRAGMENT, HYPHEN, OTHER, POINT, WEIGHTS, SegmentReader
from .printed_lines import without_lines
from .rows import Row, find_rows
from .scoring import right_digits
from .segments import Segments, find_segments

ROWS, VALIDATION_ROWS, CALIBRATION_ROWS = 1_500, 187, 110
EPOCHS, BATCH = 3, 64
LEARNING_RATE = 1e-3
OWN_STROKES = 0.15  # share of the rows that are written in our own strokes
FRAGMENTS = 0.3  # share of the segments that are no whole mark which are learned from
WHOLE, FOREIGN = 0.72, 0.22  # a mark's ink that must be in its segment, and other marks' ink that may be


class Examples(NamedTuple):
    """Segments to learn from: frames uint8 (N, 2, 28, 28), features (N, FEATURES), classes int64 (N,)."""

    frames: Tensor
    features: Tensor
    classes: Tensor


def segment_classes(photo: PaperRow, row: Row, segments: Segments) -> np.ndarray:
    """Which class each segment of a row is of, int64 (N,), from the marks that its ink belongs to."""
    height, width = row.ink.shape
    y = (row.top + (np.arange(height) + 0.5) / row.scale - 0.5).round().astype(int)
    x = (row.left + (np.arange(width) + 0.5) / row.scale - 0.5).round().astype(int)
    inside = ((y >= 0) & (y < photo.owners.shape[0]))[:, None] & ((x >= 0) & (x < photo.owners.shape[1]))
    owners = photo.owners[y.clip(0, photo.owners.shape[0] - 1)[:, None], x.clip(0, photo.owners.shape[1] - 1)]
    owners = np.where(inside & (segments.pieces > 0), owners, 0)
    # Ink of each piece by mark; mark 0 is paper and what is left of printed lines.
    table = np.zeros((segments.count + 1, len(photo.text) + 1))
    np.add.at(table, (segments.pieces.ravel(), owners.ravel()), 1)
    totals = np.concatenate((np.zeros((1, table.shape[1])), np.cumsum(table[1:], axis=0)))
    ink = totals[segments.last + 1] - totals[segments.first]
    marks = ink[:, 1:]
    area = ink.sum(1)
    main = marks.argmax(1)
    amount = marks.max(1)
    whole = amount >= WHOLE * np.maximum(1, table[:, 1:].sum(0)[main])
    alone = marks.sum(1) - amount <= FOREIGN * amount
    classes = np.array([_class(mark) for mark in photo.text])[main]
    others = (marks >= WHOLE * np.maximum(1, table[:, 1:].sum(0))).sum(1) > 1  # such as a point beside a digit
    found = np.where(whole & alone & ~others & (amount > 0.5 * area), classes, FRAGMENT)
    return np.where((amount < 0.2 * area) & segments.whole, OTHER, found)


def _class(mark: str) -> int:
    return {".": POINT, "-": HYPHEN, OTHER_MARK: OTHER}[mark] if not mark.isdigit() else int(mark)


def training_rows(hand: Hand, own: Hand, count: int, seed: int) -> Iterator[PaperRow]:
    """Rows in all styles; some have letters, scribbles and blots among the digits, and some nothing else."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        style = random_style(rng, touching=bool(rng.random() < 0.4))
        style = replace(
            style, size=float(rng.uniform(26, 50)), others=float(rng.choice([0, 0.3, 1], p=[0.7, 0.2, 0.1]))
        )
        yield compose_row(own if rng.random() < OWN_STROKES else hand, style, rng)


def make_examples(hand: Hand, own: Hand, count: int, seed: int) -> Examples:
    """The segments of `count` rows."""
    frames, features, classes = [], [], []
    rng = np.random.default_rng((seed, 1))
    for photo in tqdm(training_rows(hand, own, count, seed), total=count, unit="row", mininterval=10):
        try:
            contrast = without_lines(levelled(photo.picture.astype(np.float32) / 255)[1])
        except DenoiserError:
            continue
        for row in find_rows(contrast):
            segments = find_segments(row)
            found = segment_classes(photo, row, segments)
            kept = (found != FRAGMENT) | (rng.random(len(found)) < FRAGMENTS)
            frames.append(segments.frames[kept].mul(255).round().byte())
            features.append(segments.features[kept])
            classes.append(torch.from_numpy(found[kept]))
    return Examples(torch.cat(frames), torch.cat(features), torch.cat(classes))


def fit(examples: Examples, epochs: int = EPOCHS, seed: int = 0) -> SegmentReader:
    """A reader that starts from the referee's weights, trained with AdamW and one cycle of the learning rate."""
    reader = SegmentReader()
    referee = load_checkpoint(REFEREE)[0].state_dict()
    weights = {name.removeprefix("body."): value for name, value in referee.items()}
    first = weights["0.weight"]
    weights["0.weight"] = torch.cat((first, torch.zeros_like(first)), dim=1)
    reader.body.load_state_dict({name: value for name, value in weights.items() if name in reader.body.state_dict()})
    generator = torch.Generator().manual_seed(seed)
    for layer in (reader.sizes[0], reader.head[0], reader.head[2]):
        assert isinstance(layer, torch.nn.Linear)
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        torch.nn.init.zeros_(layer.bias)
    groups: list[dict[str, Any]] = [
        {"params": reader.body.parameters(), "lr": 0.5 * LEARNING_RATE},
        {"params": [*reader.sizes.parameters(), *reader.head.parameters()], "lr": LEARNING_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-2)
    count = len(examples.classes)
    steps = epochs * -(-count // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in groups], total_steps=steps, pct_start=0.15
    )
    reader.train().to(memory_format=torch.channels_last)
    precision = default_precision(torch.device("cpu"))
    with tqdm(total=steps, unit="step", mininterval=10) as bar:
        for _ in range(epochs):
            for index in torch.randperm(count, generator=generator).split(BATCH):
                frames = examples.frames[index].float().div_(255)
                with autocast(frames.device, precision):
                    logits = reader(frames.contiguous(memory_format=torch.channels_last), examples.features[index])
                loss = F.cross_entropy(logits.float(), examples.classes[index], label_smoothing=0.01)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
    return reader.eval().to(memory_format=torch.contiguous_format)


@torch.inference_mode()
def logits_of(reader: SegmentReader, examples: Examples) -> Tensor:
    """Logits (N, CLASSES) of examples."""
    parts = [
        reader(frames.float().div_(255), features)
        for frames, features in zip(examples.frames.split(512), examples.features.split(512), strict=True)
    ]
    return torch.cat(parts)


def best_temperature(logits: Tensor, classes: Tensor) -> float:
    """The temperature at which probabilities of logits (N, CLASSES) fit the classes best, by their cross-entropy."""
    candidates = torch.logspace(-0.7, 0.7, 57)
    losses = [F.cross_entropy(logits / t, classes).item() for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def calibrate(reader: SegmentReader, hand: Hand, own: Hand, count: int, seed: int) -> tuple[Platt, Platt]:
    """How the probabilities of digits, and of numbers, are to be scaled, from `count` rows of other digits."""
    reader.digits, reader.numbers = Platt(), Platt()
    digits: list[tuple[float, bool]] = []
    numbers: list[tuple[float, bool]] = []
    for number in tqdm(range(count), unit="row", mininterval=10):
        rng = np.random.default_rng((seed, number))
        photo = compose_row(own if rng.random() < OWN_STROKES else hand, random_style(rng), rng)
        try:
            reading = read_digits(photo.picture, reader=reader)
        except DenoiserError:
            continue
        hits = right_digits(photo, reading.digits)[1]
        digits += [(digit.probability, hit) for digit, hit in zip(reading.digits, hits, strict=True)]
        numbers.append((reading.probability, reading.text == photo.text))
    return fit_platt(digits), fit_platt(numbers)


def train() -> None:
    """Train the reader on MNIST's training digits, calibrate it on those held out, and write its files."""
    from safetensors.torch import save

    train_digits, held_out = split_validation(load_mnist("train"))
    examples = make_examples(hand_of(train_digits), make_hand(40, seed=1), ROWS, seed=1)
    reader = fit(examples)
    validation = make_examples(hand_of(held_out), make_hand(10, seed=2), VALIDATION_ROWS, seed=2)
    logits = logits_of(reader, validation)
    reader.temperature = round(best_temperature(logits, validation.classes), 3)
    digits, numbers = calibrate(reader, hand_of(held_out), make_hand(10, seed=2), CALIBRATION_ROWS, seed=77)
    content = save({name: value.contiguous() for name, value in reader.state_dict().items()})
    about = {
        "command": "python -m denoiser.reading.training",
        "data": f"{len(examples.classes):,} segments of {ROWS:,} rows of MNIST's training digits and our own strokes",
        "validation_accuracy": round((logits.argmax(1) == validation.classes).float().mean().item(), 4),
        "temperature": reader.temperature,
        "digits": digits,
        "numbers": numbers,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_in_order([(WEIGHTS, content), (ABOUT, json.dumps(about, indent=1) + "\n")])
    assert logits.shape[1] == CLASSES


if __name__ == "__main__":
    train()
