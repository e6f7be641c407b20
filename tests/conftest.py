"""What all tests share: digits of our own, MNIST where it is, and the names of the trained checkpoints."""

import os
from dataclasses import replace

import pytest
import torch

from denoiser import settings
from denoiser.checkpoint import trained
from denoiser.data import Digits, has_mnist, load_mnist

pytest_plugins = ("web_fixtures", "fake_hub")  # the page and a browser; a Hub on this machine

torch.set_num_threads(1)  # several test processes share the cores
settings.current = replace(settings.current, trainings=1)  # the same on any machine

SEGMENTS = {  # of a seven-segment display: corners as (row, column), in units of half its height
    "a": ((0, 0), (0, 1)),
    "b": ((0, 1), (1, 1)),
    "c": ((1, 1), (2, 1)),
    "d": ((2, 0), (2, 1)),
    "e": ((1, 0), (2, 0)),
    "f": ((0, 0), (1, 0)),
    "g": ((1, 0), (1, 1)),
}
LIT = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def draw_digit(label: int, generator: torch.Generator) -> torch.Tensor:
    """A seven-segment digit as ink in [0, 1] (28, 28), its place, height and pen a little different each time."""
    u = torch.rand(4, generator=generator)
    height, pen = 8 + 2 * u[0], 1.2 + 0.6 * u[1]
    top, left = 4 + 2 * u[2], 8 + 3 * u[3]
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    distance = torch.full((28, 28), torch.inf)
    for name in LIT[label]:
        (r0, c0), (r1, c1) = ((top + height * r, left + height * c) for r, c in SEGMENTS[name])
        along = ((rows - r0) * (r1 - r0) + (columns - c0) * (c1 - c0)) / height**2
        along = along.clamp(0, 1)
        gap = torch.hypot(rows - r0 - along * (r1 - r0), columns - c0 - along * (c1 - c0))
        distance = torch.minimum(distance, gap)
    return (pen - distance + 0.5).clamp(0, 1)


@pytest.fixture(scope="session")
def tiny_digits() -> Digits:
    """60 digits of our own, uint8 (60, 1, 28, 28), the labels 0 to 9 in turn; nothing of MNIST."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 10
    images = torch.stack([draw_digit(int(label), generator) for label in labels])
    return Digits(images.mul(255).round().to(torch.uint8).unsqueeze(1), labels)


def _mnist(split: str) -> Digits:
    if not has_mnist():
        reason = "MNIST is not here: set DENOISER_DATA to the folder that has it in MNIST/raw"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return load_mnist(split)


@pytest.fixture(scope="session")
def mnist_test() -> Digits:
    """MNIST's 10,000 test digits; skips without them, fails where CI is set."""
    return _mnist("test")


@pytest.fixture(scope="session")
def mnist_train() -> Digits:
    """MNIST's 60,000 training digits; skips without them, fails where CI is set."""
    return _mnist("train")


@pytest.fixture
def configure(monkeypatch):
    """A function that changes settings until the test ends."""

    def change(**values):
        monkeypatch.setattr(settings, "current", replace(settings.current, **values))

    return change


@pytest.fixture(scope="session")
def checkpoint_names() -> list[str]:
    """Names of all trained checkpoints, the referee among them."""
    return trained()
