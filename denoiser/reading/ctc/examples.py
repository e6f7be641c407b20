"""Strips of composed rows with their texts, to train on; each row goes through the same steps as a photo."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ...data import paper, photograph
from ...data.paper import Hand, PaperRow
from .. import examples, levelling, printed_lines, rows
from ..examples import digest_of, mark_class, rows_of, training_row
from ..network import OTHER
from ..rows import Row
from . import strips
from .strips import frame_of, strip_of

CHUNK = 200  # rows in a file of the cache
VISIBLE = 0.4  # share of a mark's ink that must be left of it, to be read


class Strip(NamedTuple):
    """A row as uint8 (40, w), its marks as classes int64 (n,) below BLANK, and the frame of each one's middle (n,)."""

    picture: Tensor
    text: Tensor
    frames: Tensor


def strips_of(photo: PaperRow) -> Iterator[Strip]:
    """Each row that is found in a photo; what is no digit, point or hyphen has no class, as paper has none."""
    for row in rows_of(photo):
        picture = strip_of(row)
        marks = _marks(photo, row)
        yield Strip(
            picture.mul(255).round().byte(),
            torch.tensor([name for name, _ in marks], dtype=torch.int64),
            torch.tensor([frame_of(column) for _, column in marks], dtype=torch.float32),
        )


def _marks(photo: PaperRow, row: Row) -> list[tuple[int, float]]:
    """The class and the middle column of each digit, point and hyphen whose ink is in a row, from left to right."""
    height, width = row.ink.shape
    left, top = round(row.left), round(row.top)
    bottom, right = round(row.top + height / row.scale), round(row.left + width / row.scale)
    owners = photo.owners[max(0, top) : bottom, max(0, left) : right]
    found = []
    for number, mark in enumerate(photo.text, 1):
        name = mark_class(mark)
        down, across = np.nonzero(owners == number)
        if name == OTHER or not len(down):
            continue
        x = (across + max(0, left) + 0.5 - row.left) * row.scale
        y = (down + max(0, top) + 0.5 - row.top) * row.scale
        seen = row.labels[y.astype(int).clip(0, height - 1), x.astype(int).clip(0, width - 1)] > 0
        if seen.sum() >= VISIBLE * (photo.owners == number).sum():
            found.append((name, float((x.min() + x.max()) / 2)))
    return found


def make_strips(hand: Hand, own: Hand, count: int, seed: int, cache: Path) -> list[Strip]:
    """The rows of `count` photos, composed in chunks. Those that an earlier call composed come from a folder."""
    from safetensors.torch import load_file, save_file

    digest = digest_of(paper, photograph, levelling, printed_lines, rows, examples, strips)
    cache.mkdir(parents=True, exist_ok=True)
    found: list[Strip] = []
    with tqdm(total=count, unit="row", mininterval=10) as bar:
        for start in range(0, count, CHUNK):
            numbers = range(start, min(count, start + CHUNK))
            file = cache / f"{digest}-{seed}-{numbers.start}-{numbers.stop}.safetensors"
            if not file.exists():
                photos = (training_row(hand, own, np.random.default_rng((seed, number))) for number in numbers)
                save_file(_packed([strip for photo in photos for strip in strips_of(photo)]), file.with_suffix(".part"))
                file.with_suffix(".part").rename(file)
            found += _unpacked(load_file(file))
            bar.update(len(numbers))
    return found


def _packed(strips: list[Strip]) -> dict[str, Tensor]:
    """Strips as a few tensors, to be saved."""
    return {
        "pictures": torch.cat([strip.picture for strip in strips], dim=1).contiguous(),
        "texts": torch.cat([strip.text for strip in strips]),
        "frames": torch.cat([strip.frames for strip in strips]),
        "widths": torch.tensor([strip.picture.shape[1] for strip in strips]),
        "lengths": torch.tensor([len(strip.text) for strip in strips]),
    }


def _unpacked(tensors: dict[str, Tensor]) -> list[Strip]:
    """The strips that `_packed` has packed."""
    widths, lengths = tensors["widths"].tolist(), tensors["lengths"].tolist()
    parts = (
        tensors["pictures"].split(widths, dim=1),
        tensors["texts"].split(lengths),
        tensors["frames"].split(lengths),
    )
    return [Strip(picture.clone(), text, frames) for picture, text, frames in zip(*parts, strict=True)]
