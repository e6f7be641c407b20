"""Labelled segments of composed rows, to train on.

Each row goes through the same steps as a photo: levelled, freed of printed lines, cut into segments. What a segment is
follows from the ink in it.
"""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..data import paper, photograph
from ..data.paper import OTHER as OTHER_MARK
from ..data.paper import Hand, PaperRow, compose_row, random_style
from ..errors import DenoiserError
from . import levelling, printed_lines, rows, segments
from .levelling import levelled
from .network import FRAGMENT, HYPHEN, OTHER, POINT
from .printed_lines import without_lines
from .rows import Row, find_rows
from .segments import Segments, find_segments

OWN_STROKES = 0.15  # share of the rows that are written in our own strokes
TOUCHING = 0.6  # share of the rows in which half of the neighbours touch
WHOLE, FOREIGN = 0.72, 0.22  # a mark's ink that must be in its segment, and other marks' ink that may be
CHUNK = 100  # rows in a file of the cache


class Examples(NamedTuple):
    """Segments of rows: frames uint8 (N, 2, 28, 28), features (N, FEATURES), classes int64 (N,).

    `runs` int64 (N, 2) are each segment's first and last piece, `whole` bool (N,) says which are whole connected ink,
    `row` int64 (N,) which row each is of, in ascending order, and `pieces` int64 (R,) how many pieces each row has.
    """

    frames: Tensor
    features: Tensor
    classes: Tensor
    runs: Tensor
    whole: Tensor
    row: Tensor
    pieces: Tensor

    def select(self, chosen: Tensor) -> "Examples":
        """The segments with these indices, or where this mask is set; all rows stay."""
        return self._replace(**{name: getattr(self, name)[chosen] for name in self._fields if name != "pieces"})


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
    classes = np.array([mark_class(mark) for mark in photo.text])[main]
    others = (marks >= WHOLE * np.maximum(1, table[:, 1:].sum(0))).sum(1) > 1  # such as a point beside a digit
    found = np.where(whole & alone & ~others & (amount > 0.5 * area), classes, FRAGMENT)
    return np.where((amount < 0.2 * area) & segments.whole, OTHER, found)


def mark_class(mark: str) -> int:
    """The class of a mark in a row's text."""
    return {".": POINT, "-": HYPHEN, OTHER_MARK: OTHER}[mark] if not mark.isdigit() else int(mark)


def training_row(hand: Hand, own: Hand, rng: np.random.Generator) -> PaperRow:
    """A row in a random style; some have letters, scribbles and blots among the digits, and some nothing else."""
    style = random_style(rng, touching=bool(rng.random() < TOUCHING))
    style = replace(style, size=float(rng.uniform(26, 50)), others=float(rng.choice([0, 0.3, 1], p=[0.7, 0.2, 0.1])))
    return compose_row(own if rng.random() < OWN_STROKES else hand, style, rng)


def make_examples(hand: Hand, own: Hand, count: int, seed: int, cache: Path) -> Examples:
    """The segments of `count` rows, composed in chunks. Those that an earlier call composed come from a folder."""
    from safetensors.torch import load_file, save_file

    digest = digest_of(paper, photograph, levelling, printed_lines, rows, segments, sys.modules[__name__])
    cache.mkdir(parents=True, exist_ok=True)
    parts = []
    with tqdm(total=count, unit="row", mininterval=10) as bar:
        for start in range(0, count, CHUNK):
            numbers = range(start, min(count, start + CHUNK))
            file = cache / f"{digest}-{seed}-{numbers.start}-{numbers.stop}.safetensors"
            if not file.exists():
                part = _examples(hand, own, numbers, seed)
                save_file(part._asdict(), file.with_suffix(".part"))
                file.with_suffix(".part").rename(file)
            parts.append(Examples(**load_file(file)))
            bar.update(len(numbers))
    return joined(parts)


def joined(parts: list[Examples]) -> Examples:
    """Examples of several lots of rows as one."""
    before = np.cumsum([0, *(len(part.pieces) for part in parts)]).tolist()
    moved = [part._replace(row=part.row + rows) for part, rows in zip(parts, before, strict=False)]
    return Examples(*(torch.cat(values) for values in zip(*moved, strict=True)))


def _examples(hand: Hand, own: Hand, numbers: range, seed: int) -> Examples:
    """The segments of the rows with these numbers."""
    found: list[Examples] = []
    for number in numbers:
        photo = training_row(hand, own, np.random.default_rng((seed, number)))
        found += _segments_of(photo)
    return joined(found)


def rows_of(photo: PaperRow) -> list[Row]:
    """The rows that are found in a photo; none where it has no ink."""
    try:
        return find_rows(without_lines(levelled(photo.picture.astype(np.float32) / 255)[1]))
    except DenoiserError:
        return []


def _segments_of(photo: PaperRow) -> Iterator[Examples]:
    """The segments of each row that is found in a photo."""
    for row in rows_of(photo):
        segments = find_segments(row)
        if segments.count:
            yield Examples(
                segments.frames.mul(255).round().byte(),
                segments.features,
                torch.from_numpy(segment_classes(photo, row, segments)),
                torch.from_numpy(np.stack((segments.first, segments.last), axis=1)),
                torch.from_numpy(segments.whole),
                torch.zeros(len(segments.first), dtype=torch.int64),
                torch.tensor([segments.count]),
            )


def digest_of(*modules: ModuleType) -> str:
    """A name for code that composes rows and cuts them: what other code has cached is not used."""
    return hashlib.sha256("".join(map(inspect.getsource, modules)).encode()).hexdigest()[:12]
