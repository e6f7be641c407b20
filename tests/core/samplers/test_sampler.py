"""Both samplers fulfil one contract; the flow draws from the exact posterior where its network knows it."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from threading import get_ident

import pytest
import torch
from helpers import load_script, short
from torch import nn

from denoiser.checkpoint import load_checkpoint, save_model
from denoiser.data import Batch
from denoiser.errors import DenoiserError
from denoiser.models import build, grow
from denoiser.models.timed_unet import DreamBlock
from denoiser.noise import add_noise, draw_noise, gaussian_log_likelihood
from denoiser.recipe import Recipe
from denoiser.recipes import RECIPES
from denoiser.samplers import STEPS, FlowSampler, draw_fields, erase
from denoiser.samplers.ancestral import AncestralSampler, estimate_factor, unclip
from denoiser.samplers.flow import DREAM_POWER, DREAM_RATE
from denoiser.training import TrainingError, fit, train_steps, trained_record

SMALL = {"widths": (4, 8, 8), "blocks": (1, 1, 1)}


def flow() -> FlowSampler:
    torch.manual_seed(0)
    model = build("flow_unet", SMALL | {"dream_blocks": True}).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.15)
    return model


def ancestral() -> AncestralSampler:
    torch.manual_seed(0)
    return AncestralSampler(build("unet", SMALL)).eval()


@pytest.fixture(params=[flow, ancestral], ids=["flow", "ancestral"])
def sampler(request):
    return request.param()


@pytest.fixture(scope="module")
def noisy(tiny_digits):
    x = tiny_digits[:5].floats()
    return add_noise(x, draw_noise("gaussian", x.shape, 0), 0.5)


def growing(**changes) -> Recipe:
    """The recipe with a small network, one epoch, and one more for the blocks for dreams."""
    sampler = RECIPES["sampler"]
    last = replace(sampler.refinements[-1], epochs=1)
    settings = SMALL | {"dream_blocks": True}
    grown = {"settings": settings, "grown_from": sampler.grown_from, "refinements": (last,), "epochs": 1}
    return short(sampler, **grown, **changes)


def same(first, second):
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-4)


class TestContract:
    """What holds for every sampler."""

    def test_samples_are_pictures(self, sampler, noisy):
        samples = sampler.sample(noisy, 3)
        assert samples.shape == (3, 5, 1, 28, 28)
        assert samples.dtype == torch.float32
        assert samples.min() >= 0
        assert samples.max() <= 1
        assert not samples.requires_grad
        assert (samples[0] - samples[1]).abs().flatten(1).amax(1).min() > 1e-3  # of each picture two different ones

    def test_the_guess_is_a_picture(self, sampler, noisy):
        assert sampler(noisy).shape == noisy.shape
        assert 0 <= sampler(noisy).min() <= sampler(noisy).max() <= 1

    def test_a_seed_gives_the_same_originals_in_any_company(self, sampler, noisy):
        samples = sampler.sample(noisy, 3, seed=7)
        assert torch.equal(sampler.sample(noisy, 3, seed=7), samples)
        same(sampler.sample(noisy[2:3], 3, seed=7), samples[:, 2:3])
        same(sampler.sample(noisy.flip(0), 5, seed=7)[:3].flip(1), samples)
        assert (sampler.sample(noisy, 3, seed=8) - samples).abs().max() > 1e-2

    @pytest.mark.parametrize("chunk", [2, 7])  # fewer than the originals of a picture; than those of all
    def test_more_than_a_chunk_is_drawn_as_less(self, sampler, noisy, monkeypatch, chunk):
        whole = sampler.sample(noisy, 3, trajectory=True)
        monkeypatch.setattr("denoiser.samplers.contract.CHUNK", chunk)
        same(sampler.sample(noisy, 3), whole[0])
        same(sampler.sample(noisy, 3, trajectory=True)[1].states, whole[1].states)

    def test_threads_do_not_change_what_is_drawn(self, sampler, noisy):
        samples, threads = sampler.sample(noisy, 2), torch.get_num_threads()
        try:
            torch.set_num_threads(3 - min(threads, 2))
            same(sampler.sample(noisy, 2), samples)
        finally:
            torch.set_num_threads(threads)

    def test_originals_drawn_in_several_threads_are_the_same(self, sampler, noisy, monkeypatch):
        alone = sampler.sample(noisy, 5, seed=3, steps=4)
        used = set()

        def walk(*arguments):
            used.add((get_ident(), len(arguments[0])))
            return type(sampler).walk(sampler, *arguments)

        with ThreadPoolExecutor(2) as threads, torch.autocast("cpu", torch.bfloat16, enabled=False):
            monkeypatch.setattr(sampler, "threads", threads)
            monkeypatch.setattr(sampler, "workers", 2)
            monkeypatch.setattr(sampler, "walk", walk)
            same(sampler.sample(noisy, 5, seed=3, steps=4), alone)
        assert get_ident() not in {thread for thread, _ in used}
        assert [rows for _, rows in used] != [5 * len(noisy)]

    def test_threads_compute_in_the_precision_of_the_caller(self, noisy, monkeypatch):
        seen = set()

        class Network(nn.Module):
            def forward(self, state, observed, known, time):
                seen.add(torch.is_autocast_enabled("cpu"))
                return state

        sampler = FlowSampler(Network())
        with ThreadPoolExecutor(2) as threads:
            monkeypatch.setattr(sampler, "threads", threads)
            sampler.sample(noisy, 2, steps=1)
            assert seen == {False}
            seen.clear()
            with torch.autocast("cpu", torch.bfloat16):
                sampler.sample(noisy, 2, steps=1)
            assert seen == {True}

    def test_the_state_of_others_generators_stays(self, sampler, noisy):
        before = torch.get_rng_state()
        sampler.sample(noisy, 1)
        assert torch.equal(torch.get_rng_state(), before)

    def test_each_picture_may_have_its_own_seed(self, sampler, noisy):
        samples = sampler.sample(noisy, 2, seed=[3, 1, 4, 1, 5])
        same(sampler.sample(noisy, 2, seed=4)[:, 2], samples[:, 2])
        twins = noisy[:1].expand(2, -1, -1, -1)
        first, second = sampler.sample(twins, 1, seed=[0, 1])[0]
        assert (first - second).abs().max() > 1e-3
        same(*sampler.sample(twins, 1, seed=0)[0])

    def test_the_trajectory_ends_in_the_samples(self, sampler, noisy):
        samples, way = sampler.sample(noisy, 2, trajectory=True)
        assert way.states.shape == way.guesses.shape == (STEPS + 1, 2, 5, 1, 28, 28)
        assert torch.equal(way.states[-1], samples)
        assert torch.equal(way.guesses[-1], samples)
        assert way.guesses.min() >= 0
        assert way.guesses.max() <= 1
        same(sampler.sample(noisy, 2), samples)

    def test_steps_are_evaluations(self, sampler, noisy):
        asked = []
        part = sampler.network if isinstance(sampler, FlowSampler) else sampler.denoiser
        part.register_forward_hook(lambda *_: asked.append(1))
        _, way = sampler.sample(noisy, 1, steps=4, trajectory=True)
        assert len(way.states) == 5
        assert len(asked) == 4 + (sampler.fields(4) > 1)  # once more to fill in what clipping removed

    def test_dreams_are_digits_out_of_nothing(self, sampler):
        dreams, way = sampler.dream(4, seed=2, steps=20, trajectory=True)
        assert dreams.shape == (4, 1, 28, 28)
        assert way.states.shape == (21, 4, 1, 28, 28)
        assert 0 <= dreams.min() <= dreams.max() <= 1
        same(sampler.dream(2, seed=2, steps=20), dreams[:2])
        assert way.states[0].std().item() == pytest.approx(1, abs=0.1)

    def test_a_fork_goes_on_from_a_guess(self, sampler):
        _, way = sampler.dream(1, steps=20, trajectory=True)
        ends, rest = sampler.fork(way.guesses[5, 0], 5, 3, seed=1, steps=20, trajectory=True)
        assert ends.shape == (3, 1, 28, 28)
        assert rest.states.shape == (16, 3, 1, 28, 28)
        same(sampler.fork(way.guesses[5, 0], 5, 3, seed=1, steps=20), ends)
        late = sampler.fork(way.guesses[19, 0], 19, 1, steps=20, trajectory=True)[1].states[0]
        distances = (rest.states[0] - way.guesses[5, 0]).std(), (late - way.guesses[19, 0]).std()
        assert distances[1] < 0.5 * distances[0]  # less noise is mixed in

    def test_completions_keep_what_is_known(self, sampler, tiny_digits):
        x = tiny_digits[:2].floats()
        known = torch.zeros_like(x, dtype=torch.bool)
        known[..., :14] = True
        samples, way = sampler.complete(x, known, 3, trajectory=True)
        assert samples.shape == (3, 2, 1, 28, 28)
        assert torch.equal(samples[:, known], x[known].expand(3, -1))
        assert torch.equal(way.states[-1], samples)
        same(sampler.complete(x, known, 3), samples)
        assert (samples[0] - samples[1])[~known].abs().max() > 1e-3
        other = torch.where(known, x, 1 - x)  # what is erased is not looked at
        same(sampler.complete(other, known, 3), samples)

    def test_no_pictures_have_no_samples(self, sampler):
        none = torch.zeros(0, 1, 28, 28)
        samples, way = sampler.sample(none, 2, trajectory=True)
        assert samples.shape == sampler.sample(none, 2).shape == (2, 0, 1, 28, 28)
        assert way.states.shape == (STEPS + 1, 2, 0, 1, 28, 28)

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (lambda s, y: s.sample(y[..., :14], 1), "not \\(B, 1, 28, 28\\)"),
            (lambda s, y: s.sample(y, 0), "0 originals"),
            (lambda s, y: s.sample(y, 1, steps=0), "0 steps"),
            (lambda s, y: s.sample(y, 1, seed=[1, 2]), "2 seeds for 5 pictures"),
            (lambda s, y: s.complete(y, y, 1), "boolean mask"),
            (lambda s, y: s.complete(y, y[:1] > 0, 1), "boolean mask"),
            (lambda s, y: s.fork(y[0], STEPS, 1), "cannot fork at step 12"),
            (lambda s, y: s.fork(y, 1, 1), "the guess has the shape"),
        ],
    )
    def test_what_cannot_be_is_refused(self, sampler, noisy, wrong, words):
        with pytest.raises(ValueError, match=words):
            wrong(sampler, noisy)


def test_fields_belong_to_seed_and_number():
    fields = draw_fields([5, 6, 5], 4, 2)
    assert fields.shape == (4, 3, 2, 1, 28, 28)
    assert torch.equal(fields[:, 0], fields[:, 2])
    assert torch.equal(draw_fields([5], 2, 2)[:, 0], fields[:2, 0])
    assert fields[:, :2].unique().numel() > 0.99 * 4 * 2 * 2 * 784
    assert fields.std().item() == pytest.approx(1, abs=0.05)


def test_fields_are_not_the_noise_that_the_same_seed_gives_a_picture():
    for seed in (0, 1, 77, -5 % 2**40):
        noise = draw_noise("gaussian", (1, 1, 28, 28), seed).values.flatten()
        field = draw_fields([seed], 1, 1).flatten()
        assert torch.corrcoef(torch.stack([noise, field]))[0, 1].abs() < 0.15


class TwoTemplates(nn.Module):
    """The exact guess where the digit is one of two, as likely as each other, seen under noise of factor f."""

    def __init__(self, templates: torch.Tensor, factor: float):
        super().__init__()
        self.templates, self.factor = nn.Parameter(templates), factor  # (2, 784)

    def evidence(self, observed: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Log-likelihood (B, 2) of what is observed under each template."""
        distance = (observed.flatten(1)[:, None] - self.templates).square() * known.flatten(1)[:, None]
        return -distance.sum(-1) / (2 * self.factor**2)

    @torch.no_grad()
    def is_second(self, samples: torch.Tensor) -> torch.Tensor:
        """1 where a flattened sample (..., 784) is nearer to the second template, else 0."""
        first, second = self.templates
        return ((samples - second).norm(dim=-1) < (samples - first).norm(dim=-1)).double()

    def forward(self, state, observed, known, time):
        time = time.view(-1, 1, 1)
        distance = (state.flatten(1)[:, None] - time * self.templates).square().sum(-1, keepdim=True)
        noise = -distance / (2 * (1 - time).square())
        share = torch.softmax(noise[..., 0] + self.evidence(observed, known), dim=1)
        return torch.logit(share @ self.templates).view(-1, 1, 28, 28)


