"""Training of the network that reads whole rows, on rows composed from MNIST's training digits and our own strokes.

The loss is that of CTC and, beside it, the cross-entropy of frames: the mark in whose middle a frame is, else BLANK.
The latter shows the network from the start where marks are, so that it soon knows what they are, and makes its answers
say where a mark has its middle.
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ...data import load_mnist, split_validation
from ...data.paper import hand_of, make_hand
from ...files import write_atomically, write_in_order
from ...runtime.precision import autocast, default_precision
from ..examples import digest_of
from . import network
from .examples import Strip, make_strips
from .network import ABOUT, BLANK, WEIGHTS, RowReader
from .strips import SIDE, STEP

ROWS, VALIDATION_ROWS = 6_000, 200
EPOCHS, BATCH = 8, 8
LEARNING_RATE = 2e-3
FRAME_WEIGHT = 0.5  # of the cross-entropy of frames, beside the loss of CTC per mark
STRETCH, SHEAR, SHIFT = 0.12, 0.12, 1.5  # most of a strip: share of its size, columns per row, pixels up or down
SORTED = 16  # batches whose rows are sorted by width, so that rows of a batch are about as long
CACHE = Path("runs/ctc")


def batches_of(strips: list[Strip], seed: int) -> list[list[Strip]]:
    """All strips once, in random order, in batches of similar width."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(strips), generator=generator).split(SORTED * BATCH)
    lots = [sorted(lot.tolist(), key=lambda number: strips[number].picture.shape[1]) for lot in order]
    batches = [lot[start : start + BATCH] for lot in lots for start in range(0, len(lot), BATCH)]
    shuffled = torch.randperm(len(batches), generator=generator).tolist()
    return [[strips[number] for number in batches[batch]] for batch in shuffled]


def varied(strip: Strip, generator: torch.Generator) -> Strip:
    """The strip stretched, sheared and shifted at random."""
    wide, tall, shear, shift = (2 * torch.rand(4, generator=generator) - 1).tolist()
    wide, tall = 1 + STRETCH * wide, 1 + STRETCH * tall
    height, before = strip.picture.shape
    width = STEP * max(1, round(before * wide / STEP))
    theta = torch.tensor([[1.0, SHEAR * shear * height / before, 0.0], [0.0, 1 / tall, 2 * SHIFT * shift / height]])
    grid = F.affine_grid(theta[None], [1, 1, height, width], align_corners=False)
    picture = F.grid_sample(strip.picture[None, None].float(), grid, align_corners=False)[0, 0]
    return Strip(picture, strip.text, (strip.frames + 0.5) * width / before - 0.5)


