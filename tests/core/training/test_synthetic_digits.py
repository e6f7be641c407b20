"""The strokes that stand in for MNIST: digits in other hands, the same for a seed, framed as the pad frames them."""

import pytest
import torch

from denoiser.checkpoint import load_checkpoint
from denoiser.data import split_validation
from denoiser.data.examples import EXAMPLES
from denoiser.data.synthetic_digits import COPIES, make_synthetic_digits, vary_handwriting


@pytest.fixture(scope="module")
def digits():
    return make_synthetic_digits(800)


def test_the_same_seed_writes_the_same_digits(digits):
    again, other = make_synthetic_digits(800), make_synthetic_digits(800, seed=1)
    assert torch.equal(digits.images, again.images)
    assert torch.equal(digits.labels, again.labels)
    assert not torch.equal(digits.images, other.images)


@pytest.mark.parametrize("count", [1, 7, 80, 200])
def test_there_are_as_many_as_asked_for(count):
    digits = make_synthetic_digits(count)
    assert digits.images.shape == (count, 1, 28, 28)
    assert digits.images.dtype == torch.uint8
    assert len(digits.labels) == count


def test_every_class_is_there_as_often(digits):
    assert digits.labels.bincount().tolist() == [80] * 10


def test_no_two_digits_are_alike(digits):
    assert len(torch.unique(digits.images.flatten(1), dim=0)) == len(digits)


def test_a_hand_changes_the_strokes_and_keeps_them_on_the_pad():
    generator = torch.Generator().manual_seed(0)
    for name in "0123456789":
        for _ in range(20):
            written = vary_handwriting(EXAMPLES[name], generator)
            assert written != EXAMPLES[name]
            assert all(-0.5 < value < 1.5 for stroke in written for point in stroke for value in point)


def test_ink_lies_in_the_middle_on_empty_paper(digits):
    ink = digits.floats().flatten(1)
    assert ink.max(dim=1).values.min() > 0.8
    assert 0.04 < ink.mean() < 0.2
    border = torch.ones(28, 28, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert digits.floats()[:, 0, border].mean() < 0.01


def test_the_copies_of_a_hand_stand_together_so_that_held_out_hands_are_not_trained_on(digits):
    hands = digits.labels.view(-1, COPIES)
    assert (hands == hands[:, :1]).all()
    assert len(split_validation(digits)[1]) >= 2 * COPIES


def test_the_referee_reads_them_as_what_they_are(digits):
    referee = load_checkpoint("referee")[0]
    with torch.inference_mode():
        read = referee(digits.floats()).argmax(dim=1)
    assert (read == digits.labels).float().mean() > 0.9
