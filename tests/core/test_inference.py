"""Networks as they are served: faster copies that show and read the same."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from denoiser.checkpoint import load_checkpoint, load_record, trained
from denoiser.data.examples import EXAMPLES
from denoiser.ink import digit_from_strokes
from denoiser.models.inference import NORMS, fold_batch_norm, operations, prepare
from denoiser.noise import NOISES
from denoiser.runtime import precision
from denoiser.sweeps import SweepRequest, sweep_all
from denoiser.web.serving.model_pool import ModelPool

NETWORKS = [name for name in trained() if load_record(name).recipe.task in ("denoise", "reconstruct")]


def has_norm(network):
    return any(isinstance(module, NORMS) for module in network.modules())


@pytest.mark.parametrize("name", [name for name in trained() if load_record(name).recipe.task != "sample"])
@torch.inference_mode()
def test_folding_changes_nothing_but_the_operations(name):
    network = load_checkpoint(name)[0]
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    before, had_norm = network(x), has_norm(network)
    folded = fold_batch_norm(network)
    torch.testing.assert_close(folded(x), before, rtol=1e-4, atol=1e-5)
    assert not has_norm(folded)
    assert has_norm(network) == had_norm
    assert torch.equal(network(x), before)


@pytest.fixture(scope="module")
def requests():
    """Each of our example digits under a noise of its own; four of them where bfloat16 is emulated and slow."""
    digits = range(0, 10, 1 if precision.default_precision(torch.device("cpu")) == "bfloat16" else 3)
    return [SweepRequest(digit_from_strokes(EXAMPLES[str(i)]), [*NOISES][i % len(NOISES)], i) for i in digits]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_in_bfloat16_pictures_and_readings_stay_as_they_are(name, requests):
    """At most 0.01 dB over the noise factors of a sweep, and 0.1 % of probability."""
    network, referee = load_checkpoint(name)[0], load_checkpoint("referee")[0]
    exact = sweep_all(requests, {name: network}, referee)
    fast = sweep_all(requests, {name: prepare(network, "bfloat16")}, prepare(referee, "bfloat16"))
    assert fast[0].pictures.dtype == fast[0].readings.dtype == torch.float32
    changes = torch.stack([b.psnr[1] - a.psnr[1] for a, b in zip(exact, fast, strict=True)])
    assert abs(changes.mean().item()) <= 0.01
    readings = torch.stack([(b.readings - a.readings).abs() for a, b in zip(exact, fast, strict=True)])
    assert readings.mean().item() <= 0.001


def test_bfloat16_is_used_where_it_pays():
    found = {name: load_checkpoint(name)[0] for name in ("unet", "conv-32", "vae-2d-best", "referee")}
    fast = {name: prepare(network, "bfloat16") for name, network in found.items()}
    low = {name: torch.bfloat16 in {w.dtype for w in network.parameters()} for name, network in fast.items()}
    assert low == {"unet": True, "conv-32": False, "vae-2d-best": False, "referee": True}
    assert {w.dtype for network in found.values() for w in network.parameters()} == {torch.float32}
    assert fast["conv-32"] is found["conv-32"]
    assert prepare(found["unet"], "float32") is found["unet"]
    assert operations(found["unet"]) == pytest.approx(209e6, rel=0.01)


@pytest.mark.parametrize(("gain", "expected"), [(2.0, "bfloat16"), (1.1, "float32"), (0.5, "float32")])
def test_the_faster_precision_is_measured(monkeypatch, gain, expected):
    times = {torch.float32: gain, torch.bfloat16: 1.0}
    monkeypatch.setattr(precision, "convolution_seconds", times.__getitem__)
    assert precision.serving_precision.__wrapped__() == expected


def test_without_bfloat16_there_is_float32(monkeypatch):
    def convolution_seconds(dtype):
        if dtype == torch.bfloat16:
            raise RuntimeError("could not create a primitive")
        return 1.0

    monkeypatch.setattr(precision, "convolution_seconds", convolution_seconds)
    assert precision.serving_precision.__wrapped__() == "float32"


def test_the_precision_can_be_chosen(monkeypatch):
    monkeypatch.setattr(precision, "settings", SimpleNamespace(current=SimpleNamespace(precision="float32")))
    monkeypatch.setattr(precision, "convolution_seconds", {torch.float32: 9.0, torch.bfloat16: 1.0}.__getitem__)
    assert precision.serving_precision.__wrapped__() == "float32"


def test_a_convolution_is_timed():
    ticks = iter([0.0, 9.0, 10.0, 10.5, 11.0, 11.25, *([12.0, 13.0] * 9)])
    assert precision.convolution_seconds(torch.float32, clock=lambda: next(ticks)) == 0.25


def test_sweeps_use_the_fast_copies(requests):
    class Fast(nn.Module):
        def forward(self, x):
            return torch.full_like(x, 0.25)

    pool = ModelPool.__new__(ModelPool)
    pool.failing, pool.referee = set(), None
    pool.fast = {"unet": Fast()}
    (found,) = pool.sweep(requests[:1], {"unet": nn.Identity(), "mine": nn.Identity()})
    assert (found.pictures[1] == 0.25).all()
    assert torch.equal(found.pictures[2], found.pictures[0])
