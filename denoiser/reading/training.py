"""Training of the network that reads segments, on rows composed from MNIST's training digits and our own strokes.

First it learns what single segments are; of those that are no whole mark, a sample is enough. Then it learns from whole
rows, in which the right reading competes with all others. Rows of held-out digits calibrate it.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ..checkpoint import load_checkpoint
from ..data import load_mnist, split_validation
from ..data.paper import PaperRow, compose_row, hand_of, make_hand, random_style
from ..errors import DenoiserError
from ..files import write_in_order
from ..referee import REFEREE
from ..runtime.precision import autocast, default_precision
from . import read_digits
from .calibration import Platt, Weights, fit_platt
from .ctc.decoding import middles
from .ctc.network import frame_log_probabilities, load_row_reader
from .ctc.rescoring import Candidates, candidates, fit_weights
from .ctc.strips import strip_of
from .examples import OWN_STROKES, Examples, make_examples, rows_of
from .lattice import lattice_of
from .network import ABOUT, FRAGMENT, WEIGHTS, SegmentReader, load_reader
from .row_loss import row_losses
from .rules import Rules
from .scoring import right_digits
from .segments import find_segments

ROWS, VALIDATION_ROWS, CALIBRATION_ROWS = 1_200, 100, 250
EPOCHS, BATCH = 3, 64  # on single segments
ROW_EPOCHS, ROW_BATCH = 2, 4  # on whole rows
LEARNING_RATE, ROW_LEARNING_RATE = 1e-3, 5e-4
ROW_WEIGHT = 0.3  # of the loss of rows beside that of segments
FRAGMENTS = 0.3  # share of the segments that are no whole mark which the first stage learns from
EASY, EASY_FRAGMENTS = 0.99, 0.1  # of those that are clearly no whole mark after it, share that the second one keeps
CACHE = Path("runs/reading")


def new_reader(seed: int) -> SegmentReader:
    """A reader that starts from the referee's weights."""
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
    return reader


def fit_segments(reader: SegmentReader, examples: Examples, epochs: int = EPOCHS, seed: int = 0) -> None:
    """Train on single segments."""
    generator = torch.Generator().manual_seed(seed)
    kept = (examples.classes != FRAGMENT) | (torch.rand(len(examples.classes), generator=generator) < FRAGMENTS)
    chosen = kept.nonzero()[:, 0]
    batches = [
        index for _ in range(epochs) for index in chosen[torch.randperm(len(chosen), generator=generator)].split(BATCH)
    ]
    _descend(reader, examples, batches, LEARNING_RATE, rows=False)


def fit_rows(reader: SegmentReader, examples: Examples, epochs: int = ROW_EPOCHS, seed: int = 0) -> None:
    """Train on whole rows, without most of the segments that are clearly no whole mark."""
    generator = torch.Generator().manual_seed(seed)
    probabilities = logits_of(reader.eval(), examples).softmax(1)
    hard = (examples.classes != FRAGMENT) | (probabilities[:, FRAGMENT] < EASY)
    chosen = (hard | (torch.rand(len(hard), generator=generator) < EASY_FRAGMENTS)).nonzero()[:, 0]
    counts = torch.bincount(examples.row[chosen], minlength=len(examples.pieces))
    by_row = chosen.split(counts.tolist())
    batches = [
        torch.cat([by_row[row] for row in rows])
        for _ in range(epochs)
        for rows in torch.randperm(len(by_row), generator=generator).split(ROW_BATCH)
    ]
    _descend(reader, examples, [index for index in batches if len(index)], ROW_LEARNING_RATE, rows=True)


