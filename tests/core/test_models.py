"""Every network of every recipe fulfils its contract, and is what its source describes."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from denoiser.data import PIXELS, Batch
from denoiser.losses import LOSSES, PENALTIES
from denoiser.models import (
    NETWORKS,
    VAE,
    Autoencoder,
    Classifier,
    Denoiser,
    Transposed,
    build,
    contract,
    grow,
    parameter_count,
    reparameterize,
)
from denoiser.models.layers import CustomInit
from denoiser.recipes import RECIPES

DENOISERS = [name for name, recipe in RECIPES.items() if issubclass(contract(recipe.network), Denoiser)]
AUTOENCODERS = [name for name, recipe in RECIPES.items() if issubclass(contract(recipe.network), Autoencoder)]
VAES = [name for name, recipe in RECIPES.items() if issubclass(contract(recipe.network), VAE)]
READERS = [name for name, recipe in RECIPES.items() if issubclass(contract(recipe.network), Classifier)]


def fresh(name: str, seed: int = 0) -> nn.Module:
    """An untrained network of a recipe, in eval mode."""
    torch.manual_seed(seed)
    return build(RECIPES[name].network, RECIPES[name].settings).eval()


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch(pictures(6, seed=1), pictures(6, seed=2), torch.tensor([3, 1, 4, 1, 5, 9]), torch.full((6, 10), 0.1))


@pytest.mark.parametrize("name", RECIPES)
def test_the_network_is_an_instance_of_its_contract(name):
    assert type(fresh(name)) is contract(RECIPES[name].network)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", DENOISERS)
@torch.inference_mode()
def test_pictures_become_pictures(name, count):
    model, x = fresh(name), pictures(count)
    x_hat = model(x)
    assert x_hat.shape == x.shape
    assert x_hat.dtype == torch.float32
    assert x_hat.min() >= 0
    assert x_hat.max() <= 1
    assert x_hat.std() > 0


@pytest.mark.parametrize("name", AUTOENCODERS)
@torch.inference_mode()
def test_any_code_decodes_to_a_picture(name):
    model = fresh(name)
    z = model.encode(pictures(2))
    for size in (0, 1, 1e4):
        picture = model.decode(z * size)
        assert picture.shape == (2, 1, 28, 28)
        assert picture.min() >= 0
        assert picture.max() <= 1


@pytest.mark.parametrize("name", AUTOENCODERS)
@torch.inference_mode()
def test_a_picture_goes_through_its_code(name):
    model, x = fresh(name), pictures(3)
    z = model.encode(x)
    assert len(z) == 3
    torch.testing.assert_close(model(x), model.decode(z), rtol=0, atol=0)


@pytest.mark.parametrize("name", READERS)
@torch.inference_mode()
def test_readers_give_logits(name):
    logits = fresh(name)(pictures(3))
    assert logits.shape == (3, 10)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("name", RECIPES)
@torch.inference_mode()
def test_the_same_picture_gives_the_same_result_in_any_company(name):
    model, x = fresh(name), pictures(4)
    result = model(x)
    torch.testing.assert_close(model(x), result, rtol=0, atol=0)
    torch.testing.assert_close(model(x[2:3]), result[2:3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model(torch.cat([pictures(5, seed=9), x]))[5:], result, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", RECIPES)
def test_the_seed_decides_the_start(name):
    first, same, other = fresh(name).state_dict(), fresh(name).state_dict(), fresh(name, seed=1).state_dict()
    assert all(torch.equal(first[key], same[key]) for key in first)
    drawn = [key for key, value in first.items() if value.unique().numel() > 1]
    assert drawn
    assert not any(torch.equal(first[key], other[key]) for key in drawn if "bias" not in key)


@pytest.mark.parametrize("name", RECIPES)
def test_weights_start_as_in_keras(name):
    model = fresh(name)
    own = {inside for m in model.modules() if isinstance(m, CustomInit) for inside in m.modules()}
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.LSTM
    layers = [m for m in model.modules() if isinstance(m, kinds) and m not in own]
    assert layers
    for layer in layers:
        if isinstance(layer, nn.LSTM):
            glorot(layer.weight_ih_l0, *layer.weight_ih_l0.shape)
            recurrent = layer.weight_hh_l0
            torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(layer.hidden_size), rtol=0, atol=1e-5)
            bias = (layer.bias_ih_l0 + layer.bias_hh_l0).chunk(4)
            assert [part.unique().tolist() for part in bias] == [[0], [1], [0], [0]]  # input, forget, cell, output
        else:
            field = math.prod(layer.weight.shape[2:])
            glorot(layer.weight, layer.weight.shape[0] * field, layer.weight.shape[1] * field)
            assert layer.bias is None or not layer.bias.any()


def glorot(weight: torch.Tensor, inputs: int, outputs: int) -> None:
    """Assert that `weight` is uniform within Glorot's limits."""
    limit = math.sqrt(6 / (inputs + outputs))
    assert weight.abs().max() <= limit
    assert weight.abs().max() > 0.9 * limit
    assert weight.std().item() == pytest.approx(limit / math.sqrt(3), rel=4 / math.sqrt(weight.numel()))


