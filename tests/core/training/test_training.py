"""The one loop: it lowers the loss, repeats itself from a seed, goes on where it was cut off, stops at nonsense."""

import errno
import json
import math
import os
import threading
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from helpers import NETWORKS, short

from denoiser.data import Digits, batches, split_validation
from denoiser.errors import DenoiserError
from denoiser.files import WriteError
from denoiser.models import build, parameter_count
from denoiser.noise import NOISES
from denoiser.recipe import Refinement
from denoiser.recipes import RECIPES
from denoiser.training import (
    Engine,
    NoisyBatches,
    Trainer,
    TrainingError,
    fit,
    loop,
    make_noisy,
    steps_per_epoch,
    train_steps,
    validation_loss,
)
from denoiser.training import (
    batches as batches_module,
)
from denoiser.training.distributed import ProcessGroup
from denoiser.training.trainer import WARMUP, learning_rate_factor

CUDA = pytest.param("cuda", marks=pytest.mark.gpu)
DEVICES = ["cpu", *([CUDA] if torch.cuda.is_available() else [])]

# The recipes that train each network by each optimiser, cheapest to tell apart: everything the loop may meet.
KINDS = {(recipe.network, recipe.optimizer): recipe for recipe in reversed(RECIPES.values())}
QUICK = next(r for r in RECIPES.values() if r.network == "dense" and r.noise_drawn == "once")
FRESH = next(r for r in RECIPES.values() if r.network == "dense" and r.noise and r.noise_drawn == "each batch")


def run(recipe, digits, **options):
    return fit(recipe, digits, **({"engine": Engine()} | options))


def curve(outcome):
    """The history without what a clock says."""
    return [(entry["epoch"], entry["train"], entry["validation"]) for entry in outcome["history"]]


