"""Every noise kind: its moments, its seeds, its one dial."""

import numpy as np
import pytest
import torch
from scipy.stats import poisson

from denoiser.noise import EXACT_RATE, NOISES, add_noise, draw_noise, hidden_square

SHAPE = (64, 1, 28, 28)
LADDER = (0.05, 0.1, 0.25, 0.4, 0.5, 0.7, 0.85, 1.0)
every_kind = pytest.mark.parametrize("kind", NOISES)


def grey(value: float) -> torch.Tensor:
    return torch.full(SHAPE, value)


@every_kind
def test_equal_seeds_give_equal_fields_and_unequal_ones_do_not(kind):
    one, same, other = (draw_noise(kind, SHAPE, seed).values for seed in (3, 3, 4))
    assert one.shape == SHAPE
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@every_kind
def test_each_pictures_own_seed_gives_it_the_same_noise_in_any_batch(kind):
    batch = draw_noise(kind, (3, 1, 28, 28), [5, 6, 5]).values
    alone = draw_noise(kind, (1, 1, 28, 28), [6]).values
    assert torch.equal(batch[1:2], alone)
    assert torch.equal(batch[0], batch[2])
    assert not torch.equal(batch[0], batch[1])
    with pytest.raises(ValueError, match="2 seeds for 3 pictures"):
        draw_noise(kind, (3, 1, 28, 28), [5, 6])


@every_kind
def test_a_generator_goes_on_instead_of_starting_again(kind):
    generator = torch.Generator().manual_seed(3)
    first, second = (draw_noise(kind, SHAPE, generator).values for _ in range(2))
    assert torch.equal(first, draw_noise(kind, SHAPE, 3).values)
    assert not torch.equal(first, second)


def test_an_unknown_kind_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown noise kind 'fog'.*gaussian.*block-out"):
        draw_noise("fog", SHAPE, 0)


@every_kind
def test_factor_0_returns_the_picture_itself(kind, tiny_digits):
    x = tiny_digits.floats()
    field = draw_noise(kind, x.shape, 0)
    assert torch.equal(add_noise(x, field, 0), x)
    assert torch.equal(add_noise(x, field, 0.0), x)
    assert torch.equal(add_noise(x, field, torch.zeros(len(x), 1, 1, 1)), x)


@every_kind
@pytest.mark.parametrize("factor", LADDER)
def test_the_noisy_picture_stays_within_0_and_1_and_the_clean_one_as_it_was(kind, factor, tiny_digits):
    x = tiny_digits.floats()
    before = x.clone()
    noisy = add_noise(x, draw_noise(kind, x.shape, 0), factor)
    assert noisy.shape == x.shape
    assert noisy.dtype == x.dtype
    assert bool(torch.isfinite(noisy).all())
    assert 0 <= noisy.min() <= noisy.max() <= 1
    assert torch.equal(x, before)


@every_kind
def test_mean_distortion_grows_with_the_factor(kind, tiny_digits):
    x = tiny_digits.floats()
    field = draw_noise(kind, x.shape, 0)
    errors = [(add_noise(x, field, f) - x).square().mean().item() for f in (0, *LADDER)]
    assert errors == sorted(errors)
    assert errors[1] > 0
    assert errors[-1] > 10 * errors[1]


@every_kind
def test_a_tensor_of_factors_is_each_factor_on_its_own_picture(kind, tiny_digits):
    x = tiny_digits.floats()[:4]
    field = draw_noise(kind, x.shape, 0)
    factors = (0.0, 0.1, 0.5, 1.0)
    together = add_noise(x, field, torch.tensor(factors).view(-1, 1, 1, 1))
    for place, factor in enumerate(factors):
        torch.testing.assert_close(together[place], add_noise(x, field, factor)[place])


def test_gaussian_is_x_plus_f_times_a_standard_normal():
    field = draw_noise("gaussian", SHAPE, 0)
    assert field.values.mean().item() == pytest.approx(0, abs=0.02)
    assert field.values.std().item() == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(add_noise(grey(0.5), field, 0.1), (0.5 + 0.1 * field.values).clamp(0, 1))