@pytest.mark.parametrize("name", RECIPES)
def test_the_gradient_reaches_every_parameter(name, batch):
    recipe, model = RECIPES[name], fresh(name).train()
    for weight in model.parameters():
        if weight.dim() > 1 and not weight.any():  # what starts at zero lets no gradient through in the first step
            nn.init.normal_(weight, std=0.01)
    model.loss(batch, recipe.loss, recipe.penalties, torch.Generator().manual_seed(0)).backward()
    without = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without
    assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters())


@pytest.mark.parametrize("name", [name for name in DENOISERS if name not in VAES])
def test_the_loss_is_the_criterion_between_output_and_clean(name, batch):
    recipe, model = RECIPES[name], fresh(name)
    logits = torch.logit(model(batch.noisy))
    plain = LOSSES[recipe.loss](logits, batch.clean)
    torch.testing.assert_close(model.loss(batch, recipe.loss), plain, rtol=1e-4, atol=1e-5)
    for penalty in model.penalties:
        expected = plain + 0.25 * PENALTIES[penalty](model, model.latent_and_logits(batch.noisy)[0])
        torch.testing.assert_close(model.loss(batch, recipe.loss, {penalty: 0.25}), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_judged_by_the_label(name, batch):
    model = fresh(name)
    expected = -model(batch.noisy).log_softmax(dim=1)[range(6), batch.labels].mean()
    torch.testing.assert_close(model.loss(batch), expected)
    softened = model.loss(batch, penalties={"smoothing": 0.1})
    uniform = -model(batch.noisy).log_softmax(dim=1).mean()
    torch.testing.assert_close(softened, 0.9 * expected + 0.1 * uniform)


@pytest.mark.parametrize("name", READERS)
def test_distillation_is_the_mean_of_what_labels_and_teacher_say(name, batch):
    model = fresh(name)
    soft_labels = torch.rand(6, 10, generator=torch.Generator().manual_seed(3)).softmax(dim=1)
    by_teacher = -(model(batch.noisy).log_softmax(dim=1) * soft_labels).sum(dim=1).mean()
    loss = model.loss(batch._replace(soft_labels=soft_labels), "distillation")
    torch.testing.assert_close(loss, (by_teacher + model.loss(batch, "cross-entropy")) / 2)


class TestVAE:
    """Kingma and Welling 2013."""

    def test_reparameterized_samples_have_the_posterior_s_moments(self):
        mu, logvar = torch.tensor([-1.0, 0.5, 3.0]), torch.tensor([0.0, -2.0, 1.5])
        z = reparameterize(mu.expand(40_000, 3), logvar.expand(40_000, 3), torch.Generator().manual_seed(0))
        std = (0.5 * logvar).exp()
        torch.testing.assert_close(z.mean(dim=0), mu, rtol=0, atol=0.02 * std.max().item())
        torch.testing.assert_close(z.std(dim=0), std, rtol=0.02, atol=0)
        assert torch.corrcoef(z.T).fill_diagonal_(0).abs().max() < 0.02

    def test_equal_generators_give_equal_samples(self):
        mu, logvar = torch.zeros(4, 2), torch.zeros(4, 2)
        first, same, other = (reparameterize(mu, logvar, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
        assert torch.equal(first, same)
        assert not torch.equal(first, other)

    def test_samples_pass_the_gradient_to_both(self):
        mu, logvar = torch.zeros(4, 2, requires_grad=True), torch.zeros(4, 2, requires_grad=True)
        z = reparameterize(mu, logvar, torch.Generator().manual_seed(0))
        z.sum().backward()
        assert torch.equal(mu.grad, torch.ones(4, 2))
        torch.testing.assert_close(logvar.grad, 0.5 * z.detach())

    @pytest.mark.parametrize("name", VAES)
    @torch.inference_mode()
    def test_encode_is_the_mean_of_the_posterior(self, name):
        model, x = fresh(name), pictures(3)
        mu, logvar = model.posterior(x)
        latent_dim = RECIPES[name].settings["latent_dim"]
        assert mu.shape == logvar.shape == (3, latent_dim)
        assert torch.equal(model.encode(x), mu)
        assert torch.equal(torch.cat([mu, logvar], dim=1), model.encoder(x))

    @pytest.mark.parametrize("name", VAES)
    @torch.inference_mode()
    def test_the_terms_are_those_of_the_elbo(self, name, batch):
        model = fresh(name)
        mu, logvar = model.posterior(batch.noisy)
        recon, kl = model.terms(batch, torch.Generator().manual_seed(7))
        z = reparameterize(mu, logvar, torch.Generator().manual_seed(7))
        pixels = F.binary_cross_entropy(model.decode(z), batch.clean, reduction="none")
        torch.testing.assert_close(recon, pixels.flatten(1).sum(dim=1).mean())  # nats per picture, not per pixel
        assert recon > 0.1 * PIXELS
        prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
        posterior = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
        torch.testing.assert_close(kl, kl_divergence(posterior, prior).mean())

    @pytest.mark.parametrize("name", VAES)
    @torch.inference_mode()
    def test_beta_weights_the_kl_term_alone(self, name, batch):
        model = fresh(name)
        recon, kl = model.terms(batch, torch.Generator().manual_seed(7))
        for beta in (0.0, 1.0, 4.0):
            loss = model.loss(batch, "bce", {"kl": beta}, torch.Generator().manual_seed(7))
            torch.testing.assert_close(loss, recon + beta * kl)
        torch.testing.assert_close(model.loss(batch, generator=torch.Generator().manual_seed(7)), recon + kl)


def widths(module: nn.Module) -> list[int]:
    """The widths between the dense layers of a module."""
    layers = [m for m in module.modules() if isinstance(m, nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def kinds(module: nn.Module) -> list[str]:
    """The leaves of a module, in order."""
    return [type(m).__name__ for m in module.modules() if not list(m.children())]


@pytest.mark.parametrize(
    ("name", "down"),
    [
        ("dense-16", [784, 500, 300, 100, 16]),
        ("dense-32", [784, 32]),
        ("dense-deep", [784, 128, 64, 32]),
        ("dense-64", [784, 64]),
        ("dense-32-noisy", [784, 32]),
        ("dense-64-noisy", [784, 64]),
    ],
)
def test_layer_widths_of_the_dense_networks(name, down):
    model = fresh(name)
    assert widths(model.encoder) == down
    assert widths(model.decoder) == down[::-1]


def test_activations_of_dense_16():
    model = fresh("dense-16")
    assert [k for k in kinds(model.encoder) if k != "Linear"] == ["Flatten", "Sigmoid", "Sigmoid", "Sigmoid", "Tanh"]
    assert [k for k in kinds(model.decoder) if k != "Linear"][:3] == ["Sigmoid"] * 3


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("conv-64", (64, 7, 7)),
        ("conv-8", (8, 4, 4)),
        ("conv-32", (32, 7, 7)),
        ("conv-nearest", (32, 4, 4)),
        ("conv-bilinear", (32, 4, 4)),
        ("conv-transpose", (32, 4, 4)),
        ("conv-flat", (64,)),
        ("lstm", (64,)),
        ("vae-2d", (2,)),
        ("dense-64", (64,)),
    ],
)
@torch.inference_mode()
def test_shapes_of_the_codes(name, code):
    assert fresh(name).encode(pictures(1))[0].shape == code


@pytest.mark.parametrize(
    ("name", "transposed", "mode"),
    [
        ("conv-nearest", 0, "nearest"),
        ("conv-bilinear", 0, "bilinear"),
        ("conv-transpose", 3, None),
        ("conv-64", 2, None),
    ],
)
def test_how_the_picture_grows_back(name, transposed, mode):
    layers = list(fresh(name).decoder.modules())
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in layers) == transposed
    assert {layer.mode for layer in layers if isinstance(layer, nn.Upsample)} == ({mode} if mode else set())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        # Keras prints the first four of these sums for the programs of "Building Autoencoders in Keras".
        ("dense-32", 50_992),
        ("dense-deep", 222_384),
        ("conv-8", 4_385),
        ("conv-32", 28_353),
        ("dense-16", 2 * (784 * 500 + 500 * 300 + 300 * 100 + 100 * 16) + 2 * (500 + 300 + 100) + 16 + 784),
        ("conv-64", 9 * 64 + 64 + 3 * (9 * 64 * 64 + 64) + 9 * 64 + 1),
        ("conv-nearest", 640 + 36_928 + 18_464 + 9_248 + 18_496 + 36_928 + 577),
        ("vae-2d", 784 * 256 + 256 + 256 * 4 + 4 + 2 * 256 + 256 + 256 * 784 + 784),
    ],
)
def test_parameter_counts(name, count):
    assert parameter_count(fresh(name)) == count