def same_weights(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def stop_at(monkeypatch, number, what):
    """Let step `number`, counted from 1, do `what` with its loss."""
    real, done = Trainer.step, []

    def step(*args):
        done.append(1)
        return what(real, *args) if len(done) == number else real(*args)

    monkeypatch.setattr(Trainer, "step", step)


def interrupt(real, *args):
    raise KeyboardInterrupt


def is_nan(real, *args):
    return real(*args) * math.nan


@pytest.fixture(scope="module")
def few(tiny_digits):
    return tiny_digits[:48]  # 44 to train on: two whole batches of 16 and one of 12; 4 to validate on


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("network", NETWORKS)
def test_training_lowers_both_losses(network, device, tiny_digits):
    recipe = short(NETWORKS[network], epochs=12)
    digits = Digits(tiny_digits.images.to(device), tiny_digits.labels.to(device))
    torch.manual_seed(recipe.seed)
    untrained = build(recipe.network, recipe.settings).to(device)
    before = [validation_loss(untrained, NoisyBatches(part, recipe), "float32") for part in split_validation(digits)]
    model, outcome = run(recipe, digits)
    after = [validation_loss(model, NoisyBatches(part, recipe), "float32") for part in split_validation(digits)]
    assert after[0] < 0.8 * before[0]
    assert after[1] < 0.9 * before[1]
    history = outcome["history"]
    assert [entry["epoch"] for entry in history] == list(range(1, 13))
    assert history[-1]["train"] < history[0]["train"]
    assert history[-1]["validation"] == pytest.approx(after[1], rel=0.01)


def test_equal_seeds_give_equal_weights_whatever_other_threads_draw(few):
    ended, weights = threading.Event(), set()

    def draw():
        while not ended.is_set():
            torch.randint(10_000, ())

    others = [threading.Thread(target=draw) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for _ in range(100):
            model = Trainer(short(QUICK, epochs=1), few, Engine(), ProcessGroup()).model
            weights.add(b"".join(value.numpy().tobytes() for value in model.state_dict().values()))
    finally:
        ended.set()
        for other in others:
            other.join()
    assert len(weights) == 1


def test_the_outcome_says_how_it_was_trained(few):
    model, outcome = run(short(QUICK, epochs=2), few)
    assert not model.training
    assert outcome["device"] == "cpu"
    assert outcome["precision"] == "float32"
    assert outcome["threads"] == torch.get_num_threads()
    assert outcome["seconds"] == pytest.approx(sum(e["seconds"] for e in outcome["history"]), abs=0.1)
    assert json.loads(json.dumps(outcome)) == outcome


@pytest.mark.parametrize("recipe", [QUICK, FRESH, next(r for r in RECIPES.values() if r.family == "vae")])
def test_the_seed_decides_the_history(recipe, few):
    first, same, other = (run(short(recipe, seed=seed, epochs=2), few) for seed in (0, 0, 1))
    assert curve(first[1]) == curve(same[1])
    assert same_weights(first[0], same[0])
    assert curve(first[1])[0][1:] != curve(other[1])[0][1:]


@pytest.fixture
def goes_on(few, tmp_path, monkeypatch):
    """Train to the end, and again with a stop at some step, from which it must go on to the same; the first outcome."""

    def train_twice(recipe, stop, **options):
        state = tmp_path / "state.safetensors"
        whole = run(recipe, few, **options)
        with monkeypatch.context() as patch:
            stop_at(patch, stop, interrupt)
            with pytest.raises(KeyboardInterrupt):
                run(recipe, few, state_file=state, **options)
        resumed = run(recipe, few, state_file=state, resume=True, **options)
        assert curve(resumed[1]) == curve(whole[1])
        assert resumed[1]["history"][0]["seconds"] >= 0
        assert same_weights(resumed[0], whole[0])
        return whole

    return train_twice


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=" by ".join)
def test_a_training_that_was_interrupted_goes_on_as_if_it_had_not_been(kind, goes_on):
    goes_on(short(KINDS[kind], epochs=2), 3 + 2, engine=None)  # whichever this machine would choose


@pytest.mark.parametrize("steps", [3, 2 * 3 + 2, 3 * 3 + 2], ids=["in the first", "between", "in the second"])
def test_a_refined_training_goes_on_too(steps, goes_on):
    second = Refinement(epochs=2, learning_rate=1e-3, noise=("speckle",))
    whole = goes_on(short(FRESH, epochs=2, ema=0.9, refinements=(second,)), steps)
    assert [entry["epoch"] for entry in whole[1]["history"]] == [1, 2, 3, 4]


def test_a_refinement_starts_from_the_mean_weights_of_what_it_refines(few):
    first = short(FRESH, epochs=2, ema=0.9)
    still = Refinement(epochs=1, learning_rate=1e-12, noise=first.noise)
    before, after = run(first, few), run(replace(first, refinements=(still,)), few)
    assert curve(after[1])[:2] == curve(before[1])
    for a, b in zip(before[0].state_dict().values(), after[0].state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


SEEDLING = {"settings": {"widths": (4, 8), "blocks": (2, 2)}, "grown_from": {"blocks": (1, 1)}}


@pytest.mark.parametrize("steps", [3 + 2, 2 * 3 + 2], ids=["before it grows", "after"])
def test_a_network_that_grows_goes_on_too(steps, goes_on):
    still = Refinement(epochs=1, learning_rate=1e-12, noise=("gaussian",))
    recipe = short(RECIPES["unet"], epochs=1, refinements=(still, replace(still, learning_rate=1e-2)), **SEEDLING)
    whole = goes_on(recipe, steps)
    assert curve(whole[1])[0][2] == pytest.approx(curve(whole[1])[1][2], rel=1e-4)
    assert parameter_count(whole[0]) == parameter_count(build(recipe.network, recipe.settings))


FROZEN = Refinement(epochs=2, learning_rate=1e-2, noise=("gaussian",), schedule="cosine", frozen=True)


@pytest.mark.parametrize("steps", [3 + 2, 2 * 3 + 2], ids=["in the first epoch", "in the second"])
def test_a_frozen_network_learns_in_new_blocks_alone(steps, goes_on, few):
    grown = short(RECIPES["unet"], epochs=1, ema=0.5, refinements=(FROZEN,), **SEEDLING)
    small = replace(grown.stages[0], name="unet")
    before, after = run(small, few)[0].state_dict(), goes_on(grown, steps)[0].state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    added = after.keys() - before.keys()
    assert added
    assert all(after[key].any() for key in added if key.endswith("second.weight"))  # zero when it grew


def test_what_it_cannot_grow_from_is_said(few):
    again = Refinement(epochs=1, learning_rate=1e-3, noise=("gaussian",))
    plan = SEEDLING | {"grown_from": {"widths": (4, 4)}}
    with pytest.raises(TrainingError, match=r"unet cannot grow from {'widths': \(4, 4\)}: .* other shapes"):
        run(short(RECIPES["unet"], epochs=1, refinements=(again,), **plan), few)


def test_an_interruption_keeps_the_last_state(few, tmp_path, monkeypatch):
    recipe, state = short(QUICK), tmp_path / "state.safetensors"
    run(replace(recipe, epochs=1), few, state_file=tmp_path / "one epoch")
    stop_at(monkeypatch, 3 + 2, interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, few, state_file=state)
    from safetensors.torch import load_file

    kept, expected = load_file(state), load_file(tmp_path / "one epoch")
    assert kept.keys() == expected.keys()
    assert all(torch.equal(kept[key], expected[key]) for key in kept)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one epoch", "state.safetensors"]


def test_a_finished_training_that_is_resumed_is_finished(few, tmp_path, monkeypatch):
    recipe, state = short(QUICK), tmp_path / "state.safetensors"
    whole = run(recipe, few, state_file=state)
    stop_at(monkeypatch, 1, interrupt)  # there is nothing left to do
    again = run(recipe, few, state_file=state, resume=True)
    assert again[1]["history"] == whole[1]["history"]
    assert same_weights(again[0], whole[0])


def test_without_resume_a_training_starts_anew(few, tmp_path):
    recipe, state = short(QUICK, epochs=2), tmp_path / "state.safetensors"
    first = run(recipe, few, state_file=state)
    assert curve(run(recipe, few, state_file=state)[1]) == curve(first[1])
    assert curve(run(recipe, few, state_file=tmp_path / "none yet", resume=True)[1]) == curve(first[1])


class TestNonsense:
    """A loss that is not finite stops the training and keeps what was good."""

    def test_the_epoch_and_the_step_are_named_and_the_state_is_kept(self, few, tmp_path, monkeypatch):
        recipe, state = short(QUICK), tmp_path / "state.safetensors"
        whole = run(recipe, few)
        with monkeypatch.context() as patch:
            stop_at(patch, 3 + 2, is_nan)
            with pytest.raises(TrainingError, match=r"the loss is nan at epoch 2, step 2 \(of 3\)") as caught:
                run(recipe, few, state_file=state)
        assert recipe.name in str(caught.value)
        assert f"The state after epoch 1 is kept in {state}" in str(caught.value)
        assert isinstance(caught.value, DenoiserError)
        assert curve(run(recipe, few, state_file=state, resume=True)[1]) == curve(whole[1])

    def test_in_the_first_epoch_nothing_is_there_to_keep(self, few, tmp_path, monkeypatch):
        stop_at(monkeypatch, 1, is_nan)
        with pytest.raises(TrainingError, match=r"at epoch 1, step 1 .* Nothing was saved"):
            run(short(QUICK), few, state_file=tmp_path / "state")
        assert not list(tmp_path.iterdir())

    def test_a_real_divergence_is_seen(self, few):
        with pytest.raises(
            TrainingError, match=r"the loss is (nan|inf) at epoch 1.* smaller learning rate than 1e\+30"
        ):
            run(short(FRESH, learning_rate=1e30, optimizer="adam", optimizer_settings={}), few)

    def test_one_seen_only_in_validation_stops_too(self, few, tmp_path, monkeypatch):
        # The last step of an epoch may ruin the weights after its loss was computed.
        monkeypatch.setattr(loop, "validation_loss", lambda *args: math.inf)
        with pytest.raises(TrainingError, match="the loss is inf at epoch 1, in validation"):
            run(short(QUICK), few, state_file=tmp_path / "state")
        assert not list(tmp_path.iterdir())


class TestState:
    """What cannot be resumed from is refused in a sentence."""

    @pytest.fixture
    def state(self, few, tmp_path):
        path = tmp_path / "state.safetensors"
        run(short(QUICK, epochs=1), few, state_file=path)
        return path

    @pytest.mark.parametrize(
        "changes", [{"epochs": 2}, {"epochs": 1, "seed": 7}, {"epochs": 1, "learning_rate": 0.5}, {"name": "other"}]
    )
    def test_of_other_settings(self, few, state, changes):
        recipe = short(QUICK, **({"epochs": 1} | changes))
        with pytest.raises(TrainingError, match="with other settings") as caught:
            run(recipe, few, state_file=state, resume=True)
        assert str(state) in str(caught.value)
        assert repr(QUICK.name) in str(caught.value)

    def test_of_another_network(self, few, state):
        with pytest.raises(TrainingError, match="with other settings"):
            run(short(FRESH, epochs=1), few, state_file=state, resume=True)

    def test_of_the_same_training_in_other_words(self, few, state):
        recipe = short(QUICK, epochs=1, title="Renamed", note="A comma was missing.")
        assert len(run(recipe, few, state_file=state, resume=True)[1]["history"]) == 1

    @pytest.mark.parametrize("kept", [0, 7, 500, -1])
    def test_truncated(self, few, state, kept):
        state.write_bytes(state.read_bytes()[:kept])
        with pytest.raises(TrainingError, match="damaged and cannot be resumed from") as caught:
            run(short(QUICK, epochs=1), few, state_file=state, resume=True)
        assert str(state) in str(caught.value)

    @pytest.mark.parametrize("metadata", [None, {}, {"history": "[", "recipe": "{}"}])
    def test_another_file(self, few, state, metadata):
        from safetensors.torch import save_file

        save_file({"model.weight": torch.zeros(2)}, state, metadata)
        with pytest.raises(TrainingError, match="damaged and cannot be resumed from"):
            run(short(QUICK, epochs=1), few, state_file=state, resume=True)

    def test_weights_that_do_not_fit(self, few, state):
        from safetensors import safe_open
        from safetensors.torch import save_file

        with safe_open(state, "pt") as file:
            metadata = file.metadata()
        save_file({"model.weight": torch.zeros(2)}, state, metadata)
        with pytest.raises(TrainingError, match="damaged and cannot be resumed from"):
            run(short(QUICK, epochs=1), few, state_file=state, resume=True)


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_state_and_leaves_nothing_else(where, few, tmp_path, monkeypatch):
    recipe, state = short(QUICK), tmp_path / "state.safetensors"
    whole = run(recipe, few)
    real, calls = getattr(os, where), []

    def full_at_the_second_time(*args):
        calls.append(args)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, where, full_at_the_second_time)
        with pytest.raises(WriteError, match="could not be written: No space left") as caught:
            run(recipe, few, state_file=state)
    assert str(state) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [state.name]
    resumed = run(recipe, few, state_file=state, resume=True)
    assert curve(resumed[1]) == curve(whole[1])


class TestNoisyBatches:
    """Which pictures a model is shown, and with which noise."""

    @staticmethod
    def epoch(feed, epoch):
        """All batches of an epoch, drawn as the training loop draws them."""
        generator = feed.generator(epoch)
        order = batches(len(feed.digits), feed.recipe.batch_size, generator)
        return [feed.batch(index, generator) for index in order]

    @classmethod
    def shown(cls, feed, epoch):
        """All noisy pictures of an epoch in the order of the data set."""
        seen = cls.epoch(feed, epoch)
        return torch.cat([batch.noisy for batch in seen])[torch.cat([batch.labels for batch in seen]).argsort()]

    @pytest.fixture
    def numbered(self, few):
        return Digits(few.images, torch.arange(len(few)))

    def test_noise_drawn_once_is_the_same_at_each_epoch(self, numbered):
        feed = NoisyBatches(numbered, QUICK)
        assert torch.equal(self.shown(feed, 0), self.shown(feed, 1))
        assert torch.equal(self.shown(feed, 0), self.shown(NoisyBatches(numbered, QUICK), 1))
        assert not torch.equal(self.shown(feed, 0), self.shown(NoisyBatches(numbered, replace(QUICK, seed=1)), 0))

    def test_noise_of_each_batch_differs_by_epoch_alone(self, numbered):
        feed = NoisyBatches(numbered, FRESH)
        first, again, second = (self.shown(feed, epoch) for epoch in (0, 0, 1))
        assert torch.equal(first, again)
        assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))

    @pytest.mark.parametrize("recipe", [QUICK, FRESH])
    def test_no_two_pictures_get_the_same_noise(self, recipe):
        same = Digits(torch.full((32, 1, 28, 28), 128, dtype=torch.uint8), torch.arange(32))
        noisy = self.shown(NoisyBatches(same, recipe), 0)
        assert len(noisy.flatten(1).unique(dim=0)) == 32

    def test_an_epoch_shows_every_digit_once_in_another_order_each_time(self, numbered):
        feed = NoisyBatches(numbered, FRESH)
        orders = [torch.cat([batch.labels for batch in self.epoch(feed, epoch)]).tolist() for epoch in (0, 1, 2)]
        assert all(sorted(order) == list(range(len(numbered))) for order in orders)
        assert all(a != b for a, b in pairwise(orders))

    @pytest.mark.parametrize("name", RECIPES)
    def test_the_target_is_the_digit_behind_the_noisy_picture(self, name, numbered):
        recipe = replace(RECIPES[name], batch_size=16)
        for batch in self.epoch(NoisyBatches(numbered, recipe), 0):
            assert batch.noisy.shape == batch.clean.shape == (len(batch.labels), 1, 28, 28)
            assert batch.noisy.min() >= 0
            assert batch.noisy.max() <= 1
            if recipe.augmentation is None:
                assert torch.equal(batch.clean, numbered[batch.labels].floats())
            else:
                assert not torch.equal(batch.clean, numbered[batch.labels].floats())
            assert torch.equal(batch.noisy, batch.clean) == (not recipe.noise)

    @pytest.mark.parametrize("name", RECIPES)
    def test_validation_shows_the_same_at_each_call_and_is_not_augmented(self, name, numbered):
        feed = NoisyBatches(numbered, RECIPES[name])
        (first, _), (second, _) = next(feed.validation()), next(feed.validation())
        assert torch.equal(first.noisy, second.noisy)
        assert torch.equal(first.clean, numbered.floats())
        assert torch.equal(first.labels, numbered.labels)

    def test_validation_does_not_repeat_the_noise_of_training(self, numbered):
        for recipe in (QUICK, FRESH):
            feed = NoisyBatches(numbered, recipe)
            noisy = next(feed.validation())[0].noisy
            assert not any(torch.equal(a, b) for a, b in zip(noisy, self.shown(feed, 0), strict=True))

    def test_validation_covers_all_digits_whatever_its_batches(self, numbered, monkeypatch):
        monkeypatch.setattr(batches_module, "VALIDATION_BATCH", 5)
        labels = torch.cat([batch.labels for batch, _ in NoisyBatches(numbered, FRESH).validation()])
        assert torch.equal(labels, numbered.labels)