@pytest.fixture(scope="module")
def toy():
    """Two templates that differ little enough for noise to hide which one it was."""
    first = torch.full((784,), 0.05)
    first[300:420] = 0.9
    second = first.clone()
    second[410:440] = 0.95 - second[410:440]
    return FlowSampler(TwoTemplates(torch.stack([first, second]), 1.0)).eval()


class TestExactPosterior:
    """Where Bayes' formula can be computed, the shares of the samples are Bayes' probabilities."""

    def test_shares_match_bayes(self, toy):
        network, factor, count = toy.network, 2.5, 300
        network.factor = factor
        drawn = torch.randint(2, (24,), generator=torch.Generator().manual_seed(1))
        clean = network.templates[drawn].view(-1, 1, 28, 28).detach()
        noisy = clean + factor * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))  # not clipped
        with torch.no_grad():
            bayes = torch.softmax(network.evidence(noisy, torch.ones_like(noisy)), dim=1)[:, 1]
        assert bayes.min() < 0.2
        assert bayes.max() > 0.8
        samples = toy.sample(noisy, count, seed=range(24)).flatten(2)
        second = network.is_second(samples)
        nearest = network.templates.detach()[second.long()]
        assert (samples - nearest).abs().max() < 0.05  # each sample is one of the two, not a mixture
        error = (bayes * (1 - bayes) / count).sqrt()
        gap = second.mean(dim=0) - bayes
        assert (gap / error.clamp_min(0.01)).abs().max() < 4.5
        assert (gap / error.clamp_min(0.01)).square().mean() < 1.6  # 1 is expected

    def test_nothing_observed_gives_the_prior(self, toy):
        dreams = toy.dream(1000).flatten(1)
        assert toy.network.is_second(dreams).mean().item() == pytest.approx(0.5, abs=4 * (0.25 / 1000) ** 0.5)

    def test_the_noise_in_a_dream_is_replaced_and_keeps_its_strength(self, toy):
        samples, way = toy.dream(300, steps=20, trajectory=True)
        templates = toy.network.templates.detach()
        end = templates[toy.network.is_second(samples.flatten(1)).long()]
        times = torch.tensor(toy.times(20, DREAM_POWER)[:-1]).view(-1, 1, 1)
        noise = (way.states[:-1].flatten(2) - times * end) / (1 - times)
        alike = templates[0] == templates[1]  # pixels that do not depend on which of the two it becomes
        noise = noise[:, :, alike]
        assert (noise.std(dim=(1, 2)) - 1).abs().max() < 0.02
        first = (noise[0] * noise).mean(dim=(1, 2))
        assert first[-1].item() == pytest.approx(math.exp(-DREAM_RATE * times[-1].item()), abs=0.02)

    def test_what_is_erased_does_not_count(self, toy):
        toy.network.factor = 0.1
        x = toy.network.templates[:1].detach().view(1, 1, 28, 28)
        known = (toy.network.templates[0] == toy.network.templates[1]).view(1, 1, 28, 28)
        samples = toy.complete(x, known, 400).flatten(2)[:, 0]
        assert toy.network.is_second(samples).mean().item() == pytest.approx(0.5, abs=4 * (0.25 / 400) ** 0.5)
        whole = toy.complete(x, torch.ones_like(known), 10)
        assert torch.equal(whole[0], x)


