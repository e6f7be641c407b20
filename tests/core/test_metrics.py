"""The metrics against torchmetrics, scikit-image and torch's own."""

import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch.nn.functional import binary_cross_entropy
from torchmetrics.functional.image import structural_similarity_index_measure

from denoiser import metrics


@pytest.fixture
def pair(tiny_digits):
    """Estimates and clean digits, among them an equal pair and a blank estimate."""
    clean = tiny_digits.floats()[:12]
    x_hat = (clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    x_hat[0], x_hat[1] = clean[0], 0
    return x_hat, clean


def test_psnr_is_that_of_scikit_image_and_infinite_for_equal_pictures(pair):
    found = metrics.psnr(*pair)
    assert found.shape == (12,)
    assert math.isinf(found[0])
    for value, x_hat, clean in zip(found[1:], *(side[1:].numpy() for side in pair), strict=True):
        assert value.item() == pytest.approx(peak_signal_noise_ratio(clean, x_hat, data_range=1), abs=1e-4)


def test_mse_by_hand():
    x_hat = torch.tensor([0.0, 1.0, 0.5, 0.0]).view(1, 1, 2, 2)
    assert metrics.mse(x_hat, torch.zeros(1, 1, 2, 2)).tolist() == [pytest.approx((1 + 0.25) / 4)]


@pytest.mark.parametrize("shape", [(28, 28), (17, 40)])
def test_ssim_is_that_of_torchmetrics(pair, shape):
    x_hat, clean = (torch.nn.functional.interpolate(side, shape).contiguous() for side in pair)
    expected = structural_similarity_index_measure(x_hat, clean, data_range=1.0, sigma=1.5, reduction="none")
    torch.testing.assert_close(metrics.ssim(x_hat, clean), expected.view(-1), atol=2e-6, rtol=0)
    assert metrics.ssim(clean, clean).tolist() == [pytest.approx(1)] * 12


def test_ssim_has_a_gradient_to_train_on(pair):
    x_hat = pair[0].clone().requires_grad_()
    metrics.ssim(x_hat, pair[1]).sum().backward()
    assert bool(torch.isfinite(x_hat.grad).all())
    assert x_hat.grad.abs().sum() > 0


def test_bce_is_torchs_away_from_the_ends_and_clipped_at_them(pair):
    x_hat, clean = pair[0].clamp(0.01, 0.99), pair[1]
    expected = binary_cross_entropy(x_hat, clean, reduction="none").flatten(1).mean(dim=1)
    torch.testing.assert_close(metrics.bce(x_hat, clean), expected)
    ends, wrong = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    assert metrics.bce(ends, ends).item() == pytest.approx(1e-7, rel=0.3)
    assert metrics.bce(ends, wrong).item() == pytest.approx(-math.log(1e-7), rel=0.01)


def test_each_picture_is_measured_on_its_own(pair):
    for name in ("mse", "psnr", "bce", "ssim"):
        whole, single = getattr(metrics, name)(*pair), getattr(metrics, name)(pair[0][3:4], pair[1][3:4])
        torch.testing.assert_close(whole[3:4], single)
