"""The rows that the benchmark of paper composes, and its scores."""

import numpy as np
import pytest

from denoiser.bench import paper
from denoiser.data.paper import make_hand


@pytest.fixture
def hands(monkeypatch):
    monkeypatch.setattr(paper, "ROWS", 4)
    return (make_hand(4, seed=9),) * 2


def test_nearly_all_digits_touch_where_all_are_to(hands):
    rows = list(paper._all_touching(hands))
    assert len(rows) == 4
    assert sum(len(row.joined) for row in rows) > 0.8 * sum(len(row.text) - 1 for row in rows)


def test_grain_changes_the_photo_alone(hands):
    clean = list(paper._rows(hands, 4, "plain", some_touch=False))
    for row, before in zip(paper._grainy(hands, 0.1), clean, strict=True):
        assert row.text == before.text
        assert 15 < np.std(row.picture.astype(float) - before.picture) < 27


def test_refused_rows_count_as_wrong(hands, monkeypatch):
    monkeypatch.setattr(paper, "_readings", lambda rows, title: [(row, None) for row in rows])
    found = paper._scores(paper._all_touching(hands), "")
    assert (found["rows"], found["read"], found["right"], found["calibration error"]) == (4, 0, 0, None)