class TestLoss:
    """What the flow is trained on."""

    def test_it_is_lowest_for_the_truth(self, tiny_digits):
        class Oracle(nn.Module):
            def forward(self, state, observed, known, time):
                return torch.logit(x.clamp(1e-6, 1 - 1e-6)) * self.gain

        x = tiny_digits.floats()
        model, batch = FlowSampler(Oracle()), Batch(x, x, tiny_digits.labels)
        losses = []
        for model.network.gain in (0.5, 1, 2):
            losses.append(model.loss(batch, generator=torch.Generator().manual_seed(0)).item())
        assert losses[1] < min(losses[0], losses[2])

    def test_a_part_of_the_batch_sees_nothing_and_a_part_sees_erased_digits(self, tiny_digits):
        seen = {}

        class Spy(nn.Module):
            def forward(self, state, observed, known, time):
                seen.update(state=state, observed=observed, known=known, time=time)
                return torch.zeros_like(state)

        x = tiny_digits.floats().repeat(50, 1, 1, 1)
        noisy = torch.rand_like(x).clamp(0.1, 0.9)
        FlowSampler(Spy()).loss(Batch(noisy, x, None), generator=torch.Generator().manual_seed(0))
        share = seen["known"].flatten(1).mean(1)
        assert (share == 0).double().mean().item() == pytest.approx(0.1, abs=0.02)
        assert ((share > 0) & (share < 1)).double().mean().item() == pytest.approx(0.2, abs=0.03)
        assert set(seen["known"].unique().tolist()) == {0, 1}
        assert not seen["observed"][seen["known"] == 0].any()
        clean = (seen["observed"] == x * seen["known"]).flatten(1).all(1) & (share > 0)
        assert clean.double().mean().item() == pytest.approx(0.1, abs=0.02)
        assert seen["time"].min() == 0
        assert 0.5 < seen["time"].mean() < 0.7
        late = seen["time"] > 0.95
        assert (seen["state"] - x)[late].std() < 0.1

    def test_nothing_is_observed_where_only_dreams_are_trained(self, tiny_digits):
        seen = {}

        class Spy(nn.Module):
            def forward(self, state, observed, known, time):
                seen.update(observed=observed, known=known, time=time)
                return torch.zeros_like(state)

        x = tiny_digits.floats().repeat(50, 1, 1, 1)
        FlowSampler(Spy()).loss(Batch(x, x, None), "dream-bce", generator=torch.Generator().manual_seed(0))
        assert not seen["known"].any()
        assert not seen["observed"].any()
        assert 0.4 < seen["time"].mean() < 0.5  # half of the others are at 0.5 or before, a sixteenth at 0

    def test_erasers_leave_different_parts(self):
        known = erase((500, 1, 28, 28), torch.Generator().manual_seed(0))
        assert known.shape == (500, 1, 28, 28)
        erased = 1 - known.flatten(1).mean(1)
        assert erased.min() > 0
        assert erased.min() < 0.05
        assert erased.max() > 0.5
        assert ((1 - known).mean(0) > 0.02).all()  # anywhere

    def test_a_small_sampler_learns_in_seconds(self, tiny_digits):
        recipe = short(RECIPES["sampler"], settings=SMALL, epochs=12, batch_size=20, ema=0.5, learning_rate=1e-2)
        _, outcome = fit(recipe, tiny_digits)
        assert outcome["history"][-1]["train"] < 0.5 * outcome["history"][0]["train"]