class TestMakeNoisy:
    """A recipe's noise, on grey pictures that show what was added."""

    GREY = torch.full((400, 1, 28, 28), 0.5)

    def noisy(self, **changes):
        recipe = replace(FRESH, **changes)
        return make_noisy(self.GREY, recipe, torch.Generator().manual_seed(0))

    def test_one_factor_is_that_of_every_picture(self):
        spread = (self.noisy(noise_factor=0.1) - 0.5).flatten(1).std(dim=1)
        assert spread.min() > 0.085
        assert spread.max() < 0.115

    def test_a_range_of_factors_is_used_evenly(self):
        spread = (self.noisy(noise_factor=(0.02, 0.12)) - 0.5).flatten(1).std(dim=1)
        assert spread.min() < 0.03
        assert spread.max() > 0.11
        assert spread.mean().item() == pytest.approx(0.07, abs=0.006)

    def test_kinds_share_the_batch_equally(self):
        noisy = self.noisy(noise=("gaussian", "salt-and-pepper"), noise_factor=0.1)
        extremes = ((noisy == 0) | (noisy == 0.5) | (noisy == 1)).flatten(1).all(dim=1)
        assert int(extremes.sum()) == 200

    @pytest.mark.parametrize("count", [1, 3, 7, 16])
    def test_a_batch_smaller_than_the_kinds_stays_whole(self, count):
        recipe = replace(FRESH, noise=(*NOISES, *NOISES), noise_factor=0.5)
        assert make_noisy(self.GREY[:count], recipe, torch.Generator().manual_seed(0)).shape == (count, 1, 28, 28)


