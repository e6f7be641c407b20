"""The digits that the pages show: of MNIST's test set where it is present, else our own ten examples."""

from functools import cache

import torch
from torch import Tensor

from ...data import Digits, has_mnist, load_mnist
from ...data.examples import EXAMPLES
from ...evaluation import SPECTRUM_DIGITS
from ...ink import digit_from_strokes
from ..i18n import Text, translatable
from ..wire import encode_pixels


def example_digits() -> dict[str, dict]:
    """Our own examples, ten digits and a letter, by name: their strokes and their fitted pictures."""
    return {
        name: {"strokes": strokes, "pixels": encode_pixels(digit_from_strokes(strokes))}
        for name, strokes in EXAMPLES.items()
    }


@cache
def mnist_test() -> Digits | None:
    """MNIST's test set where it is present, else None: the page downloads nothing."""
    return load_mnist("test") if has_mnist() else None


@cache
def own_digits() -> Tensor:
    """Our own ten digits (10, 1, 28, 28) in [0, 1], drawn as strokes."""
    return torch.cat([digit_from_strokes(EXAMPLES[str(digit)]) for digit in range(10)])


def ten_digits(turn: int) -> tuple[Tensor, Text]:
    """The turn-th test digit of each class, or our own ten, (10, 1, 28, 28) in [0, 1], and where they come from."""
    digits = mnist_test()
    if digits is None:
        return own_digits(), translatable("digits.own")
    of_class = [(digits.labels == label).nonzero().flatten() for label in range(10)]
    return digits[torch.stack([index[turn % len(index)] for index in of_class])].floats(), translatable("digits.mnist")


def many_digits() -> Tensor:
    """SPECTRUM_DIGITS digits, enough for a smooth spectrum: of the test set, or our own, repeated."""
    digits = mnist_test()
    if digits is not None:
        return digits[:SPECTRUM_DIGITS].floats()
    own = own_digits()
    return own.repeat(SPECTRUM_DIGITS // len(own), 1, 1, 1)