class TestDreamBlocks:
    """Blocks for dreams change nothing else."""

    def test_they_begin_as_if_they_were_not_there_and_never_touch_what_is_observed(self, noisy):
        torch.manual_seed(1)
        plain = build("flow_unet", SMALL).eval()
        grown = grow(build("flow_unet", SMALL | {"dream_blocks": True}), plain).eval()
        erased = torch.zeros_like(noisy, dtype=torch.bool)
        for number in range(2):
            assert torch.equal(grown.sample(noisy, 2), plain.sample(noisy, 2))
            same_dreams = torch.equal(grown.dream(3), plain.dream(3))
            same_without_anything_known = torch.equal(
                grown.complete(noisy, erased, 1), plain.complete(noisy, erased, 1)
            )
            assert same_dreams == same_without_anything_known == (number == 0)
            for module in grown.modules():
                if isinstance(module, DreamBlock):
                    nn.init.normal_(module.second.weight, std=0.2)

    def test_in_a_mixed_batch_each_picture_gets_its_own(self, noisy):
        model = flow().network
        known = torch.ones_like(noisy)
        known[1:3] = 0
        args = (torch.randn_like(noisy), noisy * known, known, torch.full((len(noisy),), 0.3))
        with torch.no_grad():
            together = model(*args)
            for number in range(len(noisy)):
                same(model(*(each[number : number + 1] for each in args)), together[number : number + 1])
            same(model.train()(*args), together)

    def test_the_recipe_trains_them_alone(self, tiny_digits):
        recipe = growing()
        before = fit(recipe.stages[0], tiny_digits)[0].state_dict()
        after = fit(recipe, tiny_digits)[0].state_dict()
        assert all(torch.equal(after[key], value) for key, value in before.items())
        assert len(after) > len(before)

    def test_their_training_goes_on_from_a_checkpoint(self, tiny_digits, tmp_path, monkeypatch):
        script = load_script("state_from_checkpoint")
        monkeypatch.setattr(script, "current", replace(script.current, runs=tmp_path))
        whole = growing(ema=0.5)
        monkeypatch.setitem(RECIPES, "sampler", whole)
        plain = replace(whole, settings=SMALL, refinements=(), grown_from=None, note="Ours, before.")
        model, outcome = fit(plain, tiny_digits)
        save_model(model, trained_record(plain, model, outcome, tiny_digits, {}, ""), tmp_path)
        state = script.main("sampler", tmp_path)
        resumed, history = fit(whole, tiny_digits, state_file=state, resume=True)
        expected, _ = fit(whole, tiny_digits)
        for key, value in expected.state_dict().items():
            torch.testing.assert_close(resumed.state_dict()[key], value)
        assert [epoch["epoch"] for epoch in history["history"]] == [1, 2]
        monkeypatch.setitem(RECIPES, "sampler", replace(whole, learning_rate=0.5))
        with pytest.raises(DenoiserError, match="does not go on from"):
            script.main("sampler", tmp_path)