class TestSchedule:
    """The learning rate, as a multiple of the recipe's."""

    def test_constant(self):
        assert {learning_rate_factor("constant", progress / 10) for progress in range(11)} == {1.0}

    def test_cosine_climbs_and_then_falls_to_nothing(self):
        factors = [learning_rate_factor("cosine", i / 1000) for i in range(1001)]
        top = factors.index(max(factors))
        assert factors[0] == 0
        assert 0.95 < factors[top] <= 1
        assert top / 1000 == pytest.approx(WARMUP, abs=0.01)
        assert all(a < b for a, b in pairwise(factors[: top + 1]))
        assert all(a > b for a, b in pairwise(factors[top:]))
        assert factors[-1] == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize("schedule", ["constant", "cosine"])
    def test_it_is_what_the_optimiser_gets(self, schedule, few, monkeypatch):
        rates, real = [], Trainer.step

        def step(trainer, batch):
            rates.append(trainer.optimizer.param_groups[0]["lr"])
            return real(trainer, batch)

        monkeypatch.setattr(Trainer, "step", step)
        run(short(QUICK, schedule=schedule, learning_rate=0.01), few)
        assert rates == pytest.approx([0.01 * learning_rate_factor(schedule, i / 9) for i in range(9)])


def test_penalties_climb_to_their_full_weight(few, monkeypatch):
    vae = next(r for r in RECIPES.values() if r.family == "vae")
    weights, real = [], Trainer.step

    def step(trainer, batch):
        weights.append(float(trainer.penalties["kl"]))
        return real(trainer, batch)

    monkeypatch.setattr(Trainer, "step", step)
    run(short(vae, penalties={"kl": 2.0}, penalty_warmup=2), few)
    assert weights == pytest.approx([2 * min(1, i / 6) for i in range(9)])