def stacked(batch: list[Strip]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """A batch as pictures (N, 1, 40, w), frame classes (N, w / 2), and for CTC texts (sum of lengths,), the frames
    (N,) and marks (N,) of each row."""
    widest = max(strip.picture.shape[1] for strip in batch)
    pictures = torch.zeros(len(batch), 1, SIDE, widest)
    frames = torch.full((len(batch), widest // STEP), BLANK)
    for number, strip in enumerate(batch):
        pictures[number, 0, :, : strip.picture.shape[1]] = strip.picture.float() / 255
        frames[number, strip.frames.round().long().clamp(0, frames.shape[1] - 1)] = strip.text
    texts = torch.cat([strip.text for strip in batch])
    counts = torch.tensor([strip.picture.shape[1] // STEP for strip in batch])
    return pictures, frames, texts, counts, torch.tensor([len(strip.text) for strip in batch])


def loss_of(logits: Tensor, frames: Tensor, texts: Tensor, counts: Tensor, lengths: Tensor) -> Tensor:
    """The loss of logits (N, w / 2, CLASSES); the other arguments are those of `stacked`."""
    scores = logits.log_softmax(2)
    whole = F.ctc_loss(scores.transpose(0, 1), texts, counts, lengths, BLANK, reduction="sum", zero_infinity=True)
    return (whole + FRAME_WEIGHT * F.nll_loss(scores.flatten(0, 1), frames.flatten(), reduction="sum")) / len(texts)


def train(cache: Path) -> None:
    """Train on MNIST's training digits, measure on those held out, and write the network's files.

    Composed rows, and after each epoch the state of the training, are kept in the folder `cache`: a training that was
    stopped goes on from there.
    """
    from safetensors.torch import save

    began = time.process_time()
    torch.set_num_threads(1)
    train_digits, held_out = split_validation(load_mnist("train"))
    validation = make_strips(hand_of(held_out), make_hand(10, seed=2), VALIDATION_ROWS, 2, cache)
    strips = make_strips(hand_of(train_digits), make_hand(40, seed=1), ROWS, 1, cache)
    strips = [strip for strip in strips if len(strip.text)]
    composing = time.process_time() - began
    state = cache / f"{digest_of(sys.modules[__name__], network)}-state.safetensors"
    reader, fitting, score = fit(strips, validation, state)
    content = save({name: value.contiguous() for name, value in reader.state_dict().items()})
    about = {
        "command": " ".join(["python -m denoiser.reading.ctc.training", *sys.argv[1:]]),
        "data": f"{len(strips):,} rows of MNIST's training digits and our own strokes, {EPOCHS} epochs",
        "seconds": {"one thread": round(composing + fitting)},
        "validation": {"rows right": score},
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_in_order([(WEIGHTS, content), (ABOUT, json.dumps(about, indent=1) + "\n")])


def fit(
    strips: list[Strip], validation: list[Strip], state: Path, epochs: int = EPOCHS
) -> tuple[RowReader, float, float]:
    """A trained network, the seconds of processor time that took, and the share of validation rows that are right.

    The file `state` is written after each epoch; where it exists, the training goes on from it.
    """
    torch.manual_seed(0)
    reader = RowReader().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(reader.parameters(), LEARNING_RATE, weight_decay=1e-2)
    steps = epochs * len(batches_of(strips, 0))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.15)
    first, seconds, score = 0, 0.0, 0.0
    if state.exists():
        first, seconds, score = _restored(state, reader, optimizer, schedule)
    for epoch in range(first, epochs):
        began = time.process_time()
        _epoch(reader, strips, optimizer, schedule, epoch)
        score = right_rows(reader, validation)
        print(f"epoch {epoch + 1}: {score:.1%} of the rows right", file=sys.stderr)
        seconds += time.process_time() - began
        _keep(state, reader, optimizer, schedule, (epoch + 1, seconds, score))
    return reader.eval(), seconds, score


def _keep(
    state: Path,
    reader: RowReader,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    done: tuple[int, float, float],
) -> None:
    """Write the state of a training; `done` is how many epochs, the seconds they took, and the score after them."""
    from safetensors.torch import save

    kept = optimizer.state_dict()
    tensors = {f"reader.{name}": value.contiguous() for name, value in reader.state_dict().items()}
    for index, slots in kept["state"].items():
        tensors |= {f"optimizer.{index}.{slot}": value.contiguous() for slot, value in slots.items()}
    facts = {"groups": kept["param_groups"], "schedule": schedule.state_dict(), "done": done}
    write_atomically(state, save(tensors, {"facts": json.dumps(facts)}))


def _restored(
    state: Path,
    reader: RowReader,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> tuple[int, float, float]:
    """Restore what `_keep` has written, and return its `done`."""
    from safetensors import safe_open

    with safe_open(state, "pt") as file:
        facts = json.loads(file.metadata()["facts"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, slot = key.split(".")
            slots.setdefault(int(index), {})[slot] = value
    weights = {key.removeprefix("reader."): value for key, value in tensors.items() if key.startswith("reader.")}
    reader.load_state_dict(weights)
    optimizer.load_state_dict({"state": slots, "param_groups": facts["groups"]})
    schedule.load_state_dict(facts["schedule"])
    epochs, seconds, score = facts["done"]
    return epochs, seconds, score


def _epoch(
    reader: RowReader,
    strips: list[Strip],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    epoch: int,
) -> None:
    """Train on all strips once, in an order and with variations that follow from the epoch."""
    reader.train()
    torch.manual_seed(epoch)  # of dropout
    precision = default_precision(torch.device("cpu"))
    generator = torch.Generator().manual_seed(1000 + epoch)
    with tqdm(batches_of(strips, epoch), unit="step", mininterval=10) as bar:
        for step, batch in enumerate(bar):
            pictures, *rest = stacked([varied(strip, generator) for strip in batch])
            with autocast(pictures.device, precision):
                logits = reader(pictures.contiguous(memory_format=torch.channels_last))
            loss = loss_of(logits.float(), *rest)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    reader.eval()


@torch.inference_mode()
def right_rows(reader: RowReader, strips: list[Strip]) -> float:
    """The share of rows whose text is right where each frame says what is likeliest in it."""
    right = []
    for strip in strips:
        best = reader(strip.picture[None, None].float() / 255)[0].argmax(1).unique_consecutive()
        right.append(best[best != BLANK].tolist() == strip.text.tolist())
    return round(sum(right) / max(1, len(right)), 4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m denoiser.reading.ctc.training", description=train.__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of composed rows (default: %(default)s)")
    train(parser.parse_args().cache)
