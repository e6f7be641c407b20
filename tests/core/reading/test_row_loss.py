"""The loss of whole rows: the right readings among all that a row's pieces allow."""

import math

import numpy as np
import pytest
import torch

from denoiser.reading.lattice import Lattice, read_row
from denoiser.reading.network import CLASSES, FRAGMENT, HYPHEN, OTHER, POINT
from denoiser.reading.row_loss import row_losses
from denoiser.reading.rules import Rules

RUNS = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)]
WHOLE = [False, False, False, False, True]


def scores_of(likely):
    """Log-probabilities (N, CLASSES) in which each segment has likely classes with probabilities; others are rare."""
    table = torch.full((len(likely), CLASSES), 1e-9)
    for segment, classes in enumerate(likely):
        for name, probability in classes.items():
            table[segment, name] = probability
    return table.log()


# Three pieces: [0][1][2] as 1 1 7, [0 1][2] as 4 7, [0][1 2] as 1 9
SCORES = scores_of([{1: 0.5, FRAGMENT: 0.5}, {4: 0.6, FRAGMENT: 0.4}, {1: 0.2, FRAGMENT: 0.8}, {9: 0.3}, {7: 0.9}])
ARGUMENTS = torch.tensor(RUNS), torch.tensor(WHOLE), torch.zeros(5, dtype=torch.int64), torch.tensor([3])


def test_the_loss_is_that_of_the_right_reading_among_all():
    classes = torch.tensor([FRAGMENT, 4, FRAGMENT, FRAGMENT, 7])
    paths = {"117": 0.5 * 0.2 * 0.9, "47": 0.6 * 0.9, "19": 0.5 * 0.3}
    expected = -math.log(paths["47"] / sum(paths.values()))
    assert row_losses(SCORES, classes, *ARGUMENTS).tolist() == pytest.approx([expected], abs=1e-3)


def test_the_lattice_finds_the_same_share():
    classes = torch.tensor([FRAGMENT, 4, FRAGMENT, FRAGMENT, 7])
    first, last = np.array(RUNS).T
    found = read_row(Lattice(first, last, np.array(WHOLE), SCORES.numpy().astype(np.float64), 3), Rules())
    assert found.hypotheses[0].text == "47"
    loss = row_losses(SCORES, classes, *ARGUMENTS)
    assert math.exp(-loss.item()) == pytest.approx(found.shares[0], abs=1e-3)


def test_a_row_that_no_right_reading_divides_is_left_out():
    classes = torch.tensor([FRAGMENT, 4, FRAGMENT, FRAGMENT, FRAGMENT])
    assert row_losses(SCORES, classes, *ARGUMENTS).tolist() == []


def test_rows_of_different_lengths_have_losses_of_their_own():
    scores = torch.cat((SCORES, scores_of([{3: 0.25, 8: 0.75}])))
    classes = torch.tensor([FRAGMENT, 4, FRAGMENT, FRAGMENT, 7, 3])
    runs, whole, row, _ = ARGUMENTS
    losses = row_losses(
        scores,
        classes,
        torch.cat((runs, torch.tensor([[0, 0]]))),
        torch.cat((whole, torch.tensor([False]))),
        torch.cat((row, torch.tensor([1]))),
        torch.tensor([3, 1]),
    )
    assert losses[0] == pytest.approx(row_losses(SCORES, classes[:5], *ARGUMENTS)[0].item())
    assert losses[1].item() == pytest.approx(-math.log(0.25), abs=1e-3)


def test_only_whole_ink_may_be_something_else():
    """A segment that is OTHER competes as such where it is whole connected ink, and not where it was cut."""
    scores = scores_of([{5: 0.5, OTHER: 0.5}])
    arguments = torch.tensor([[0, 0]]), torch.zeros(1, dtype=torch.int64), torch.tensor([1])
    runs, row, pieces = arguments
    cut = row_losses(scores, torch.tensor([5]), runs, torch.tensor([False]), row, pieces)
    whole = row_losses(scores, torch.tensor([5]), runs, torch.tensor([True]), row, pieces)
    assert cut.item() == pytest.approx(0, abs=1e-3)
    assert whole.item() == pytest.approx(-math.log(0.5 / (0.5 + 0.3 * 0.5)), abs=1e-3)


def test_the_loss_can_be_learned_from():
    scores = SCORES.clone().requires_grad_()
    row_losses(scores, torch.tensor([FRAGMENT, 4, FRAGMENT, FRAGMENT, 7]), *ARGUMENTS).sum().backward()
    assert scores.grad.isfinite().all()
    assert scores.grad[1, 4] < 0 < scores.grad[3, 9]
    assert scores.grad[4, HYPHEN].abs() < 1e-3 > scores.grad[4, POINT].abs()
