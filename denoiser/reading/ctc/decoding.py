"""Probabilities of texts from what the network says of each frame, by connectionist temporal classification."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .network import BLANK
from .strips import column_of

NEVER = -1e3  # log-probability of a text that does not fit into the frames
BEAM = 24  # texts that are followed up at each frame
LEAST = 1e-4  # probability of a mark in a frame, below which it is not followed up


def text_log_probabilities(frames: Tensor, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """The log-probability (N,) of each text, a sequence of classes below BLANK, from log-probabilities of `frames`
    (T, CLASSES)."""
    if not texts:
        return np.zeros(0)
    lengths = torch.tensor([len(text) for text in texts])
    marks = torch.tensor([mark for text in texts for mark in text], dtype=torch.int64)
    loss = F.ctc_loss(
        frames[:, None].expand(-1, len(texts), -1),
        marks,
        torch.full((len(texts),), len(frames)),
        lengths,
        BLANK,
        reduction="none",
    )
    return (-loss).clamp(min=NEVER).double().numpy()


def likely_texts(frames: Tensor) -> list[tuple[int, ...]]:
    """The likeliest texts, at most BEAM of them, by a prefix beam search through log-probabilities (T, CLASSES)."""
    # Of each text, the probability that its last frame is BLANK, and that it is its last mark.
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
    paper = False  # whether the frame before is BLANK for certain: another such frame says nothing new
    for chances in frames.double().exp().tolist():
        named = [(mark, chance) for mark, chance in enumerate(chances[:BLANK]) if chance > LEAST]
        if paper and not named:
            continue
        paper = not named
        found: dict[tuple[int, ...], tuple[float, float]] = {}
        for text, (blank, marked) in beam.items():
            _add(found, text, (blank + marked) * chances[BLANK], marked * chances[text[-1]] if text else 0.0)
            for mark, chance in named:
                before = blank if text and text[-1] == mark else blank + marked
                _add(found, (*text, mark), 0.0, before * chance)
        best = sorted(found.items(), key=lambda item: -sum(item[1]))[:BEAM]
        total = sum(best[0][1])  # so that the probabilities of long rows do not vanish
        beam = {text: (blank / total, marked / total) for text, (blank, marked) in best}
    return list(beam)


def _add(found: dict[tuple[int, ...], tuple[float, float]], text: tuple[int, ...], blank: float, marked: float) -> None:
    """Add to the probabilities of a text."""
    before = found.get(text, (0.0, 0.0))
    found[text] = before[0] + blank, before[1] + marked


def middles(frames: Tensor) -> np.ndarray:
    """The column of the row (n,) in which each mark of the likeliest frames (T, CLASSES) has its middle."""
    names = frames.argmax(1)
    runs, counts = names.unique_consecutive(return_counts=True)
    starts = counts.cumsum(0) - counts
    found = [
        column_of(start + int(frames[start : start + count, name].argmax()))
        for name, start, count in zip(runs.tolist(), starts.tolist(), counts.tolist(), strict=True)
        if name != BLANK
    ]
    return np.array(found)