def test_salt_and_pepper_takes_a_share_of_the_pixels_nested_and_half_of_them_white():
    field = draw_noise("salt-and-pepper", SHAPE, 0)
    lost_before = torch.zeros(SHAPE, dtype=torch.bool)
    for factor in LADDER:
        noisy = add_noise(grey(0.5), field, factor)
        lost = noisy != 0.5
        assert lost.float().mean().item() == pytest.approx(0.7 * factor, abs=0.01)
        assert noisy[lost].unique().tolist() == [0, 1]
        assert noisy[lost].mean().item() == pytest.approx(0.5, abs=0.03)
        assert bool((lost >= lost_before).all())
        lost_before = lost


def test_speckle_flickers_in_proportion_to_the_ink_and_leaves_the_paper_clean():
    field = draw_noise("speckle", SHAPE, 0)
    relative = add_noise(grey(0.4), field, 0.1) / 0.4
    assert relative.mean().item() == pytest.approx(1, abs=0.01)
    assert relative.std().item() == pytest.approx(0.15, abs=0.005)
    assert not add_noise(grey(0.0), field, 1.0).any()


def test_poisson_has_the_moments_of_counted_photons_and_leaves_the_paper_clean():
    field = draw_noise("poisson", SHAPE, 0)
    noisy = add_noise(grey(0.3), field, 0.2)  # 7.5 photons; one is worth 0.04
    assert noisy.mean().item() == pytest.approx(0.3, abs=0.003)
    assert noisy.var().item() == pytest.approx(0.3 * 0.2**2, rel=0.05)
    torch.testing.assert_close(noisy / 0.04, (noisy / 0.04).round())
    assert not add_noise(grey(0.0), field, 1.0).any()


@pytest.mark.parametrize("rate", [0.05, 0.7, 3.0, 20.0, EXACT_RATE])
def test_poisson_counts_are_the_quantiles_of_the_field(rate):
    field = draw_noise("poisson", SHAPE, 0)
    f = torch.tensor(0.1)
    count = NOISES["poisson"].apply(grey(rate * 0.01), field.values, f).numpy() / 0.01
    expected = poisson.ppf(field.values.numpy(), rate)
    assert np.mean(np.rint(count) != expected) < 1e-3  # float32 sums may fall on the other side of a step


@pytest.mark.parametrize("rate", [80.0, 400.0, 10_000.0])
def test_many_photons_are_counted_within_one_of_the_quantiles(rate):
    field = draw_noise("poisson", SHAPE, 0)
    count = NOISES["poisson"].apply(grey(1.0), field.values, torch.tensor(rate**-0.5)).numpy() * rate
    difference = np.rint(count) - poisson.ppf(field.values.numpy(), rate)
    assert np.abs(difference).max() <= 1
    assert np.abs(difference).mean() < 0.05


@every_kind
def test_the_hidden_square_is_where_block_out_takes_the_ink(kind):
    field, full = draw_noise(kind, (1, 1, 28, 28), 4), torch.ones(1, 1, 28, 28)
    assert hidden_square(field, 0) is None
    if kind != "block-out":
        assert hidden_square(field, 0.5) is None
        return
    for factor in LADDER:
        square = hidden_square(field, factor)
        taken = add_noise(full, field, factor)[0, 0] < 0.5
        if square is None:
            assert not taken.any()
            continue
        top, left, bottom, right = square
        assert taken[top:bottom, left:right].all()
        assert taken.sum() == (bottom - top) * (right - left)


def test_block_out_takes_a_square_of_side_16_f_and_nothing_else():
    field = draw_noise("block-out", SHAPE, 0)
    for factor in (0.25, 0.5, 1.0):
        missing = 1 - add_noise(grey(1.0), field, factor)
        area = missing.flatten(1).sum(dim=1)
        assert area.max().item() == pytest.approx((16 * factor) ** 2, rel=0.25)
        rows, columns = (missing.amax(dim=axis).squeeze(1).gt(0.5).sum(dim=1) for axis in (3, 2))
        assert rows.max() <= 16 * factor + 1
        assert columns.max() <= 16 * factor + 1
    wiped = add_noise(grey(1.0), field, 0.5) == 0
    assert bool((wiped <= (add_noise(grey(1.0), field, 1.0) == 0)).all())


@pytest.mark.gpu
def test_a_field_follows_its_device_and_seeds_mean_the_same_everywhere():
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    for kind in NOISES:
        assert torch.equal(draw_noise(kind, SHAPE, 1, "cuda").values.cpu(), draw_noise(kind, SHAPE, 1).values)