def _descend(reader: SegmentReader, examples: Examples, batches: list[Tensor], rate: float, rows: bool) -> None:
    """AdamW on batches of segments (indices), with one cycle of the learning rate; with the loss of rows or without."""
    groups: list[dict[str, Any]] = [
        {"params": reader.body.parameters(), "lr": 0.5 * rate},
        {"params": [*reader.sizes.parameters(), *reader.head.parameters()], "lr": rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in groups], total_steps=len(batches), pct_start=0.15
    )
    reader.train().to(memory_format=torch.channels_last)
    precision = default_precision(torch.device("cpu"))
    with tqdm(batches, unit="step", mininterval=10) as bar:
        for step, index in enumerate(bar):
            batch = examples.select(index)
            frames = batch.frames.float().div_(255).contiguous(memory_format=torch.channels_last)
            with autocast(frames.device, precision):
                logits = reader(frames, batch.features)
            loss = F.cross_entropy(logits.float(), batch.classes, label_smoothing=0.01)
            if rows:
                loss = loss + ROW_WEIGHT * _row_loss(logits.float(), batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    reader.eval().to(memory_format=torch.contiguous_format)


def _row_loss(logits: Tensor, examples: Examples) -> Tensor:
    """The mean loss of the rows that the segments belong to; 0 where none has a right reading."""
    rows, row = examples.row.unique_consecutive(return_inverse=True)
    losses = row_losses(
        logits.log_softmax(1), examples.classes, examples.runs, examples.whole, row, examples.pieces[rows]
    )
    return losses.sum() / max(1, len(losses))


@torch.inference_mode()
def logits_of(reader: SegmentReader, examples: Examples) -> Tensor:
    """Logits (N, CLASSES) of examples."""
    parts = [
        reader(frames.float().div_(255), features)
        for frames, features in zip(examples.frames.split(512), examples.features.split(512), strict=True)
    ]
    return torch.cat(parts)


def best_temperature(logits: Tensor, examples: Examples) -> float:
    """The temperature at which the right readings of whole rows are most probable."""
    temperatures = torch.logspace(-0.7, 0.7, 57)
    losses = [_row_loss(logits / temperature, examples).item() for temperature in temperatures]
    return float(temperatures[int(np.argmin(losses))])


def calibrate(reader: SegmentReader) -> dict[str, Weights | Platt]:
    """Set how a reading's two probabilities are weighed, and how those of digits, and of numbers, are scaled, from
    rows of held-out digits."""
    reader.digits, reader.numbers = Platt(), Platt()
    digits: list[tuple[float, bool]] = []
    numbers: list[tuple[float, bool]] = []
    photos = list(_photos())
    reader.weights = fit_weights([found for photo in photos for found in _candidates(photo, reader)])
    for photo in tqdm(photos, unit="row", mininterval=10):
        try:
            reading = read_digits(photo.picture, reader=reader)
        except DenoiserError:
            continue
        hits = right_digits(photo, reading.digits)[1]
        digits += [(digit.probability, hit) for digit, hit in zip(reading.digits, hits, strict=True)]
        numbers.append((reading.probability, reading.text == photo.text))
    reader.digits, reader.numbers = fit_platt(digits), fit_platt(numbers)
    return {"weights": reader.weights, "digits": reader.digits, "numbers": reader.numbers}


def _photos() -> Iterator[PaperRow]:
    """Rows as the benchmark composes them, of held-out training digits."""
    hand, own = hand_of(split_validation(load_mnist("train"))[1]), make_hand(10, seed=2)
    for number in range(CALIBRATION_ROWS):
        rng = np.random.default_rng((77, number))
        yield compose_row(own if rng.random() < OWN_STROKES else hand, random_style(rng), rng)


def _candidates(photo: PaperRow, reader: SegmentReader) -> Iterator[tuple[Candidates, str]]:
    """What a photo of one row may say, and what it does; nothing where no row is found, or several."""
    rows = rows_of(photo)
    if len(rows) == 1:
        frames = frame_log_probabilities(load_row_reader(), strip_of(rows[0]))
        segments = find_segments(rows[0], middles(frames))
        if segments.count:
            yield candidates(lattice_of(segments, reader), frames, Rules()), photo.text


def train(cache: Path, start: SegmentReader | None = None) -> None:
    """Train the reader on MNIST's training digits, calibrate it on those held out, and write its files.

    Composed rows are kept in the folder `cache`, so that a training that was stopped need not compose them again. A
    network to `start` from has learned what single segments are.
    """
    from safetensors.torch import save

    train_digits, held_out = split_validation(load_mnist("train"))
    examples = make_examples(hand_of(train_digits), make_hand(40, seed=1), ROWS, 1, cache)
    validation = make_examples(hand_of(held_out), make_hand(10, seed=2), VALIDATION_ROWS, 2, cache)
    if start is None:
        reader = new_reader(seed=0)
        fit_segments(reader, examples)
    else:
        reader = start
    first = _score(reader, validation)
    fit_rows(reader, examples)
    scores = _score(reader, validation)
    reader.temperature = round(best_temperature(logits_of(reader, validation), validation), 3)
    content = save({name: value.contiguous() for name, value in reader.state_dict().items()})
    about = {
        "command": " ".join(["python -m denoiser.reading.training", *sys.argv[1:]]),
        "start": "the referee" if start is None else json.loads(ABOUT.read_text())["sha256"],
        "data": f"{len(examples.classes):,} segments of {ROWS:,} rows of MNIST's training digits and our own strokes",
        "validation": {"before rows": first, "after rows": scores},
        "temperature": reader.temperature,
        **calibrate(reader),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_in_order([(WEIGHTS, content), (ABOUT, json.dumps(about, indent=1) + "\n")])


def calibrate_again() -> None:
    """Calibrate the reader that is there, as after another training of the one that reads whole rows."""
    about = json.loads(ABOUT.read_text()) | calibrate(load_reader())
    write_in_order([(ABOUT, json.dumps(about, indent=1) + "\n")])


def _score(reader: SegmentReader, examples: Examples) -> dict[str, float]:
    """Share of segments that are named right, and the loss of rows."""
    logits = logits_of(reader, examples)
    right = (logits.argmax(1) == examples.classes).float().mean().item()
    scores = {"segments right": round(right, 4), "loss of a row": round(_row_loss(logits, examples).item(), 4)}
    print(scores, file=sys.stderr)
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m denoiser.reading.training", description=train.__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of composed rows (default: %(default)s)")
    parser.add_argument("--continue", action="store_true", dest="further", help="start from the weights that are there")
    parser.add_argument("--calibrate", action="store_true", help="calibrate the weights that are there, and no more")
    arguments = parser.parse_args()
    if arguments.calibrate:
        calibrate_again()
    else:
        train(arguments.cache, load_reader() if arguments.further else None)