def test_the_three_ways_to_grow_have_equally_many_parameters():
    assert len({parameter_count(fresh(name)) for name in ("conv-nearest", "conv-bilinear", "conv-transpose")}) == 1


@pytest.mark.parametrize(
    ("network", "settings", "words"),
    [
        ("nothing", {}, "unknown network 'nothing'"),
        ("dense", {"widths": ()}, "cannot be built"),
        ("dense", {"widths": (32,), "activation": "none of these"}, "cannot be built"),
        ("dense", {"depth": 3}, "cannot be built"),
        ("conv_strided", {"filters": -1}, "cannot be built"),
        ("conv_strided", None, "cannot be built"),
    ],
)
def test_what_cannot_be_built_is_said(network, settings, words):
    with pytest.raises(ValueError, match=words) as caught:
        build(network, settings)
    assert network in str(caught.value)


def test_every_network_is_used_by_some_recipe():
    assert {recipe.network for recipe in RECIPES.values()} == set(NETWORKS)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_transposed_convolution_is_pytorchs_own(precision):
    torch.manual_seed(0)
    options = {"stride": 2, "padding": 1, "output_padding": 1}
    ours, stock = Transposed(6, 4, 3, **options), nn.ConvTranspose2d(6, 4, 3, **options)
    stock.load_state_dict(ours.state_dict())
    x = torch.randn(5, 6, 7, 7).to(memory_format=torch.channels_last)
    found = []
    for layer in (ours, stock):
        seen = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            y = layer(seen)
        assert y.dtype == precision
        y.float().square().sum().backward()
        found.append([y.float(), seen.grad, *(p.grad for p in layer.parameters())])
    for mine, theirs in zip(*found, strict=True):
        assert (mine - theirs).abs().max() <= (0.02 if precision == torch.bfloat16 else 1e-5) * theirs.abs().max()


