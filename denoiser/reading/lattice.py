"""Readings of a row: the most probable ways to divide its pieces of ink into marks and to name these.

A reading's probability is the product of its marks', which includes the probability that each segment is a whole mark.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .network import FRAGMENT, HYPHEN, OTHER, POINT, SegmentReader, class_log_probabilities
from .rules import Rules
from .segments import Segments

NAMES = "0123456789.-*"  # of the classes; "*" is something that is no digit
MOST = 60  # readings that are followed up at each piece
DIGITS = 4  # of a segment's ten, the likeliest are tried
LEAST = math.log(1e-6)  # log-probability of a mark
RARE = math.log(0.3)  # of a mark that is no digit, where a row of digits is expected


@dataclass(frozen=True)
class Lattice:
    """Segments of a row of `count` pieces, from piece `first` to piece `last` (N,), and their log-probabilities
    `scores` (N, classes). Only those that are `whole` connected ink (N,) may be no digit."""

    first: np.ndarray
    last: np.ndarray
    whole: np.ndarray
    scores: np.ndarray
    count: int


class Hypothesis(NamedTuple):
    """One reading of a row: its log-probability, and its marks from left to right as (segment, class)."""

    score: float
    marks: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        """Its digits, points and hyphens; other things are left out."""
        return "".join(NAMES[mark] for _, mark in self.marks if mark != OTHER)


class RowReading(NamedTuple):
    """The readings of a row that the rules allow, the most probable first, and the share of each among them.

    `allowed` is their share among all readings that were found.
    """

    hypotheses: list[Hypothesis]
    shares: list[float]
    allowed: float


def lattice_of(segments: Segments, reader: SegmentReader) -> Lattice:
    """The segments of a row with what a network says of them."""
    scores = class_log_probabilities(reader, segments.frames, segments.features).numpy().astype(np.float64)
    _separate_points(segments, scores)
    return Lattice(segments.first, segments.last, segments.whole, scores, segments.count)


def _separate_points(segments: Segments, scores: np.ndarray) -> None:
    """Make segments improbable that join a point or a hyphen to other ink: as improbable as it is that it is none."""
    for number in np.flatnonzero(segments.whole & (segments.first == segments.last)):
        alone = -np.expm1(min(0.0, np.logaddexp(scores[number, POINT], scores[number, HYPHEN])))
        piece = segments.first[number]
        joining = (segments.first <= piece) & (segments.last >= piece) & (segments.first < segments.last)
        scores[joining] += np.log(max(alone, 1e-3))


def read_row(lattice: Lattice, rules: Rules) -> RowReading:
    """Readings of a row that the rules allow."""
    count, last = lattice.count, lattice.last
    leaving: list[list[tuple[int, int, float]]] = [[] for _ in range(count)]
    for segment, (start, is_whole) in enumerate(zip(lattice.first.tolist(), lattice.whole.tolist(), strict=True)):
        for mark, score in _names(lattice.scores[segment], is_whole):
            leaving[start].append((segment, mark, score))
    # For each piece at which a reading may go on, and each count of digits where that matters: readings by their text.
    beams: list[dict[tuple[int, str], Hypothesis]] = [{} for _ in range(count + 1)]
    beams[0][(0, "")] = Hypothesis(0.0, ())
    for node in range(count):
        for (digits, text), hypothesis in _best(beams[node], rules):
            for segment, mark, score in leaving[node]:
                longer = digits + (mark < 10)
                if rules.length is not None and longer > rules.length:
                    continue
                key = longer, text + NAMES[mark]
                beam = beams[int(last[segment]) + 1]
                found = Hypothesis(hypothesis.score + score, (*hypothesis.marks, (segment, mark)))
                beam[key] = _merged(beam.get(key), found)
    ends: dict[str, Hypothesis] = {}
    for hypothesis in beams[count].values():
        ends[hypothesis.text] = _merged(ends.get(hypothesis.text), hypothesis)
    ranked = sorted(ends.values(), key=lambda hypothesis: -hypothesis.score)
    allowed = [hypothesis for hypothesis in ranked if rules.allow(hypothesis.text)] if rules.any else ranked
    total, ours = (sum(math.exp(hypothesis.score) for hypothesis in group) for group in (ranked, allowed))
    shares = [math.exp(hypothesis.score) / max(ours, 1e-300) for hypothesis in allowed[:MOST]]
    return RowReading(allowed[:MOST], shares, ours / max(total, 1e-300))


def reading_as(marks: Sequence[int], lattice: Lattice) -> Hypothesis | None:
    """The reading of a row as these digits, points and hyphens, however improbable; None where it has no such one."""
    named = np.maximum(lattice.scores[:, marks], LEAST)
    # For each piece at which a reading may go on, and each count of marks that have been read by then: the
    # log-probability, that of the likeliest last step, and this step's segment and class.
    total = np.full((lattice.count + 1, len(marks) + 1), -np.inf)
    best = total.copy()
    steps = np.full((*total.shape, 2), -1)
    total[0, 0] = 0
    for segment in np.argsort(lattice.first, kind="stable").tolist():
        start, end = int(lattice.first[segment]), int(lattice.last[segment]) + 1
        found: list[tuple[slice, np.ndarray, np.ndarray]] = [
            (slice(1, None), total[start, :-1] + named[segment], np.asarray(marks))
        ]
        if lattice.whole[segment]:
            found.append((slice(None), total[start] + _other(lattice.scores[segment]), np.asarray(OTHER)))
        for done, scores, names in found:
            better = scores > best[end, done]
            best[end, done] = np.where(better, scores, best[end, done])
            steps[end, done, 0] = np.where(better, segment, steps[end, done, 0])
            steps[end, done, 1] = np.where(better, names, steps[end, done, 1])
            total[end, done] = np.logaddexp(total[end, done], scores)
    if total[-1, -1] == -np.inf:
        return None
    node, left = lattice.count, len(marks)
    path: list[tuple[int, int]] = []
    while node:
        segment, name = steps[node, left].tolist()
        path.append((segment, name))
        node, left = int(lattice.first[segment]), left - (name != OTHER)
    return Hypothesis(float(total[-1, -1]), tuple(reversed(path)))


def _names(scores: np.ndarray, whole: bool) -> Iterable[tuple[int, float]]:
    """The names that a segment may have, with their log-probabilities."""
    for digit in np.argsort(-scores[:10])[:DIGITS].tolist():
        if scores[digit] > LEAST:
            yield digit, float(scores[digit])
    for mark in (POINT, HYPHEN):
        if scores[mark] > LEAST:
            yield mark, float(scores[mark])
    if whole:
        yield OTHER, _other(scores)


def _other(scores: np.ndarray) -> float:
    """The log-probability that a segment of whole connected ink is no digit, point or hyphen."""
    return float(max(np.logaddexp(scores[OTHER], scores[FRAGMENT] - 2), LEAST)) + RARE


def _best(beam: dict[tuple[int, str], Hypothesis], rules: Rules) -> list[tuple[tuple[int, str], Hypothesis]]:
    """The likeliest readings of a beam; of each count of digits where the length is known."""
    ranked = sorted(beam.items(), key=lambda item: -item[1].score)
    if rules.length is None:
        return ranked[: MOST * (4 if rules.any else 1)]
    counts: dict[int, int] = {}
    kept = []
    for item in ranked:
        counts[item[0][0]] = counts.get(item[0][0], 0) + 1
        if counts[item[0][0]] <= MOST:
            kept.append(item)
    return kept


def _merged(one: Hypothesis | None, other: Hypothesis) -> Hypothesis:
    """Two ways to the same text as one: their probabilities added, the likelier one's marks."""
    if one is None:
        return other
    better = one if one.score >= other.score else other
    return better._replace(score=float(np.logaddexp(one.score, other.score)))
