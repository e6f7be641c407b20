"""Probabilities that mean what they say: how often digits and numbers that the lattice finds so likely are right."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CERTAIN = 1e-4  # probabilities are kept this far from 0 and 1
RARE = 0.1  # share of all readings that a rule allows, below which the rule and the row contradict each other


class Platt(NamedTuple):
    """Log-odds that are shifted and scaled (Platt scaling)."""

    shift: float = 0.0
    scale: float = 1.0

    def __call__(self, probability: float) -> float:
        """The calibrated probability."""
        return 1 / (1 + math.exp(-self.shift - self.scale * log_odds(probability)))


class Weights(NamedTuple):
    """Factors of two log-probabilities of a reading: that of its segments, and that of its text in the whole row."""

    segments: float = 0.5
    whole: float = 0.5


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), finite."""
    kept = min(max(probability, CERTAIN), 1 - CERTAIN)
    return math.log(kept / (1 - kept))


def fit_platt(doubts: Sequence[tuple[float, bool]]) -> Platt:
    """The scaling under which probabilities predict best, by their cross-entropy, what turned out right.

    `doubts` are pairs of a probability and whether what it belongs to is right.
    """
    from scipy.optimize import minimize

    odds = np.array([log_odds(probability) for probability, _ in doubts])
    sign = np.array([1.0 if right else -1.0 for _, right in doubts])

    def loss(parameters: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (parameters[0] + parameters[1] * odds)).mean())

    shift, scale = minimize(loss, np.array([0.0, 1.0])).x
    return Platt(round(float(shift), 3), round(float(scale), 3))


def calibration_error(doubts: Sequence[tuple[float, bool]], bins: int = 15) -> float:
    """The expected calibration error, in bins of equal width, of pairs as `fit_platt` takes them."""
    values, hits = np.array(doubts, dtype=float).T
    index = np.minimum((values * bins).astype(int), bins - 1)
    gaps = [abs(values[index == number].sum() - hits[index == number].sum()) for number in range(bins)]
    return float(sum(gaps) / len(values))


def number_probabilities(shares: Sequence[float], allowed: float, platt: Platt) -> list[float]:
    """Probabilities of a row's readings, the likeliest first, from their shares among those that the rules allow.

    `allowed` is the share of all readings that the rules allow.
    """
    first = platt(shares[0])
    rest = (1 - first) / max(CERTAIN, 1 - shares[0])
    trust = min(1.0, allowed / RARE)
    return [trust * first, *(trust * min(share * rest, first) for share in shares[1:])]
