"""What is known about a number before it is read: its length, a check digit, a range, or an earlier value."""

import re
from dataclasses import dataclass

from ..errors import DenoiserError


class RuleError(DenoiserError, ValueError):
    """A rule that no number can follow."""


@dataclass(frozen=True)
class Rules:
    """Rules for the number in each row; None or False where there is none.

    `length` is the count of its digits. `luhn` says that its last digit is a check digit by the Luhn formula, as of
    credit cards. `range` has the smallest and the largest value. `not_below` is a value that it reaches, such as the
    last reading of a meter. Raises RuleError for rules that no number can follow.
    """

    length: int | None = None
    luhn: bool = False
    range: tuple[float, float] | None = None
    not_below: float | None = None

    def __post_init__(self) -> None:
        if self.length is not None and not 1 <= self.length <= 100:
            raise RuleError(f"A number has 1 to 100 digits, not {self.length}.")
        if self.range is not None and not self.range[0] <= self.range[1]:
            raise RuleError(f"No number lies between {self.range[0]:g} and {self.range[1]:g}.")

    @property
    def any(self) -> bool:
        """Whether there is a rule at all."""
        return self != Rules()

    def allow(self, text: str) -> bool:
        """Whether a row's text, of digits, points and hyphens, follows the rules."""
        digits = "".join(mark for mark in text if mark.isdigit())
        if self.length is not None and len(digits) != self.length:
            return False
        if self.luhn and not luhn_valid(digits):
            return False
        if self.range is None and self.not_below is None:
            return True
        try:
            value = float(text)
        except ValueError:  # two points, or hyphens in it
            return False
        low, high = self.range or (float("-inf"), float("inf"))
        return low <= value <= high and (self.not_below is None or value >= self.not_below)

    def __str__(self) -> str:
        parts = []
        if self.length is not None:
            parts.append(f"{self.length} digits")
        if self.luhn:
            parts.append("a valid check digit")
        if self.range is not None:
            parts.append(f"a value within {self.range[0]:g} and {self.range[1]:g}")
        if self.not_below is not None:
            parts.append(f"a value of at least {self.not_below:g}")
        return " and ".join(parts)


def parse_range(text: str) -> tuple[float, float]:
    """The bounds in "A..B", "A.." or "..B"; RuleError for any other text."""
    number = r"(-?\d+(?:\.\d+)?)?"
    found = re.fullmatch(rf"{number}\.\.{number}", text)
    if not found or not any(found.groups()):
        raise RuleError(f"A range is two numbers such as 0..100, or one such as 12.. or ..99, not {text}.")
    low, high = found.groups()
    return float(low or "-inf"), float(high or "inf")


def luhn_valid(digits: str) -> bool:
    """Whether the last of several digits is the check digit of the others by the Luhn formula."""
    values = [int(digit) for digit in reversed(digits)]
    doubled = [divmod(2 * value, 10) for value in values[1::2]]
    return len(values) > 1 and (sum(values[::2]) + sum(map(sum, doubled))) % 10 == 0
