"""The fast referee stands in for the one it learned from."""

import math

import pytest

from denoiser.bench import referees
from denoiser.checkpoint import load_checkpoint
from denoiser.referee import FAST_REFEREE, REFEREE


def test_the_benchmark_of_the_referees(tiny_digits, capsys):
    figures = referees.measure(tiny_digits)
    old, fast = (figures["referees"][name] for name in (REFEREE, FAST_REFEREE))
    assert fast["operations"] <= old["operations"] / 5
    for found in (old, fast):
        assert found["clean"][0] >= 0.5
        assert all(
            0 <= right <= 1 and math.isfinite(error)
            for kind in found["noisy"].values()
            for right, error in kind.values()
        )
    referees.show(figures)
    assert "gaussian 0.5" in capsys.readouterr().out


@pytest.mark.slow
def test_the_fast_referee_reads_test_digits(mnist_test):
    right, error = referees.judge(load_checkpoint(FAST_REFEREE)[0], mnist_test.floats(), mnist_test.labels)
    assert right >= 0.996
    assert error <= 0.01
