"""What samples say and how good they are, against values computed by hand."""

import math

import pytest
import torch

import denoiser
from denoiser import posterior
from denoiser.checkpoint import CheckpointError
from denoiser.posterior import (
    blend,
    calibration_error,
    calibration_floor,
    coverage,
    decibels_below,
    doubt,
    ink,
    mean,
    pool,
    ranks,
    read_probabilities,
    slant,
    spread_over_error,
    stroke_width,
    vote_calibration,
    votes,
)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def constant(*values: float) -> torch.Tensor:
    """One flat picture (n, 1, 28, 28) for each value."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 28, 28).contiguous()


class TestSummaries:
    """What is shown of samples."""

    def test_mean_and_doubt(self):
        samples = torch.stack([constant(0.0, 0.2), constant(1.0, 0.2)])
        torch.testing.assert_close(mean(samples), constant(0.5, 0.2))
        torch.testing.assert_close(doubt(samples), constant(0.5, 0.0))

    def test_the_line_from_the_mean_to_a_sample(self):
        line = blend(constant(0.5), constant(1.0), [0, 0.5, 1])
        torch.testing.assert_close(line, torch.stack([constant(v) for v in (0.5, 0.75, 1.0)]))

    def test_votes(self):
        shares = votes(torch.tensor([[3, 1], [3, 2], [5, 2], [3, 2]]))
        assert shares.shape == (2, 10)
        assert shares[0].tolist() == [0, 0, 0, 0.75, 0, 0.25, 0, 0, 0, 0]
        assert shares[1, 2] == 0.75

    def test_readings(self):
        class Brightness(torch.nn.Module):
            def forward(self, x):
                return -(x.mean(dim=(1, 2, 3))[:, None] * 10 - torch.arange(10)).abs()

        samples = torch.stack([constant(0.1, 0.3), constant(0.9, 0.2)])
        probabilities = read_probabilities(samples, Brightness())
        assert probabilities.argmax(dim=2).tolist() == [[1, 3], [9, 2]]
        torch.testing.assert_close(probabilities.sum(dim=2), torch.ones(2, 2).double())

    def test_pooled_readings_know_more_than_their_votes(self):
        probabilities = torch.zeros(3, 1, 10).double()
        probabilities[0, 0, 3] = probabilities[1, 0, 3] = 0.51
        probabilities[0, 0, 5] = probabilities[1, 0, 5] = 0.49
        probabilities[2, 0, 5] = 1
        assert votes(probabilities.argmax(dim=2)).argmax().item() == 3
        expected = torch.zeros(1, 10).double()
        expected[0, 3], expected[0, 5] = 1.02 / 3, 1.98 / 3
        torch.testing.assert_close(pool(probabilities), expected)


class TestQuality:
    """Samples that are right get the figures that are right."""

    def test_spread_over_error(self):
        truth, right = normal(400, 1, 28, 28), normal(4, 400, 1, 28, 28, seed=1)
        assert spread_over_error(right, truth) == pytest.approx(1, abs=0.01)
        assert spread_over_error(0.5 * right, truth) == pytest.approx(2 * 0.25 / 1.25, abs=0.01)
        assert spread_over_error(torch.stack([constant(0.0), constant(1.0)]), constant(1.0)) == pytest.approx(2.0)

    def test_decibels_below(self):
        assert decibels_below(constant(0.2), constant(0.1), constant(0.0)) == pytest.approx(
            10 * math.log10(4), abs=1e-4
        )
        truth, samples = normal(400, 1, 28, 28), normal(8, 400, 1, 28, 28, seed=1)
        gap = decibels_below(mean(samples), torch.zeros_like(truth), truth)
        assert gap == pytest.approx(10 * math.log10(1 + 1 / 8), abs=0.02)

    @pytest.mark.parametrize("ink_share", [1.0, 0.1])
    def test_coverage_is_the_share_that_exchangeability_gives(self, ink_share):
        everything = normal(9, 300, 1, 28, 28).sigmoid()
        everything[torch.rand(everything.shape, generator=torch.Generator().manual_seed(1)) > ink_share] = 0
        assert coverage(everything[1:], everything[0]) == pytest.approx(7 / 9, abs=0.01)
        surer = everything[1:].mean(0) + 0.2 * (everything[1:] - everything[1:].mean(0))
        assert coverage(surer, everything[0]) < 0.6

    def test_coverage_by_hand(self):
        samples = torch.stack([constant(0.0, 0.0, 0.4, 0.5), constant(1.0, 0.0, 0.6, 0.5)])
        truth = constant(0.5, 1.0, 0.6, 0.5)  # inside; outside; a tie of two at the end; no difference
        assert coverage(samples, truth) == pytest.approx((1 + 0 + 0.5) / 3)

    def test_ranks(self):
        samples = torch.stack([constant(0.1, 0.5), constant(0.2, 0.6), constant(0.3, 0.7)])
        assert ranks(samples, constant(0.25, 0.9), ink).tolist() == [2, 3]
        truth, right = normal(2000, 1, 4, 4), normal(3, 2000, 1, 4, 4, seed=1)
        counts = torch.bincount(ranks(right, truth, ink), minlength=4)
        assert (counts - 500).abs().max() < 4 * math.sqrt(2000 * 3 / 16)

    def test_calibration_error(self):
        confidence = torch.tensor([0.75] * 4 + [1.0] * 4)
        assert calibration_error(confidence, torch.tensor([1, 1, 1, 0, 1, 1, 1, 1])) == pytest.approx(0)
        assert calibration_error(confidence, torch.tensor([1, 1, 1, 0, 1, 1, 0, 0])) == pytest.approx(0.25)
        assert calibration_error(torch.tensor([0.95, 0.05]), torch.tensor([0, 0])) == pytest.approx(0.5)

    def test_the_floor_of_a_calibration_error_is_what_right_confidences_show(self):
        generator = torch.Generator().manual_seed(3)
        confidence = torch.rand(1000, generator=generator).double() * 0.5 + 0.5
        right = torch.rand(50, 1000, generator=generator) < confidence
        found = sum(calibration_error(confidence, each) for each in right) / 50
        assert calibration_floor(confidence) == pytest.approx(found, rel=0.15)
        assert calibration_floor(confidence[:100]) > 2 * calibration_floor(confidence)
        assert calibration_floor(torch.ones(10)) == 0

    def test_calibration_of_votes(self):
        shares = torch.zeros(4, 10).double()
        shares[:, 3], shares[:, 5] = 0.75, 0.25
        found = vote_calibration(shares, torch.tensor([3, 3, 3, 5]))
        assert found["accuracy"] == found["confidence"] == 0.75
        assert found["calibration_error"] == pytest.approx(0)
        assert found["bins"][7] == [4, 0.75, 0.75]
        assert [count for count, *_ in found["bins"]] == [0] * 7 + [4, 0, 0]
        expected = -(3 * math.log(12.5 / 21) + math.log(4.5 / 21)) / 4
        assert found["nll"] == pytest.approx(expected)


class TestStatistics:
    """What ranks are counted by."""

    def test_of_a_bar(self):
        bar = torch.zeros(1, 1, 28, 28)
        bar[..., 4:24, 10:13] = 1
        assert ink(bar).item() == 60
        assert slant(bar).item() == pytest.approx(0, abs=1e-6)
        assert stroke_width(bar).item() == pytest.approx(2 * 60 / (2 * 20 + 2 * 3), rel=0.05)
        assert stroke_width(constant(0.0)).item() == slant(constant(0.0)).item() == 0

    def test_a_leaning_bar(self):
        rows = torch.arange(4, 24)
        leaning = torch.zeros(1, 1, 28, 28)
        leaning[0, 0, rows, 20 - rows // 2] = 1  # right by one pixel where it rises by two
        assert slant(leaning).item() == pytest.approx(0.5, abs=0.02)
        assert slant(leaning.flip(-1)).item() == pytest.approx(-0.5, abs=0.02)


class TestPublicNames:
    """What scripts call."""

    def test_the_baseline_needs_no_training(self):
        assert denoiser.possible_originals is posterior.possible_originals
        noisy = torch.rand(1, 1, 28, 28)
        samples = denoiser.possible_originals(noisy, 2, steps=2, name=posterior.BASELINE)
        assert samples.shape == (2, 1, 1, 28, 28)
        assert denoiser.dream(2, steps=2, name=posterior.BASELINE).shape == (2, 1, 28, 28)
        known = torch.rand(1, 1, 28, 28) > 0.5
        assert denoiser.complete(noisy, known, 2, steps=2, name=posterior.BASELINE)[0][known].equal(noisy[known])

    def test_what_does_not_sample_is_refused(self):
        with pytest.raises(CheckpointError, match="'unet' does not sample"):
            posterior.load_sampler("unet")

    def test_the_baseline_stands_in_for_a_sampler_that_is_missing(self, monkeypatch):
        def missing(name, device="cpu"):
            if name == posterior.SAMPLER:
                raise CheckpointError("there is none")
            return name

        monkeypatch.setattr(posterior, "load_sampler", missing)
        assert posterior.find_sampler() == (posterior.BASELINE, posterior.BASELINE)
        monkeypatch.setattr(posterior, "load_sampler", lambda name, device="cpu": name)
        assert posterior.find_sampler() == (posterior.SAMPLER, posterior.SAMPLER)