class TestWarmStart:
    """The sampler starts as the U-Net."""

    def test_it_answers_as_the_unet(self, noisy):
        torch.manual_seed(1)
        unet, sampler = build("unet", SMALL).eval(), build("flow_unet", SMALL).eval()
        with torch.no_grad():
            sampler.warm_start(unet.state_dict())
            torch.testing.assert_close(sampler(noisy), unet(noisy), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        "other", [{"widths": (8, 8, 8), "blocks": (1, 1, 1)}, {"widths": (4, 8, 8), "blocks": (1, 2, 1)}]
    )
    def test_another_network_does_not_fit(self, other):
        with pytest.raises(ValueError, match=r"weights|shapes|layers"):
            build("flow_unet", SMALL).warm_start(build("unet", other).state_dict())
        with pytest.raises(ValueError, match="width"):
            build("flow_unet", SMALL).warm_start(build("dense", {"widths": (4,)}).state_dict())

    def test_training_starts_there(self, tiny_digits):
        recipe = replace(
            short(RECIPES["sampler"], settings=SMALL, epochs=1, batch_size=20, learning_rate=1e-9, ema=0.0),
            warm_start="unet",
        )
        unet = build("unet", SMALL)
        model, _ = fit(recipe, tiny_digits[:20], warm_start=unet.state_dict())
        torch.testing.assert_close(model.network.body[3].weight, unet.state_dict()["body.3.weight"], rtol=0, atol=1e-6)
        with pytest.raises(TrainingError, match="train that first"):
            fit(recipe, tiny_digits)
        with pytest.raises(TrainingError, match="cannot start from unet"):
            fit(recipe, tiny_digits, warm_start={})


