"""Pictures of any size and number come out as they went in, large ones without seams."""

import pytest
import torch
from torch import nn

from denoiser.batch import tiles
from denoiser.batch.tiles import CONTEXT, MULTIPLE, TILE, reflection_index, restore, takes, windows
from denoiser.checkpoint import load_model
from denoiser.filters import FILTERS
from denoiser.metrics import psnr
from denoiser.models import build
from denoiser.noise import add_noise, draw_noise


@pytest.fixture(scope="module")
def unet():
    """The U-Net of its recipe, untrained; its blocks made as strong as training makes them, so that it looks far."""
    torch.manual_seed(0)
    model = build("unet", {"widths": (32, 64, 128), "blocks": (1, 2, 4)}).eval()
    for module in model.modules():
        if hasattr(module, "second"):
            module.second.weight.data.mul_(5)
    return model


@pytest.fixture(scope="module")
def sheet(tiny_digits) -> torch.Tensor:
    """Digits of ours side by side, 168 x 280."""
    return tiny_digits.floats().view(6, 10, 28, 28).permute(0, 2, 1, 3).reshape(1, 1, 168, 280)


def noisy(x: torch.Tensor, factor: float = 0.5) -> torch.Tensor:
    return add_noise(x, draw_noise("gaussian", x.shape, 0), factor)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (28, 28), (29, 30), (33, 47), (5, 90)])
def test_any_size_comes_out_as_it_went_in(unet, size):
    x = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    x_hat = restore(unet, x, "float32")
    assert x_hat.shape == x.shape
    assert bool(((x_hat >= 0) & (x_hat <= 1)).all())
    assert torch.equal(restore(nn.Identity(), x), x)


def test_digits_go_through_as_they_were_trained_on(tiny_digits):
    model, x = load_model("conv-64")[0], tiny_digits.floats()[:3]
    torch.testing.assert_close(restore(model, x, "float32"), model(x))


def test_seams_cannot_be_seen(unet, sheet, monkeypatch):
    x = noisy(sheet[..., :166, :275])
    for model in (load_model("conv-64")[0], unet):
        whole = restore(model, x, "float32")
        with monkeypatch.context() as patch:
            patch.setattr(tiles, "TILE", 128)
            shares = []
            tiled = restore(model, x, "float32", shares.append)
        assert len(shares) > 4
        assert (tiled - whole).abs().max() < 0.5 / 255  # half a shade of grey


def test_a_stroke_that_the_border_cuts_is_restored_to_the_border(sheet):
    clean = sheet[..., 12:-12, 14:-14]
    x, model = noisy(clean), load_model("conv-64")[0]
    with torch.inference_mode():
        plain = model(x)
    assert psnr(restore(model, x), clean) > psnr(plain, clean) + 1


def test_many_pictures_go_in_parts(monkeypatch):
    seen, shares = [], []

    class Watched(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return x

    monkeypatch.setattr(tiles, "BATCH_PIXELS", 10 * 28 * 28)
    x = torch.rand(25, 1, 28, 28)
    assert torch.equal(restore(Watched(), x, progress=shares.append), x)
    assert seen == [10, 10, 5]
    assert sum(shares) == pytest.approx(1)


def test_filters_keep_their_precision(tiny_digits):
    x = noisy(tiny_digits.floats()[:4])
    model = FILTERS["gaussian"].build()
    assert torch.equal(restore(model, x, "bfloat16"), restore(model, x, "float32"))


@pytest.mark.parametrize("length", [1, 2, 3, 20, 27, 28, 29, 32, 33, 100, 513])
def test_a_side_is_padded_to_a_multiple_that_networks_take(length):
    places, before = reflection_index(length)
    assert len(places) % MULTIPLE == 0
    assert len(places) >= 28
    assert places[before : before + length].tolist() == list(range(length))
    assert (places.min(), places.max()) == (0, length - 1)
    steps = places.diff().abs()
    assert bool((steps == 1).all()) or length == 1  # a mirror: neighbours stay neighbours, and no border comes twice


def test_a_digit_gets_no_frame():
    assert reflection_index(28)[0].tolist() == list(range(28))
    assert len(reflection_index(32)[0]) == 32


@pytest.mark.parametrize("length", [28, TILE, TILE + 4, 2 * TILE, 5000])
def test_tiles_cover_a_side_and_weigh_one(length):
    found, total = windows(length), torch.zeros(length)
    for place, weight in found:
        assert place.start % MULTIPLE == 0
        assert len(weight) == place.stop - place.start == min(length, TILE)
        total[place] += weight
        inner = [
            weight[:CONTEXT] if place.start else weight[:0],
            weight[-CONTEXT:] if place.stop < length else weight[:0],
        ]
        assert not torch.cat(inner).any()  # where a tile does not see enough of what is around
    torch.testing.assert_close(total, torch.ones(length))
    assert (found[0].span.start, found[-1].span.stop) == (0, length)


def test_what_takes_which_size(unet):
    dense, resized = build("dense", {"widths": (8,)}), build("conv_resized", {"upsampling": "nearest"})
    for model in (unet, dense, resized, FILTERS["median"].build()):
        assert takes(model, 28, 28)
    for model in (dense, resized):
        assert not takes(model, 40, 30)
        with pytest.raises(RuntimeError):
            restore(model, torch.zeros(1, 1, 40, 30))
    for model in (unet, FILTERS["median"].build()):
        assert takes(model, 5000, 3)
