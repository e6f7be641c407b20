"""The readings of a lattice of segments, weighed by what the network that reads whole rows says of their texts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from ..calibration import Weights
from ..lattice import MOST, NAMES, Hypothesis, Lattice, RowReading, read_row, reading_as
from ..rules import Rules
from .decoding import likely_texts, text_log_probabilities


class Candidates(NamedTuple):
    """Possible readings of a row; the log-probability (N,) of each one's text in the row as a whole; and the share of
    all readings that the rules allow."""

    hypotheses: list[Hypothesis]
    whole: np.ndarray
    allowed: float


def candidates(lattice: Lattice, frames: Tensor, rules: Rules) -> Candidates:
    """The readings that a lattice and log-probabilities of the row's `frames` (T, CLASSES) suggest, and the rules
    allow."""
    found = read_row(lattice, rules)
    hypotheses = {hypothesis.text: hypothesis for hypothesis in found.hypotheses}
    for marks in likely_texts(frames):
        text = "".join(NAMES[mark] for mark in marks)
        if text and text not in hypotheses and rules.allow(text):
            hypothesis = reading_as(marks, lattice)
            if hypothesis is not None:
                hypotheses[text] = hypothesis
    texts = [[NAMES.index(name) for name in text] for text in hypotheses]
    return Candidates(list(hypotheses.values()), text_log_probabilities(frames, texts), found.allowed)


def weighed(found: Candidates, weights: Weights) -> RowReading:
    """The likeliest readings, with scores and shares that follow from both log-probabilities."""
    if not found.hypotheses:
        return RowReading([], [], found.allowed)
    scores = weights.segments * np.array([h.score for h in found.hypotheses]) + weights.whole * found.whole
    order = np.argsort(-scores, kind="stable")[:MOST]
    shares = np.exp(scores[order] - np.logaddexp.reduce(scores))
    ranked = [found.hypotheses[number]._replace(score=float(scores[number])) for number in order]
    return RowReading(ranked, shares.tolist(), found.allowed)


def fit_weights(rows: Sequence[tuple[Candidates, str]]) -> Weights:
    """The weights under which the right texts of rows are most probable among the candidates."""
    from scipy.optimize import minimize

    known = []
    for found, text in rows:
        right = [number for number, hypothesis in enumerate(found.hypotheses) if hypothesis.text == text]
        if right:
            known.append((np.array([h.score for h in found.hypotheses]), found.whole, right[0]))

    def loss(weights: np.ndarray) -> float:
        scores = [(weights[0] * segments + weights[1] * whole, right) for segments, whole, right in known]
        return float(np.mean([np.logaddexp.reduce(values) - values[right] for values, right in scores]))

    segments, whole = minimize(loss, np.array(Weights()), bounds=[(0, 5), (0, 5)]).x
    return Weights(round(float(segments), 3), round(float(whole), 3))
