"""Rows of digits in a photo of paper: the number, how sure it is, and each digit framed and cleaned.

The paper is levelled, printed lines are taken out (`levelling`, `printed_lines`), the ink is put into rows and cut into
segments (`rows`, `segments`). A network says what each segment is (`network`), and `lattice` finds the most probable
readings that `rules` allow. Another network reads the row as a whole (`ctc`); both weigh the readings.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..image_decoder import FILES, Limits
from ..ink.image_files import pixels_of
from .calibration import number_probabilities
from .ctc.decoding import middles, text_log_probabilities
from .ctc.network import frame_log_probabilities, load_row_reader
from .ctc.rescoring import candidates, weighed
from .ctc.strips import strip_of
from .errors import NO_DIGITS, TOO_MUCH, NoDigits
from .lattice import NAMES, RowReading, lattice_of
from .levelling import levelled
from .network import OTHER, SegmentReader, load_reader
from .printed_lines import without_lines
from .result import Alternative, Box, Mark, ReadDigit, Reading, Row
from .rows import HEIGHT, STRONG, find_rows, ink_area
from .rows import Row as InkRow
from .rules import RuleError, Rules, parse_range
from .segments import Segments, find_segments

__all__ = [
    "NO_DIGITS",
    "Alternative",
    "Box",
    "Mark",
    "NoDigits",
    "ReadDigit",
    "Reading",
    "Row",
    "RuleError",
    "Rules",
    "parse_range",
    "read_digits",
]

MOST_PIECES = 150  # of a row's ink: of about 50 digits
MOST_SEGMENTS = 4_000  # of a page: several seconds of work
WIDEST = 60 * HEIGHT  # pixels of a scaled row
DIGIT_INK = 0.6  # of a row's ink that must be digits, points and hyphens
LEAST = 0.2  # geometric mean of the probabilities of a row's digits, below which it is no row of digits
SURE_WHOLE = 0.6  # the same of what the whole row says, from which on it is one; a scribbled line comes to 0.5
MANY = 3  # digits, from which on what the whole row says counts too
PAGE_INK = 0.5  # of a page's ink that must be in rows of digits
ALTERNATIVES = 5


def read_digits(
    picture: Any,
    length: int | None = None,
    threshold: float = 0.0,
    *,
    luhn: bool = False,
    range: tuple[float, float] | None = None,
    not_below: float | None = None,
    limits: Limits = FILES,
    reader: SegmentReader | None = None,
    most_segments: int = MOST_SEGMENTS,
) -> Reading:
    """Read the digits in a picture: one row, or several from top to bottom.

    `picture` is what `digit_from_image` takes. Digits with a probability below `threshold`, in [0, 1], become "?" in
    the text. What is known about the number of each row makes readings that contradict it impossible: `length` (count
    of digits), `luhn` (a check digit), `range` (smallest and largest value), `not_below` (a value that it reaches).
    Files are decoded within `limits`; `reader` is the network, by default the one that comes with this package.
    `most_segments` bounds the work: pieces of ink, and runs of neighbouring ones, that may be digits; a digit has one
    to five.

    Raises NoDigits where there is no row of digits or the rules allow none of its readings, BlankInk where there is no
    ink, UnreadablePicture where there is no usable picture, RuleError for rules that no number can follow.
    """
    if not 0 <= threshold <= 1:
        raise RuleError(f"The threshold is a probability within 0 and 1, not {threshold:g}.")
    rules = Rules(length, luhn, range, not_below)
    paper, contrast = levelled(pixels_of(picture, limits, page=True))
    reader = reader or load_reader()
    contrast = without_lines(contrast)
    row_reader = load_row_reader()
    rows, work = {}, 0
    found = [ink for ink in find_rows(contrast, most_segments) if ink.ink.shape[1] <= WIDEST]
    area = sum(map(_ink_area, found))  # of rows that may be digits
    least = PAGE_INK * ink_area(contrast)
    # The most ink first: whether there is a row of digits is soon known.
    for number, ink in sorted(enumerate(found), key=lambda each: -_ink_area(each[1])):
        if area < least:  # a drawing, parts of which look like digits
            raise NoDigits(NO_DIGITS)
        frames = frame_log_probabilities(row_reader, strip_of(ink))
        segments = find_segments(ink, middles(frames))
        work += len(segments.first)
        if work > most_segments:
            raise NoDigits(TOO_MUCH)
        row = _read(ink, segments, reader, frames, rules)
        if row is None:
            area -= _ink_area(ink)
        else:
            rows[number] = row
    if area < least or not rows:
        raise NoDigits(NO_DIGITS)
    read = [rows[number] for number in sorted(rows) if rows[number] is not _REFUSED]
    if not read:
        raise NoDigits(f"No reading of the digits in that picture has {rules}.")
    return Reading(read, threshold, paper)


def _ink_area(row: InkRow) -> float:
    """How many pixels of the page are ink of a row."""
    return float(((row.labels > 0) & (row.ink > STRONG)).sum()) / row.scale**2


_REFUSED = Row([], 0.0, [])  # a row of which the rules allow no reading


def _read(ink: InkRow, segments: Segments, reader: SegmentReader, frames: Tensor, rules: Rules) -> Row | None:
    """One row; None where it is no row of digits, _REFUSED where the rules allow none of its readings."""
    if not 0 < segments.count <= MOST_PIECES:
        return None
    lattice = lattice_of(segments, reader)
    plain = weighed(candidates(lattice, frames, Rules()), reader.weights)
    found = weighed(candidates(lattice, frames, rules), reader.weights) if rules.any else plain
    if not plain.hypotheses or not _is_digits(plain, segments, lattice.scores, frames):
        return None
    if not found.hypotheses:
        return _REFUSED
    # Where the length is known, readings of other lengths are not followed up: `plain` has them.
    best = plain.hypotheses[0].score
    allowed = min(found.allowed, float(np.exp(min(0.0, found.hypotheses[0].score - best))))
    return _row(found._replace(allowed=allowed), ink, segments, lattice.scores, reader)


def _is_digits(found: RowReading, segments: Segments, scores: np.ndarray, frames: Tensor) -> bool:
    """Whether the most probable reading of a row is one of digits, mostly and with some confidence."""
    marks = found.hypotheses[0].marks
    ink = segments.features[:, 4].numpy()
    total = sum(ink[segment] for segment, _ in marks)
    digits = [(segment, mark) for segment, mark in marks if mark < 10]
    if not digits or sum(ink[segment] for segment, mark in marks if mark != OTHER) < DIGIT_INK * total:
        return False
    mean = float(np.mean([scores[segment, mark] for segment, mark in digits]))
    if len(digits) >= MANY:  # digits that touch may have no good segment each
        text = [mark for _, mark in marks if mark != OTHER]
        whole = float(text_log_probabilities(frames, [text])[0]) / len(text)
        if whole > math.log(SURE_WHOLE):
            return True
        mean = max(mean, (mean + whole) / 2)
    return mean > math.log(LEAST)


def _row(found: RowReading, ink: InkRow, segments: Segments, scores: np.ndarray, reader: SegmentReader) -> Row:
    """The row of the most probable reading."""
    best = found.hypotheses[0]
    weights = np.array(found.shares) / sum(found.shares)
    probabilities = number_probabilities(found.shares, found.allowed, reader.numbers)
    marks = []
    for segment, name in best.marks:
        left, top, right, bottom = segments.boxes[segment].tolist()
        box = Box(
            ink.left + left / ink.scale,
            ink.top + top / ink.scale,
            ink.left + right / ink.scale,
            ink.top + bottom / ink.scale,
        )
        area = slice(int(top), int(bottom)), slice(int(left), int(right))
        pieces = segments.pieces[area]
        own = (pieces > segments.first[segment]) & (pieces <= segments.last[segment] + 1)
        patch = np.pad(np.where(own, ink.ink[area], 0), 3)
        chance = float(np.exp(scores[segment, :10]).sum())
        if name >= 10:
            marks.append(Mark(NAMES[name], float(np.exp(scores[segment, name])), box, patch))
            continue
        agree = [(segment, name) in hypothesis.marks for hypothesis in found.hypotheses]
        digits = torch.softmax(torch.from_numpy(scores[segment, :10]).float(), dim=0)
        probability = reader.digits(chance * float(weights @ agree))
        marks.append(ReadDigit(NAMES[name], probability, box, patch, digits))
    others = [
        Alternative(hypothesis.text, probability)
        for hypothesis, probability in zip(found.hypotheses[1:], probabilities[1:], strict=True)
    ]
    return Row(marks, probabilities[0], others[:ALTERNATIVES])
