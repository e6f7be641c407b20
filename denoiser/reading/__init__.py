"""Rows of digits in a photo of paper: the number, how sure it is, and each digit framed and cleaned.

The paper is levelled, printed lines are taken out (`levelling`, `printed_lines`), the ink is put into rows and cut into
segments (`rows`, `segments`). A network says what each segment is (`network`), and `lattice` finds the most probable
readings that `rules` allow.
"""

from typing import Any

import numpy as np
import torch

from ..image_decoder import FILES, Limits
from ..ink.image_files import pixels_of
from .calibration import number_probabilities
from .errors import NO_DIGITS, TOO_MUCH, NoDigits
from .lattice import NAMES, RowReading, read_row
from .levelling import levelled
from .network import HYPHEN, OTHER, POINT, SegmentReader, class_log_probabilities, load_reader
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
) -> Reading:
    """Read the digits in a picture: one row, or several from top to bottom.

    `picture` is what `digit_from_image` takes. Digits with a probability below `threshold`, in [0, 1], become "?" in
    the text. What is known about the number of each row makes readings that contradict it impossible: `length` (count
    of digits), `luhn` (a check digit), `range` (smallest and largest value), `not_below` (a value that it reaches).
    Files are decoded within `limits`; `reader` is the network, by default the one that comes with this package.

    Raises NoDigits where there is no row of digits or the rules allow none of its readings, BlankInk where there is no
    ink, UnreadablePicture where there is no usable picture, RuleError for rules that no number can follow.
    """
    if not 0 <= threshold <= 1:
        raise RuleError(f"The threshold is a probability within 0 and 1, not {threshold:g}.")
    rules = Rules(length, luhn, range, not_below)
    paper, contrast = levelled(pixels_of(picture, limits, page=True))
    reader = reader or load_reader()
    contrast = without_lines(contrast)
    rows, refused, area, work = [], False, 0.0, 0
    for ink in find_rows(contrast):
        if ink.ink.shape[1] > WIDEST:
            continue
        segments = find_segments(ink)
        work += len(segments.first)
        if work > MOST_SEGMENTS:
            raise NoDigits(TOO_MUCH)
        row = _read(ink, segments, reader, rules)
        if row is None:
            continue
        area += float(((ink.labels > 0) & (ink.ink > STRONG)).sum()) / ink.scale**2
        if row is _REFUSED:
            refused = True
        else:
            rows.append(row)
    if area < PAGE_INK * ink_area(contrast):  # a drawing, parts of which look like digits
        raise NoDigits(NO_DIGITS)
    if not rows:
        raise NoDigits(f"No reading of the digits in that picture has {rules}." if refused else NO_DIGITS)
    return Reading(rows, threshold, paper)


_REFUSED = Row([], 0.0, [])  # a row of which the rules allow no reading


def _read(ink: InkRow, segments: Segments, reader: SegmentReader, rules: Rules) -> Row | None:
    """One row; None where it is no row of digits, _REFUSED where the rules allow none of its readings."""
    if not 0 < segments.count <= MOST_PIECES:
        return None
    scores = class_log_probabilities(reader, segments.frames, segments.features).numpy().astype(np.float64)
    _separate_points(segments, scores)
    arguments = segments.first, segments.last, segments.whole, scores, segments.count
    found = read_row(*arguments, rules)
    plain = read_row(*arguments, Rules()) if rules.any else found
    if not plain.hypotheses or not _is_digits(plain, segments, scores):
        return None
    if not found.hypotheses:
        return _REFUSED
    # Where the length is known, readings of other lengths are not followed up: `plain` has them.
    best = plain.hypotheses[0].score
    allowed = min(found.allowed, float(np.exp(min(0.0, found.hypotheses[0].score - best))))
    return _row(found._replace(allowed=allowed), ink, segments, scores, reader)


def _separate_points(segments: Segments, scores: np.ndarray) -> None:
    """Make segments improbable that join a point or a hyphen to other ink: as improbable as it is that it is none."""
    for number in np.flatnonzero(segments.whole & (segments.first == segments.last)):
        alone = -np.expm1(min(0.0, np.logaddexp(scores[number, POINT], scores[number, HYPHEN])))
        piece = segments.first[number]
        joining = (segments.first <= piece) & (segments.last >= piece) & (segments.first < segments.last)
        scores[joining] += np.log(max(alone, 1e-3))


def _is_digits(found: RowReading, segments: Segments, scores: np.ndarray) -> bool:
    """Whether the most probable reading of a row is one of digits, mostly and with some confidence."""
    marks = found.hypotheses[0].marks
    ink = segments.features[:, 4].numpy()
    total = sum(ink[segment] for segment, _ in marks)
    digits = [(segment, mark) for segment, mark in marks if mark < 10]
    if not digits or sum(ink[segment] for segment, mark in marks if mark != OTHER) < DIGIT_INK * total:
        return False
    return bool(np.exp(np.mean([scores[segment, mark] for segment, mark in digits])) > LEAST)


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
