"""The classical filters: the models' contract, and their parts against scikit-image and scipy."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import restoration

from denoiser import filters, list_models, load_model
from denoiser.filters import FILTERS, KNOTS
from denoiser.metrics import mse
from denoiser.noise import NOISES, add_noise, draw_noise
from denoiser.sweeps import NOISE_FACTORS

every_filter = pytest.mark.parametrize("name", FILTERS)


@pytest.fixture
def clean(tiny_digits):
    return tiny_digits.floats()[:20]


def noisy(clean, kind="gaussian", factor=0.5):
    return add_noise(clean, draw_noise(kind, clean.shape, range(len(clean))), factor)


@every_filter
def test_a_filter_is_a_model_that_is_listed_and_loaded(name, clean):
    assert name in list_models()
    model, record = load_model(name)
    assert record.recipe.name == name
    assert record.recipe.family == "filter"
    assert record.oracle is False
    y = noisy(clean)
    before = y.clone()
    with torch.inference_mode():
        x_hat = model(y)
    assert torch.equal(y, before)
    assert x_hat.shape == y.shape
    assert x_hat.dtype == torch.float32
    assert 0 <= x_hat.min() <= x_hat.max() <= 1
    torch.testing.assert_close(model(y[3:4]), x_hat[3:4], atol=1e-5, rtol=1e-4)


@every_filter
@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0])
def test_a_filter_lowers_the_error_by_much(name, factor, clean):
    y = noisy(clean, factor=factor)
    assert mse(FILTERS[name].build()(y), clean).mean() < 0.6 * mse(y, clean).mean()


@every_filter
def test_a_filter_takes_the_ladder_of_a_page_other_sizes_and_pictures_of_one_tone(name, clean):
    model = FILTERS[name].build()
    ladder = clean[:1].expand(len(NOISE_FACTORS), -1, -1, -1)
    factors = torch.tensor(NOISE_FACTORS).view(-1, 1, 1, 1)
    ladder = add_noise(ladder, draw_noise("gaussian", (1, 1, 28, 28), 0), factors)
    assert bool(torch.isfinite(model(ladder)).all())
    assert mse(model(ladder)[:1], clean[:1]).item() < 2e-3  # no noise at factor 0: next to nothing to do
    for shape in ((2, 1, 40, 28), (1, 1, 31, 45)):
        assert model(torch.rand(shape)).shape == shape
    for tone in (0.0, 0.5, 1.0):
        assert bool(torch.isfinite(model(torch.full((2, 1, 28, 28), tone))).all())


@every_filter
def test_the_oracle_is_marked_not_listed_and_no_worse(name, clean):
    record = FILTERS[name].record(oracle=True)
    assert record.oracle is True
    assert record.recipe.name == f"{name}-oracle"
    assert f"{name}-oracle" not in list_models()
    told = blind = 0.0
    for kind in filters.table()["filters"][name]:
        for factor in (0.25, 0.5, 1.0):
            y = noisy(clean, kind, factor)
            told += mse(FILTERS[name].tuned(kind, factor)(y), clean).mean().item()
            blind += mse(FILTERS[name].build()(y), clean).mean().item()
    assert told < 1.05 * blind


@every_filter
def test_the_table_holds_every_noise_kind_and_leaves_clean_pictures_alone(name, clean):
    rows = filters.table()["filters"][name]
    assert set(rows) == set(NOISES), "run denoiser tune"
    assert all(len(of_kind) == len(KNOTS) for of_kind in rows.values())
    assert filters.table()["knots"] == list(KNOTS)
    for kind in NOISES:
        torch.testing.assert_close(FILTERS[name].tuned(kind, 0.0)(clean), clean, atol=1e-5, rtol=0)


def test_the_noise_factor_is_found_in_the_picture(clean):
    model = FILTERS["median"].build()
    found = [model.estimate(noisy(clean, factor=f)).mean().item() for f in (0.1, 0.25, 0.5, 0.7)]
    assert found == pytest.approx([0.1, 0.25, 0.5, 0.7], rel=0.2)
    assert model.estimate(clean).max() < 0.1
    assert model.estimate(noisy(clean, "poisson", 0.7)).mean() > 0.1  # noise that leaves the paper clean is seen too


def test_sigma_is_that_of_scikit_image():
    x = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    expected = [restoration.estimate_sigma(picture) for picture in x[:, 0].numpy()]
    assert filters.estimate_sigma(x).tolist() == pytest.approx(expected, rel=1e-4)


def test_median_is_scipys_and_blends_between_sizes(clean):
    y = noisy(clean)[:3]
    out = filters.median(y, torch.tensor([0.0, 1.0, 2.0]))
    assert torch.equal(out[0], y[0])
    for place, size in ((1, 3), (2, 5)):
        np.testing.assert_array_equal(out[place, 0], ndimage.median_filter(y[place, 0].numpy(), size, mode="nearest"))
    low, middle, high = (filters.median(y[:1], torch.tensor([s])) for s in (1.0, 1.25, 2.0))
    torch.testing.assert_close(middle, 0.75 * low + 0.25 * high)


def test_gaussian_blur_is_scipys(clean):
    y = noisy(clean)[:4]
    out = filters.gaussian(y, torch.tensor([0.0, 0.5, 1.0, 2.5]))
    torch.testing.assert_close(out[0], y[0])
    for place, sigma in ((1, 0.5), (2, 1.0), (3, 2.5)):
        expected = ndimage.gaussian_filter(y[place, 0].numpy(), sigma, mode="nearest")
        np.testing.assert_allclose(out[place, 0], expected, atol=1e-6)


def test_total_variation_and_nonlocal_means_are_scikit_images(clean):
    y = noisy(clean)[:2]
    expected = restoration.denoise_tv_chambolle(y[1, 0].numpy(), weight=0.3)
    np.testing.assert_allclose(filters.total_variation(y, torch.tensor([0.0, 0.3]))[1, 0], expected, atol=1e-6)
    expected = restoration.denoise_nl_means(y[1, 0].numpy(), patch_size=5, patch_distance=5, h=0.3)
    out = filters.nonlocal_means(y, torch.tensor([0.0, 0.3]))
    np.testing.assert_allclose(out[1, 0], expected, atol=1e-6)
    assert torch.equal(out[0], y[0])


def test_wavelet_without_shifts_is_scikit_images(clean, monkeypatch):
    y = noisy(clean)[:3]
    monkeypatch.setattr(filters, "SHIFTS", 1)
    out = filters.wavelet(y, torch.full((3,), 0.2))
    for place in range(3):
        expected = restoration.denoise_wavelet(y[place, 0].numpy(), sigma=0.2, wavelet="haar", wavelet_levels=2)
        np.testing.assert_allclose(out[place, 0], expected, atol=1e-5)


def test_levels_undo_a_gain_and_an_offset(clean):
    gain, offset = filters.levels(0.5 * clean + 0.2, clean)
    assert (gain, offset) == (pytest.approx(2, abs=1e-3), pytest.approx(-0.4, abs=1e-3))
    assert filters.levels(torch.full_like(clean, 0.3), clean)[0] == 1


def test_interpolation_hits_the_knots_is_linear_and_ends_flat():
    at = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0, 9.0])
    assert filters.interpolate(at, (0.0, 1.0, 2.0), (0.0, 10.0, 40.0)).tolist() == [0, 0, 5, 10, 40, 40]


def test_tuning_finds_what_the_table_needs_and_better_than_nothing(clean, monkeypatch):
    monkeypatch.setattr(filters, "FILTERS", {name: FILTERS[name] for name in ("median", "gaussian")})
    found = filters.tune(clean)
    assert set(found["filters"]) == {"median", "gaussian"}
    assert found["sigma"] == sorted(found["sigma"])
    assert all(row[0] > 0 for row in found["filters"]["gaussian"]["gaussian"][4:])


def test_importing_the_filters_imports_no_scikit_image_scipy_or_pywavelets():
    program = (
        "import sys, denoiser, denoiser.filters, denoiser.evaluation, denoiser.cli.train;"
        "sys.exit(' '.join({'skimage', 'scipy', 'pywt', 'torchvision', 'torchmetrics', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
