"""The formulas, against other implementations of them."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from denoiser import metrics
from denoiser.losses import BCE_WEIGHT, LOSSES, PENALTIES, gaussian_kl


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, 1, 28, 28, generator=generator)
    return logits.requires_grad_(), torch.rand(4, 1, 28, 28, generator=generator)


def test_bce_is_cross_entropy_of_the_sigmoid_in_nats_per_pixel(pair):
    logits, clean = pair
    torch.testing.assert_close(LOSSES["bce"](logits, clean), F.binary_cross_entropy(torch.sigmoid(logits), clean))


def test_bce_stays_finite_where_the_sigmoid_saturates():
    logits = torch.tensor([[-200.0, 200.0]], requires_grad=True)
    loss = LOSSES["bce"](logits, torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(200)
    loss.backward()
    assert logits.grad.tolist() == [[-0.5, 0.5]]  # where clipped probabilities would have none


def test_mse_is_of_the_picture_not_of_the_logits(pair):
    logits, clean = pair
    expected = (1 / (1 + (-logits).exp()) - clean).pow(2).mean()
    torch.testing.assert_close(LOSSES["mse"](logits, clean), expected)


def test_ssim_is_one_minus_that_of_the_metrics(pair):
    logits, clean = pair
    expected = 1 - metrics.ssim(torch.sigmoid(logits), clean).mean()
    torch.testing.assert_close(LOSSES["ssim"](logits, clean), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_scalar_that_falls_when_it_is_followed(name, pair):
    logits, clean = pair
    loss = LOSSES[name](logits, clean)
    assert loss.shape == ()
    (gradient,) = torch.autograd.grad(loss, logits)
    assert bool(torch.isfinite(gradient).all())
    step = 0.1 / gradient.abs().max()
    assert LOSSES[name](logits - step * gradient, clean) < loss


@pytest.mark.parametrize("name", LOSSES)
def test_the_best_picture_is_the_clean_one(name, pair):
    _, clean = pair
    best = LOSSES[name](torch.logit(clean, eps=1e-6), clean)
    entropy = F.binary_cross_entropy(clean, clean).item()
    least = {"bce": entropy, "psnr": BCE_WEIGHT * entropy}.get(name, 0)
    assert best.item() == pytest.approx(least, abs=1e-3)
    assert LOSSES[name](torch.logit(1 - clean, eps=1e-6), clean) > best + 0.1


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_logits_are_judged_in_single_precision(name, pair):
    logits, clean = pair
    loss = LOSSES[name](logits.bfloat16(), clean)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, LOSSES[name](logits, clean), rtol=0.02, atol=0)


def test_code_l1_is_the_mean_size_of_the_code():
    z = torch.tensor([[1.0, -3.0], [0.0, 2.0]])
    assert PENALTIES["code_l1"](nn.Identity(), z).item() == 1.5


def test_weight_l1_sums_the_sizes_of_weights_without_biases():
    model = nn.Sequential(nn.Linear(2, 1), nn.Conv2d(1, 1, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, -2.0]]))
        model[1].weight.fill_(-4.0)
        for layer in model:
            layer.bias.fill_(100.0)
    assert PENALTIES["weight_l1"](model, torch.zeros(1)).item() == 7


def test_kl_equals_the_one_of_torch_distributions():
    generator = torch.Generator().manual_seed(0)
    mu, logvar = torch.randn(64, 5, generator=generator), torch.randn(64, 5, generator=generator)
    posterior = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    prior = Independent(Normal(torch.zeros(64, 5), torch.ones(64, 5)), 1)
    torch.testing.assert_close(gaussian_kl(mu, logvar), kl_divergence(posterior, prior).mean())


def test_kl_by_hand():
    assert gaussian_kl(torch.zeros(3, 2), torch.zeros(3, 2)).item() == 0
    # one latent of mean 2 and variance e: (4 + e - 1 - 1) / 2
    assert gaussian_kl(torch.tensor([[2.0]]), torch.tensor([[1.0]])).item() == pytest.approx((2 + math.e) / 2)
