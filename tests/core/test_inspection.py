"""What is read off networks: layers and their shapes, tiles, first weights, and checkerboards."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from denoiser import inspection
from denoiser.filters import FILTERS
from denoiser.models import build, parameter_count
from denoiser.models.timed_unet import DreamBlock
from denoiser.recipes import RECIPES

SIDE = 28


@pytest.fixture
def digit():
    return torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def network(recipe):
    torch.manual_seed(0)
    return build(recipe.network, recipe.settings).eval()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_layers_account_for_every_parameter_and_end_in_the_output(recipe, digit):
    model = network(recipe)
    rows = inspection.layers(model, digit)
    idle = sum(parameter_count(block) for block in model.modules() if isinstance(block, DreamBlock))  # see no picture
    assert sum(row.parameters for row in rows) == parameter_count(model) - idle
    with torch.inference_mode():
        result = model(digit)[0]
    assert torch.allclose(rows[-1].output.flatten(), result.flatten(), atol=1e-6)
    assert all(row.description for row in rows)
    if hasattr(model, "encode"):
        (code,) = [row for row in rows if row.is_code]
        assert torch.allclose(code.output, model.encode(digit)[0], atol=1e-5)
    assert not model._forward_hooks
    assert all(not module._forward_hooks for module in model.modules())


def test_layers_see_nothing_of_what_other_threads_run(digit):
    model = build("conv_strided", {"filters": 4}).eval()
    expected = [layer.description for layer in inspection.layers(model, digit)]
    done = threading.Event()

    def run():
        while not done.is_set():
            model(digit)

    with ThreadPoolExecutor() as pool:
        pool.submit(run)
        try:
            seen = [[layer.description for layer in inspection.layers(model, digit)] for _ in range(20)]
        finally:
            done.set()
    assert seen == [expected] * 20


def test_layers_of_a_network_known_by_heart(digit):
    model = build("conv_strided", {"filters": 4}).eval()
    rows = [(r.part, r.description, r.shape, r.parameters, r.is_code) for r in inspection.layers(model, digit)]
    assert rows[:4] == [
        ("encoder", "convolution 3 x 3, ReLU", (4, 28, 28), 40, False),
        ("encoder", "max pool 2 x 2", (4, 14, 14), 0, False),
        ("encoder", "convolution 3 x 3, ReLU", (4, 14, 14), 148, False),
        ("encoder", "max pool 2 x 2", (4, 7, 7), 0, True),
    ]
    assert rows[-1] == ("decoder", "convolution 3 x 3, sigmoid", (1, 28, 28), 37, False)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_have_no_layers_to_learn(name):
    model = FILTERS[name].build()
    assert inspection.first_weights(model) is None
    assert inspection.upsampling_kinds(model) == []


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_layer_and_the_first_weights_are_tiles(recipe, digit):
    model = network(recipe)
    for row in inspection.layers(model, digit):
        tiles = inspection.tiles(row.output)
        assert tiles.dim() == 3
        assert tiles.numel() == row.output.numel()
    weights = inspection.first_weights(model)
    assert weights.dim() == 3
    assert len(weights) > 1


def test_sparsity_counts_zeros_dead_values_and_small_weights():
    model = nn.Linear(2, 2)
    model.weight.data = torch.tensor([[0.0, 0.5], [5e-4, -2.0]])
    codes = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    assert inspection.sparsity(model, codes) == {"values": 3, "zero": 4 / 6, "dead": 1, "small": 0.5}


def test_stages_are_the_output_what_lies_before_it_and_the_start(digit):
    recipe = next(recipe for recipe in RECIPES.values() if inspection.upsampling_kinds(network(recipe)))
    model = build(recipe.network, recipe.settings).eval()
    state = torch.random.get_rng_state()
    with torch.inference_mode():
        found = inspection.checkerboard_views(model, recipe, digit)
        assert torch.equal(torch.random.get_rng_state(), state)  # nobody else's randomness is touched
        assert torch.equal(found["trained"], model(digit))
        torch.testing.assert_close(torch.sigmoid(found["log-odds"]), found["trained"])
        assert torch.equal(found["untrained"], network(recipe)(digit))  # whose seed is the recipe's, 0
    assert not torch.equal(found["untrained"], found["trained"])


@pytest.mark.parametrize(("count", "expected"), [(64, (8, 8)), (32, (4, 8)), (16, (4, 4)), (2, (1, 2)), (13, (1, 13))])
def test_grid_shape(count, expected):
    assert inspection.grid_shape(count) == expected


def test_first_weights_of_a_dense_layer_are_pictures():
    model = build("dense", {"widths": (5,)})
    weights = inspection.first_weights(model)
    assert weights.shape == (5, SIDE, SIDE)
    linear = next(m for m in model.modules() if isinstance(m, nn.Linear))
    assert torch.equal(weights[3].flatten(), linear.weight[3])


def board(period):
    """A pattern that repeats every `period` pixels in both directions."""
    line = (torch.arange(SIDE) % period == 0).float()
    return line.view(-1, 1) * line.view(1, -1)


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("strength", [0.05, 0.5])
def test_checkerboard_is_found_and_grows_with_its_strength(period, strength):
    smooth = torch.nn.functional.avg_pool2d(torch.rand(64, 1, SIDE + 4, SIDE + 4), 5, stride=1)
    clean = inspection.checkerboard(smooth, period)
    found = inspection.checkerboard(smooth + strength * board(period), period)
    assert clean < 3
    assert found > clean + 6
    assert inspection.checkerboard(smooth + 2 * strength * board(period), period) > found


def test_checkerboard_of_white_noise_is_about_zero():
    noise = torch.rand(2000, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    assert abs(inspection.checkerboard(noise)) < 0.5


def test_checkerboard_does_not_depend_on_contrast_or_brightness():
    pictures = torch.rand(20, 1, SIDE, SIDE)
    value = inspection.checkerboard(pictures)
    assert inspection.checkerboard(0.3 * pictures + 0.2) == pytest.approx(value, abs=1e-3)


def test_checkerboard_of_an_even_picture_is_zero():
    assert inspection.checkerboard(torch.full((1, 1, SIDE, SIDE), 0.4)) == pytest.approx(0, abs=1e-6)


def test_checkerboard_says_which_sides_it_needs():
    with pytest.raises(ValueError, match="28 x 28"):
        inspection.checkerboard(torch.zeros(1, 1, SIDE, SIDE), 3)


def test_transposed_convolutions_start_with_a_checkerboard_and_resizing_does_not(digit):
    """What the comparison rests on, before any training: Odena, Dumoulin and Olah 2016."""
    pictures = torch.rand(16, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    found = {}
    for recipe in RECIPES.values():
        ways = inspection.upsampling_kinds(model := network(recipe))
        if recipe.task != "read" and len(ways) == 1:
            with torch.inference_mode():
                found.setdefault(ways[0], []).append(inspection.checkerboard(model(pictures)))
    assert min(found["transposed convolution"]) > max(found["nearest"] + found["bilinear"]) + 3
