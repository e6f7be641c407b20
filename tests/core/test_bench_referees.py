"""The fast referee stands in for the one it learned from; the reader of clean digits shows what denoising is worth."""

import math

import pytest
import torch

from denoiser.bench import referees
from denoiser.checkpoint import load_checkpoint, load_model
from denoiser.noise import add_noise, draw_noise
from denoiser.referee import CLEAN_READER, FAST_REFEREE, REFEREE


@pytest.mark.slow
def test_the_benchmark_of_the_referees(tiny_digits, capsys):
    figures = referees.measure(tiny_digits)
    old, fast, clean = (figures["referees"][name] for name in (REFEREE, FAST_REFEREE, CLEAN_READER))
    assert fast["operations"] <= old["operations"] / 5
    for found in (old, fast, clean):
        assert found["clean"][0] >= 0.5
        assert all(
            0 <= right <= 1 and math.isfinite(error)
            for key in ("noisy", "denoised")
            for kind in found[key].values()
            for right, error in kind.values()
        )
    referees.show(figures)
    assert "gaussian 0.5, by unet" in capsys.readouterr().out


@pytest.mark.slow
def test_the_fast_referee_reads_test_digits(mnist_test):
    right, error = referees.judge(load_checkpoint(FAST_REFEREE)[0], mnist_test.floats(), mnist_test.labels)
    assert right >= 0.996
    assert error <= 0.01


@pytest.mark.slow
def test_denoising_helps_a_reader_that_never_saw_noise(mnist_test):
    digits, reader = mnist_test[:500], load_checkpoint(CLEAN_READER)[0]
    clean = digits.floats()
    noisy = add_noise(clean, draw_noise("gaussian", clean.shape, range(len(digits))), 0.5)
    with torch.inference_mode():
        denoised = load_model("unet")[0](noisy).clamp(0, 1)
    on_clean, on_noisy, on_denoised = (
        referees.judge(reader, pictures, digits.labels)[0] for pictures in (clean, noisy, denoised)
    )
    assert on_clean >= 0.98
    assert on_noisy < on_denoised - 0.1
