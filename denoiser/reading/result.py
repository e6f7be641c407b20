"""What was read: digits with their doubts, rows, and the number as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoint import load_model
from ..ink.framing import drawn_again
from ..ink.segmentation import shape_of

UNSURE = "?"
DENOISER = "unet"  # cleans the digits
MOST_CLEANED = 64  # digits in a batch


@dataclass(frozen=True)
class Box:
    """A mark's place in the picture, in its pixels: edges from the left and the top."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Mark:
    """Something written: `name` is a digit, "." or "-", or "*" for what is none of these.

    `probability`, in [0, 1], is that of its name. `ink` (h, w) is its ink in [0, 1], scaled.
    """

    name: str
    probability: float
    box: Box
    ink: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class ReadDigit(Mark):
    """A digit; `probabilities` (10,) are those of the ten digits, given that it is one."""

    probabilities: Tensor = field(repr=False)

    @cached_property
    def framed(self) -> Tensor:
        """The digit as MNIST frames digits, float32 (1, 1, 28, 28) in [0, 1]."""
        return drawn_again(shape_of(self.ink))

    @cached_property
    def cleaned(self) -> Tensor:
        """The framed digit, denoised, float32 (1, 1, 28, 28) in [0, 1]."""
        return clean([self])[0]


@torch.inference_mode()
def clean(digits: Sequence[ReadDigit]) -> list[Tensor]:
    """What is `cleaned` of each digit; those that have not been denoised yet are denoised together, which is faster."""
    new = [digit for digit in digits if "cleaned" not in vars(digit)]
    for start in range(0, len(new), MOST_CLEANED):
        batch = new[start : start + MOST_CLEANED]
        cleaned = _denoiser()(torch.cat([digit.framed for digit in batch])).clamp(0, 1)
        for digit, picture in zip(batch, cleaned.split(1), strict=True):
            vars(digit)["cleaned"] = picture  # where cached_property looks for it
    return [vars(digit)["cleaned"] for digit in digits]


@cache
def _denoiser() -> nn.Module:
    return load_model(DENOISER)[0]


@dataclass(frozen=True)
class Alternative:
    """Another reading and its probability in [0, 1]."""

    text: str
    probability: float


@dataclass(frozen=True)
class Row:
    """One row: its marks from left to right, its probability, and the next readings with theirs."""

    marks: list[Mark]
    probability: float
    alternatives: list[Alternative]

    def text(self, threshold: float) -> str:
        """Its digits, points and hyphens, UNSURE for digits below the threshold."""
        return "".join(
            UNSURE if mark.name.isdigit() and mark.probability < threshold else mark.name
            for mark in self.marks
            if mark.name != "*"
        )


@dataclass(frozen=True)
class Reading:
    """The digits in a picture.

    `paper` is the picture, levelled: float32 (h, w, 3) in [0, 1], upright, no side above 1,200 pixels. The boxes are in
    its pixels.
    """

    rows: list[Row]
    threshold: float
    paper: np.ndarray = field(repr=False)

    @property
    def text(self) -> str:
        """The most probable number, "?" for each digit below the threshold; rows are separated by newlines."""
        return "\n".join(row.text(self.threshold) for row in self.rows)

    @property
    def probability(self) -> float:
        """The probability in [0, 1] that all rows are read right."""
        return float(np.prod([row.probability for row in self.rows]))

    @property
    def alternatives(self) -> list[Alternative]:
        """The next readings of the whole: those that differ from the most probable one in one row."""
        found = []
        for number, row in enumerate(self.rows):
            others = [r.text(0) for r in self.rows]
            rest = float(np.prod([r.probability for n, r in enumerate(self.rows) if n != number]))
            for alternative in row.alternatives:
                others[number] = alternative.text
                found.append(Alternative("\n".join(others), rest * alternative.probability))
        return sorted(found, key=lambda alternative: -alternative.probability)

    @property
    def marks(self) -> list[Mark]:
        """All marks of all rows, digits and others."""
        return [mark for row in self.rows for mark in row.marks]

    @property
    def digits(self) -> list[ReadDigit]:
        """The digits of all rows."""
        return [mark for mark in self.marks if isinstance(mark, ReadDigit)]
