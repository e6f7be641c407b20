"""Learning from a teacher: a trained classifier whose readings are soft labels."""

from dataclasses import replace

import pytest
import torch
from helpers import short

from denoiser.models import build
from denoiser.recipes import RECIPES
from denoiser.training import Engine, NoisyBatches, TrainingError, fit

STUDENT = replace(
    short(RECIPES["referee-fast"]),
    loss="distillation",
    teacher="referee",
    settings={"width": 4},
    learning_rate=1e-2,
    schedule="constant",
    epochs=20,
)


class Opinionated(torch.nn.Module):
    """A teacher that is sure that every picture is a 7."""

    def forward(self, x):
        assert x.shape[1:] == (1, 28, 28)
        return 20.0 * torch.nn.functional.one_hot(torch.full((len(x),), 7), 10)


def test_a_student_learns_what_its_teacher_reads(tiny_digits):
    digits = replace(tiny_digits, labels=torch.full_like(tiny_digits.labels, 3))
    model, outcome = fit(STUDENT, digits, engine=Engine(), teacher=Opinionated())
    with torch.inference_mode():
        probabilities = model(digits.floats()).softmax(dim=1).mean(dim=0)
    assert probabilities[[3, 7]].tolist() == pytest.approx([0.5, 0.5], abs=0.1)  # labels and teacher count the same
    assert outcome["history"][-1]["validation"] == pytest.approx(0.69, abs=0.1)  # log 2: half of each


def test_the_teacher_reads_the_noisy_pictures_that_the_student_sees(tiny_digits):
    seen = []

    def teacher(noisy):
        seen.append(noisy)
        return torch.full((len(noisy), 10), 0.1)

    batches = NoisyBatches(tiny_digits, STUDENT, teacher)
    batch = batches.batch(torch.arange(5), batches.generator(0))
    assert batch.noisy is seen[0]
    assert batch.soft_labels.shape == (5, 10)
    assert NoisyBatches(tiny_digits, STUDENT).batch(torch.arange(5), batches.generator(0)).soft_labels is None


def test_without_its_teacher_there_is_no_training(tiny_digits):
    with pytest.raises(TrainingError, match="referee-fast learns from referee: train that first"):
        fit(STUDENT, tiny_digits)


def test_the_strided_classifier_takes_a_fifth_of_the_operations():
    from torch.utils.flop_counter import FlopCounterMode

    counts = []
    for network in ("classifier", "classifier_strided"):
        with FlopCounterMode(display=False) as counter:
            build(network, {"width": 32}).eval()(torch.rand(1, 1, 28, 28))
        counts.append(counter.get_total_flops())
    assert counts[1] <= counts[0] / 5
