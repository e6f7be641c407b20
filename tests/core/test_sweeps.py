"""Comparisons are fair: the same digit, the same noise, figures of what is shown."""

import math

import pytest
import torch
from torch import nn

from denoiser import metrics, sweeps
from denoiser.checkpoint import CheckpointError, list_models, load_model
from denoiser.models import build
from denoiser.noise import NOISES, add_noise, draw_noise
from denoiser.recipes import RECIPES
from denoiser.sweeps import NOISE_FACTORS, NOISY, Comparison, breaking_point, breaking_points, compare, sweep

FACTORS = (0.0, 0.3, 0.7, 1.0)


class Spy(nn.Module):
    """Keeps what it is shown; gives it back stretched beyond [0, 1]."""

    def __init__(self):
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def forward(self, x):
        self.seen.append(x.clone())
        return 3 * x - 1


@pytest.fixture(scope="module")
def x(tiny_digits):
    return tiny_digits[3:4].floats()


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    built = {name: build("dense", {"widths": (width,)}) for name, width in (("wide", 64), ("narrow", 4))}
    return {name: model.eval() for name, model in built.items()}


@pytest.fixture(scope="module")
def referee():
    torch.manual_seed(0)
    recipe = next(recipe for recipe in RECIPES.values() if recipe.task == "read")
    return build(recipe.network, recipe.settings).eval()