class TestBaseline:
    """What the untrained sampler computes by itself."""

    @pytest.mark.parametrize("factor", [0.1, 0.5, 1.0])
    def test_it_estimates_the_noise_factor(self, factor, tiny_digits):
        x = tiny_digits.floats()
        noisy = add_noise(x, draw_noise("gaussian", x.shape, 0), factor)
        error = estimate_factor(noisy, x) - factor
        assert error.abs().max() < 0.15
        assert error.mean().abs() < 0.03

    def test_clipped_pixels_come_from_the_truncated_normal(self):
        x = torch.full((4, 1, 28, 28), 0.3)
        raw = x + 0.8 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        noisy = raw.clamp(0, 1)
        filled = unclip(
            noisy, x, torch.full((4, 1, 1, 1), 0.8), torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
        )
        assert torch.equal(filled[(noisy > 0) & (noisy < 1)], noisy[(noisy > 0) & (noisy < 1)])
        assert filled[noisy == 0].max() <= 0
        assert filled[noisy == 1].min() >= 1
        assert filled.mean().item() == pytest.approx(raw.mean().item(), abs=0.03)
        assert filled.std().item() == pytest.approx(0.8, abs=0.03)

    def test_nothing_breaks_where_clipping_is_next_to_impossible(self):
        x, noisy = torch.zeros(1, 1, 28, 28), torch.ones(1, 1, 28, 28)
        assert unclip(noisy, x, torch.full((1, 1, 1, 1), 0.02), torch.randn(1, 1, 28, 28)).isfinite().all()

    def test_the_likelihood_of_clipped_pixels_adds_up(self):
        x = torch.tensor([0.2, 0.9]).view(1, 1, 1, 2)
        noisy = torch.tensor([0.5, 1.0]).view(1, 1, 1, 2)
        normal = torch.distributions.Normal(0.0, 1.0)
        expected = (
            torch.distributions.Normal(0.2, 0.4).log_prob(torch.tensor(0.5)) + normal.cdf(torch.tensor(-0.25)).log()
        )
        torch.testing.assert_close(gaussian_log_likelihood(noisy, x, 0.4), expected.view(1))
        at_zero = gaussian_log_likelihood(torch.zeros(1, 1, 1, 2), x, 0.4)
        torch.testing.assert_close(at_zero, (normal.cdf(-x / 0.4)).log().sum().view(1))