SMALL = {"widths": (4, 8, 16), "blocks": (1, 1, 2)}


class TestGrow:
    """A network with more residual blocks goes on where the smaller one stands."""

    @torch.inference_mode()
    def test_it_makes_of_a_picture_what_the_smaller_one_makes(self):
        small, large = build("unet", SMALL), build("unet", SMALL | {"blocks": (2, 3, 3)})
        x = pictures(3)
        assert not torch.allclose(large(x), small(x), atol=1e-3)
        assert grow(large, small) is large
        assert torch.allclose(large(x), small(x), atol=1e-6)
        assert parameter_count(large) > parameter_count(small)

    def test_the_new_blocks_learn(self):
        large = grow(build("unet", SMALL | {"blocks": (2, 1, 2)}), build("unet", SMALL))
        large(pictures(3)).sum().backward()
        [new] = [name for name, _ in large.named_modules() if name.endswith("before.1")]
        assert large.get_submodule(new).second.weight.grad.abs().max() > 0

    @pytest.mark.parametrize(
        ("network", "settings", "words"),
        [
            ("unet", {"widths": (4, 8, 32), "blocks": (1, 1, 2)}, "other shapes"),
            ("unet", {"widths": (4, 8, 16), "blocks": (1, 2, 2)}, "more than residual blocks"),
            ("dense", {"widths": (4, 2)}, "more than residual blocks"),
        ],
    )
    def test_what_is_no_smaller_one_is_refused(self, network, settings, words):
        with pytest.raises(ValueError, match=words):
            grow(build("unet", SMALL), build(network, settings))


@pytest.mark.parametrize("name", RECIPES)
def test_a_seed_decides_the_weights_and_leaves_the_global_generator_alone(name):
    recipe = RECIPES[name]
    torch.manual_seed(3)
    expected = build(recipe.network, recipe.settings).state_dict()
    state = torch.random.get_rng_state()
    weights = build(recipe.network, recipe.settings, seed=3).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(weights[key], value) for key, value in expected.items())


def test_a_seed_decides_the_weights_whatever_other_threads_draw():
    def weights(seed):
        model = build("conv_strided", {"filters": 8}, seed)
        return torch.cat([weight.detach().flatten() for weight in model.parameters()])

    expected = [weights(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert all(map(torch.equal, pool.map(weights, range(8)), expected))