def test_validation_leaves_the_model_as_it_was_and_counts_every_picture_once(few, monkeypatch):
    model, feed = build(FRESH.network, FRESH.settings).train(), NoisyBatches(few, replace(FRESH, noise_factor=0.01))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    whole = validation_loss(model, feed, "float32")
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    monkeypatch.setattr(batches_module, "VALIDATION_BATCH", 7)  # the last batch is smaller and must weigh less
    assert validation_loss(model, feed, "float32") == pytest.approx(whole, rel=1e-3)


def test_validation_leaves_penalties_out(few):
    plain = short(FRESH, epochs=1)
    torch.manual_seed(0)
    model = build(plain.network, plain.settings)
    punished = replace(plain, penalties={"weight_l1": 1.0})
    losses = [validation_loss(model, NoisyBatches(few, recipe), "float32") for recipe in (plain, punished)]
    assert losses[0] == losses[1]


def test_who_watches_sees_every_step_of_the_same_training(tiny_digits):
    recipe = short(FRESH)
    model, outcome = run(recipe, tiny_digits)
    watched, seen = train_steps(recipe, tiny_digits, engine=Engine()), []
    try:
        while True:
            seen.append(next(watched))
    except StopIteration as over:
        same, told = over.value
    assert same_weights(model, same)
    assert curve(outcome) == curve(told)
    assert [step.number for step in seen] == list(range(1, len(seen) + 1))
    assert len(seen) == recipe.epochs * steps_per_epoch(recipe, len(split_validation(tiny_digits)[0]))


def test_who_closes_the_watch_has_stopped_the_training(tiny_digits, monkeypatch):
    done = []
    real = Trainer.step
    monkeypatch.setattr(Trainer, "step", lambda *args: done.append(1) or real(*args))
    watched = train_steps(short(FRESH), tiny_digits, engine=Engine())
    assert next(watched).number == 1
    assert next(watched).number == 2
    watched.close()
    assert len(done) == 2
    assert next(watched, None) is None
