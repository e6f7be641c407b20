"""Touching digits: among the segments of their ink are both digits, side by side."""

import numpy as np
import pytest

from denoiser.data.paper import Style, compose_row, make_hand
from denoiser.reading.rows import Row
from denoiser.reading.scoring import cut_pairs
from denoiser.reading.segments import find_segments


@pytest.fixture(scope="module")
def pairs():
    """Photos of two digits that touch."""
    hand, found = make_hand(8, seed=9), []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        photo = compose_row(hand, Style(touching=1.0), rng, "".join(rng.choice(list("0235689"), 2)))
        found += [photo] if photo.joined else []
    return found


def test_touching_digits_are_cut_apart(pairs):
    assert len(pairs) > 30
    assert np.mean([cut_pairs(photo) for photo in pairs]) > 0.85


def test_ink_too_fine_to_be_a_mark_has_no_segments():
    ink = np.zeros((40, 60), np.float32)
    ink[20, 10::6] = 1
    dots = Row(ink, (ink > 0).cumsum(1).astype(np.int32) * (ink > 0), 0, 0, 1, np.full(60, 20.0), np.full(60, 36.0))
    segments = find_segments(dots)
    assert segments.count == len(segments.first) == len(segments.frames) == 0


def test_ink_with_the_middles_of_two_marks_is_cut_between_them():
    """Even if it is as narrow as one digit."""
    ink = np.zeros((64, 80), np.float32)
    ink[16:48, 16:24] = ink[16:48, 30:38] = 1
    ink[40:48, 24:30] = 1
    row = Row(ink, (ink > 0).astype(np.int32), 0, 0, 1, np.full(80, 32.0), np.full(80, 48.0))
    assert find_segments(row).count == 1
    cut = find_segments(row, np.array([20.0, 33.0]))
    assert any(20 < left < 33 for left in cut.boxes[:, 0])