@pytest.mark.parametrize("kind", NOISES)
def test_a_sweep_is_a_comparison_at_each_factor(kind, x, models, referee):
    whole = sweep(x, models, kind, 5, FACTORS, referee)
    assert whole.factors == FACTORS
    for place, factor in enumerate(FACTORS):
        one = compare(x, models, kind, factor, 5, referee)
        assert one.factors == (factor,)
        assert one.names == whole.names == (NOISY, "wide", "narrow")
        for part in ("pictures", "psnr", "ssim", "readings"):
            expected = getattr(whole, part)[:, place : place + 1]
            torch.testing.assert_close(getattr(one, part), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one.clean_reading, whole.clean_reading, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", NOISES)
def test_the_noisy_row_is_the_digit_with_the_seed_s_noise(kind, x, models):
    result = sweep(x, models, kind, 5, FACTORS)
    field = draw_noise(kind, x.shape, 5)
    for place, factor in enumerate(FACTORS):
        assert torch.equal(result.pictures[0, place], add_noise(x, field, factor)[0, 0])
    assert torch.equal(result.clean, x[0, 0])
    assert not torch.equal(sweep(x, models, kind, 6, FACTORS).pictures[0, 1:], result.pictures[0, 1:])


def test_all_models_see_the_same_noise_once(x):
    first, second = Spy(), Spy()
    result = sweep(x, {"first": first, "second": second}, "gaussian", 5, FACTORS)
    assert len(first.seen) == len(second.seen) == 1  # the whole sweep in one batch
    assert torch.equal(first.seen[0], second.seen[0])
    assert torch.equal(first.seen[0][:, 0], result.pictures[0])


def test_the_field_does_not_change_as_the_factor_grows(x):
    noisy = sweep(torch.full_like(x, 0.5), {}, "gaussian", 5, (0.05, 0.1)).pictures[0] - 0.5
    torch.testing.assert_close(noisy[1], 2 * noisy[0], rtol=1e-4, atol=1e-6)


def test_at_factor_0_the_noisy_row_is_the_digit_itself(x, models):
    result = compare(x, models, "gaussian", 0.0, 5)
    assert torch.equal(result.pictures[0, 0], x[0, 0])
    assert result.psnr[0, 0] == math.inf
    assert result.ssim[0, 0].item() == pytest.approx(1)
    assert bool(torch.isfinite(result.psnr[1:]).all())


def test_figures_are_those_of_the_pictures_shown(x, models):
    result = sweep(x, {**models, "spy": Spy()}, "speckle", 5, FACTORS)
    rows, columns = len(result.names), len(FACTORS)
    assert result.pictures.shape == (rows, columns, 28, 28)
    assert result.pictures.aminmax() == (0, 1)  # also of the row whose model goes beyond
    for row in range(rows):
        shown = result.pictures[row].unsqueeze(1)
        target = x.expand_as(shown)
        torch.testing.assert_close(result.psnr[row], metrics.psnr(shown, target))
        torch.testing.assert_close(result.ssim[row], metrics.ssim(shown, target))


def test_a_metric_that_is_listed_is_a_figure_of_every_comparison(x, models, monkeypatch):
    def mae(x_hat, clean):
        return (x_hat - clean).abs().flatten(1).mean(dim=1)

    monkeypatch.setitem(metrics.METRICS, "mae", metrics.Metric("MAE", "", 3, False, mae))
    monkeypatch.setattr(sweeps, "CARD_METRICS", (*metrics.CARD_METRICS, "mae"))
    result = sweep(x, models, "gaussian", 5, FACTORS)
    assert list(result.figures) == ["psnr", "ssim", "mae"]
    torch.testing.assert_close(result.figures["mae"][1], mae(result.pictures[1].unsqueeze(1), x.expand(4, -1, -1, -1)))


@torch.inference_mode()
def test_rows_are_the_models_own_output(x, models):
    result = sweep(x, models, "gaussian", 5, FACTORS)
    for row, name in enumerate(result.names[1:], start=1):
        expected = models[name](result.pictures[0].unsqueeze(1))[:, 0]
        torch.testing.assert_close(result.pictures[row], expected)


@torch.inference_mode()
def test_readings_are_the_referee_s_of_the_pictures_shown(x, models, referee):
    result = sweep(x, models, "gaussian", 5, FACTORS, referee)
    for row in range(len(result.names)):
        expected = referee(result.pictures[row].unsqueeze(1)).softmax(dim=1)
        torch.testing.assert_close(result.readings[row], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result.clean_reading, referee(x)[0].softmax(dim=0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result.readings.sum(dim=-1), torch.ones(3, 4))


def test_without_a_reference_there_are_no_figures_but_readings(x, models, referee):
    for result in (
        sweep(x, models, "gaussian", 5, FACTORS, referee, reference=False),
        compare(x, models, "gaussian", 0.3, 5, referee, reference=False),
    ):
        assert result.psnr is None
        assert result.ssim is None
        assert result.readings is not None
        assert result.pictures.shape[:2] == (3, len(result.factors))


def test_without_a_referee_there_are_no_readings(x, models):
    result = sweep(x, models, "gaussian", 5, FACTORS)
    assert result.readings is None
    assert result.clean_reading is None
    assert breaking_point(result, 0) is None


def test_without_models_the_noisy_row_is_left(x):
    assert sweep(x, {}, "gaussian", 5, FACTORS).names == (NOISY,)


def test_the_noise_factors_go_from_0_to_1_in_steps_of_a_twentieth(x):
    result = sweep(x, {}, "gaussian", 5)
    assert result.factors == NOISE_FACTORS
    assert pytest.approx([step * 0.05 for step in range(21)]) == NOISE_FACTORS


def test_an_unknown_kind_is_named(x, models):
    with pytest.raises(ValueError, match="unknown noise kind 'rain'"):
        sweep(x, models, "rain", 5, FACTORS)


def hand_made(clean: int, *rows: list[int], factors=FACTORS) -> Comparison:
    """A comparison of which only the readings matter: the digit that each row reads as at each factor."""
    sure = torch.eye(10) * 0.8 + 0.02
    return Comparison(
        names=(NOISY, *(f"model {i}" for i in range(1, len(rows)))),
        factors=tuple(factors),
        clean=torch.zeros(28, 28),
        pictures=torch.zeros(len(rows), len(factors), 28, 28),
        figures=None,
        readings=sure[torch.tensor(rows)],
        clean_reading=sure[clean],
    )


class TestBreakingPoint:
    """The smallest noise factor at which a row reads as another digit."""

    @pytest.mark.parametrize(
        ("reads", "expected"),
        [
            ([7, 7, 7, 7], None),
            ([7, 7, 7, 1], 1.0),
            ([7, 7, 9, 1], 0.7),
            ([7, 1, 7, 7], 0.3),  # it reads it again later, but was wrong before
            ([1, 1, 1, 1], 0.0),
        ],
    )
    def test_of_one_row(self, reads, expected):
        assert breaking_point(hand_made(7, reads), 0) == expected

    def test_each_row_has_its_own(self):
        result = hand_made(3, [3, 8, 8, 8], [3, 3, 3, 3], [3, 3, 5, 3])
        assert [breaking_point(result, row) for row in range(3)] == [0.3, None, 0.7]
        assert breaking_points(result) == [0.3, None, 0.7]

    def test_against_what_the_digit_itself_reads_as(self):
        # The digit may be misread from the start: what counts is whether noise changes the reading.
        assert breaking_point(hand_made(4, [4, 4, 4, 4]), 0) is None

    def test_the_smallest_in_whatever_order(self):
        assert breaking_point(hand_made(7, [1, 7, 1, 7], factors=(1.0, 0.7, 0.3, 0.0)), 0) == 0.3


def test_models_can_be_given_by_name(tiny_digits):
    x = tiny_digits.floats()[:1]
    names = list_models()[:2]
    by_name = compare(x, names, "gaussian", 0.5, 3)
    by_model = compare(x, {name: load_model(name)[0] for name in names}, "gaussian", 0.5, 3)
    assert by_name.names == by_model.names == ("noisy", *names)
    assert torch.equal(by_name.pictures, by_model.pictures)
    with pytest.raises(CheckpointError, match="no-such-model"):
        compare(x, ["no-such-model"], "gaussian", 0.5, 3)