class TestUnfinishedTraining:
    """What a training has reached can be used before its end."""

    @pytest.mark.parametrize("ema", [0.0, 0.5])
    def test_its_state_becomes_a_checkpoint(self, ema, tiny_digits, tmp_path):
        script = load_script("checkpoint_from_state")
        recipe = short(RECIPES["sampler"], settings=SMALL, epochs=1, ema=ema)
        state = tmp_path / "state.safetensors"
        model, outcome = fit(recipe, tiny_digits, state_file=state)
        script.main(state, tmp_path)
        loaded, record = load_checkpoint("sampler", folder=tmp_path)
        for key, value in model.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value), key
        assert [asdict(epoch) for epoch in record.history] == outcome["history"]
        assert record.fingerprint == recipe.fingerprint()

    def test_before_it_grows_too(self, tiny_digits, tmp_path):
        script = load_script("checkpoint_from_state")
        recipe = growing()
        state = tmp_path / "state.safetensors"
        training = train_steps(recipe, tiny_digits, state_file=state)
        while len(next(training).history) < 1:
            pass
        training.close()
        script.main(state, tmp_path)
        loaded, record = load_checkpoint("sampler", folder=tmp_path)
        model, _ = fit(recipe.stages[0], tiny_digits)
        noisy = tiny_digits[:2].floats()
        assert torch.equal(loaded.sample(noisy, 1), model.sample(noisy, 1))
        assert record.fingerprint == "after epoch 1 of 2"
