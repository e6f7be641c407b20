"""Rules for numbers, and readings that follow them."""

import numpy as np
import pytest

from denoiser.reading import RuleError, Rules, parse_range
from denoiser.reading.lattice import Lattice, read_row, reading_as
from denoiser.reading.network import CLASSES, FRAGMENT
from denoiser.reading.rules import luhn_valid


@pytest.mark.parametrize(
    ("digits", "valid"), [("79927398713", True), ("79927398710", False), ("4111111111111111", True), ("0", False)]
)
def test_the_check_digit_of_luhn(digits, valid):
    assert luhn_valid(digits) is valid


@pytest.mark.parametrize(
    ("rules", "allowed", "refused"),
    [
        ({"length": 3}, ["123", "1.23", "1-23"], ["12", "1234"]),
        ({"range": (0, 100)}, ["0", "99.5", "100"], ["101", "-1", "1-2", "1.2.3"]),
        ({"not_below": 250}, ["250", "999"], ["249", ""]),
        ({"luhn": True}, ["4111-1111-1111-1111"], ["4111-1111-1111-1112"]),
    ],
)
def test_rules_allow_what_follows_them(rules, allowed, refused):
    rules = Rules(**rules)
    assert all(map(rules.allow, allowed))
    assert not any(map(rules.allow, refused))


def test_ranges_may_be_open():
    assert parse_range("0..100") == (0, 100)
    assert parse_range("-1.5..") == (-1.5, float("inf"))
    assert parse_range("..9") == (float("-inf"), 9)
    for text in ("", "5", "..", "1..x", "1...2"):
        with pytest.raises(RuleError, match="two numbers"):
            parse_range(text)


@pytest.mark.parametrize("rules", [{"length": 0}, {"length": 101}, {"range": (2, 1)}])
def test_rules_that_nothing_follows_are_refused(rules):
    with pytest.raises(RuleError, match="number"):
        Rules(**rules)


def lattice(**scores):
    """A row of two pieces: "a" is the first, "b" the second, "ab" both; each with the probabilities of its classes."""
    names = {"a": (0, 0), "b": (1, 1), "ab": (0, 1)}
    table = np.full((len(names), CLASSES), 1e-9)
    for number, name in enumerate(names):
        for mark, probability in scores.get(name, {FRAGMENT: 1}).items():
            table[number, mark] = probability
    first, last = np.array(list(names.values())).T
    return Lattice(first, last, np.ones(len(names), bool), np.log(table / table.sum(axis=1, keepdims=True)), 2)


def test_the_likeliest_division_is_read_and_the_others_are_alternatives():
    found = read_row(lattice(a={1: 0.9, 7: 0.1}, b={3: 1.0}, ab={FRAGMENT: 0.98, 8: 0.02}), Rules())
    assert [hypothesis.text for hypothesis in found.hypotheses[:2]] == ["13", "73"]
    assert "8" in [hypothesis.text for hypothesis in found.hypotheses]
    assert found.shares[0] == pytest.approx(0.87, abs=0.05)
    assert sum(found.shares) == pytest.approx(1, abs=0.01)


def test_a_rule_makes_another_reading_the_likeliest():
    found = read_row(lattice(a={1: 0.9, 7: 0.1}, b={3: 1.0}, ab={FRAGMENT: 0.5, 8: 0.5}), Rules(length=1))
    assert found.hypotheses[0].text == "8"
    assert all(len(hypothesis.text) == 1 for hypothesis in found.hypotheses)
    found = read_row(lattice(a={1: 0.9, 7: 0.1}, b={3: 1.0}), Rules(not_below=50))
    assert found.hypotheses[0].text == "73"


def test_no_reading_is_invented_where_the_rules_allow_none():
    assert read_row(lattice(a={1: 1}, b={3: 1}), Rules(length=5)).hypotheses == []


def test_a_row_is_read_as_a_given_text_with_the_same_probability():
    row = lattice(a={1: 0.9, 7: 0.1}, b={3: 1.0}, ab={FRAGMENT: 0.5, 8: 0.5})
    for hypothesis in read_row(row, Rules()).hypotheses[:3]:
        again = reading_as([int(name) for name in hypothesis.text], row)
        assert again.marks == hypothesis.marks
        assert again.score == pytest.approx(hypothesis.score)
    assert reading_as([9, 9], row).text == "99"
    assert reading_as([1, 3, 3], row) is None
