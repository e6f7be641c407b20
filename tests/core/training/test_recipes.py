"""Every recipe says what it is; one that contradicts itself cannot be written."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest

import denoiser.recipe
from denoiser.data import Augmentation
from denoiser.errors import DenoiserError
from denoiser.models import build
from denoiser.recipe import FAMILIES, Recipe, RecipeError, Refinement, Source, fingerprint
from denoiser.recipes import RECIPES, get_recipe

DENOISER = next(r for r in RECIPES.values() if r.network == "dense" and r.task == "denoise" and r.optimizer == "adam")
CLEAN = next(r for r in RECIPES.values() if r.network == "dense" and r.task == "reconstruct")
VAE = next(r for r in RECIPES.values() if r.family == "vae")
READER = next(r for r in RECIPES.values() if r.task == "read")
AGAIN = (Refinement(epochs=3, learning_rate=1e-3, noise=("gaussian",)),)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_what_it_is_and_where_it_comes_from(name):
    recipe = RECIPES[name]
    assert recipe.name == name
    assert recipe.title
    assert recipe.family in FAMILIES
    if recipe.source is None:
        assert recipe.note
    else:
        assert recipe.source.title
        assert recipe.source.year >= 2013
        assert recipe.source.address.startswith("https://") or not recipe.source.address
    if recipe.headline_bce is not None:
        assert str(recipe.headline_bce) in recipe.headline


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_its_record(name):
    recipe = RECIPES[name]
    again = json.loads(json.dumps(recipe.as_dict()))
    assert again["name"] == name
    assert Recipe.from_dict(again) == recipe
    assert Recipe.from_dict(again | {"setting": "of a later version"}) == recipe
    assert fingerprint(again) == recipe.fingerprint()
    build(again["network"], again["settings"])  # what a checkpoint is built from


def test_titles_tell_recipes_apart():
    assert len({recipe.title for recipe in RECIPES.values()}) == len(RECIPES)


def test_names_are_file_names():
    assert all(name == name.lower() and name.replace("-", "").isalnum() for name in RECIPES)


@pytest.mark.parametrize(
    ("recipe", "changes", "words"),
    [
        (DENOISER, {"family": "forest"}, "unknown family 'forest'"),
        (DENOISER, {"task": "sing"}, "unknown task 'sing'"),
        (DENOISER, {"network": "nothing"}, "unknown network 'nothing'"),
        (DENOISER, {"optimizer": "lion"}, "unknown optimizer 'lion'"),
        (DENOISER, {"schedule": "lunar"}, "unknown schedule 'lunar'"),
        (DENOISER, {"noise_drawn": "twice"}, "noise_drawn is 'twice'"),
        (DENOISER, {"noise": ("rain",)}, "unknown noise"),
        (DENOISER, {"noise": "gaussian"}, "unknown noise in 'gaussian'"),
        (DENOISER, {"noise_factor": 1.5}, "not within 0 to 1"),
        (DENOISER, {"noise_factor": (0.6, 0.2)}, "not within 0 to 1"),
        (DENOISER, {"noise_factor": float("nan")}, "not within 0 to 1"),
        (DENOISER, {"epochs": 0}, "above 0"),
        (DENOISER, {"batch_size": -1}, "above 0"),
        (DENOISER, {"learning_rate": float("nan")}, "learning_rate is nan, not a number"),
        (DENOISER, {"learning_rate": 0.0}, "above 0"),
        (DENOISER, {"epochs": float("inf")}, "epochs is inf, not a whole number up to 100,000"),
        (DENOISER, {"epochs": True}, "epochs is True, not a whole number"),
        (DENOISER, {"epochs": 10**9}, "epochs is 1000000000, not a whole number up to"),
        (DENOISER, {"batch_size": 1e9}, "batch_size is 1000000000.0, not a whole number"),
        (DENOISER, {"seed": 99999999999999999999}, "seed is 99999999999999999999, not a whole number"),
        (DENOISER, {"seed": -1}, "seed is -1, not a whole number"),
        (DENOISER, {"title": 5}, "title is 5, not text"),
        (DENOISER, {"clip": float("inf")}, "clip is inf, not a number"),
        (DENOISER, {"penalties": {"weight_l1": "much"}}, "weight_l1 is 'much', not a number"),
        (DENOISER, {"augmentation": {"degrees": 5}}, "no Augmentation"),
        (DENOISER, {"settings": {"widths": (10**6,)}}, "no network that can be built"),
        (DENOISER, {"settings": {"widths": (8,) * 1000}}, "no network that can be built"),
        (DENOISER, {"settings": {"filters": 3}}, "does not take the settings"),
        (DENOISER, {"settings": {}}, "does not take the settings"),
        (DENOISER, {"optimizer_settings": {"rho": 0.9}}, "optimizer 'adam' does not take the settings"),
        (DENOISER, {"loss": "cross-entropy"}, "no loss 'cross-entropy'"),
        (DENOISER, {"loss": "hinge"}, "no loss 'hinge'"),
        (DENOISER, {"penalties": {"kl": 1.0}}, "not all of the penalties"),
        (DENOISER, {"noise": (), "noise_drawn": "each batch", "noise_factor": 0.0}, "to denoise, but has no noise"),
        (DENOISER, {"noise_factor": 0.0}, "need each other"),
        (DENOISER, {"noise": ()}, "need each other"),
        (DENOISER, {"task": "reconstruct"}, "to reconstruct clean digits, but adds noise"),
        (
            DENOISER,
            {"noise_drawn": "once", "augmentation": Augmentation(degrees=5)},
            "cannot follow pictures that augmentation changes",
        ),
        (DENOISER, {"grown_from": {"filters": 8}}, "cannot grow without a refinement"),
        (DENOISER, {"refinements": AGAIN, "grown_from": {"petals": 8}}, "does not take the settings"),
        (DENOISER, {"refinements": (replace(AGAIN[0], frozen=True),)}, "only the last .* can be frozen"),
        (DENOISER, {"refinements": (replace(AGAIN[0], frozen="no"),)}, "refinements are no Refinements"),
        (DENOISER, {"refinements": (replace(AGAIN[0], loss="elbo"),)}, "no loss 'elbo'"),
        (DENOISER, {"refinements": (replace(AGAIN[0], schedule="lunar"),)}, "unknown schedule 'lunar'"),
        (DENOISER, {"refinements": (replace(AGAIN[0], epochs=0),)}, "above 0"),
        (CLEAN, {"noise_drawn": "once"}, "noise drawn once, but no noise"),
        (CLEAN, {"task": "denoise"}, "to denoise, but has no noise"),
        (CLEAN, {"family": "vae"}, "not of family 'vae'"),
        (CLEAN, {"family": "referee", "task": "read"}, "not made for task 'read'"),
        (VAE, {"loss": "mse"}, "no loss 'mse'"),
        (VAE, {"penalties": {"code_l1": 1.0}}, "not all of the penalties"),
        (VAE, {"family": "dense"}, "not of family 'dense'"),
        (READER, {"loss": "bce"}, "no loss 'bce'"),
        (READER, {"penalties": {"weight_l1": 1.0}}, "not all of the penalties"),
        (READER, {"task": "denoise"}, "do not go together"),
        (READER, {"loss": "distillation"}, "a teacher and the loss 'distillation' need each other"),
        (READER, {"teacher": "referee"}, "a teacher and the loss 'distillation' need each other"),
        (READER, {"teacher": 5}, "teacher is 5, not text"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(recipe, changes, words):
    with pytest.raises(RecipeError, match=words) as caught:
        replace(recipe, **changes)
    assert str(caught.value).startswith(f"recipe {recipe.name!r}: ")
    assert isinstance(caught.value, DenoiserError)


@pytest.mark.parametrize("name", ["", "a b", "<img src=x>", "../up", "é", "a\n", "a" * 101])
def test_a_name_is_letters_digits_and_hyphens(name):
    with pytest.raises(RecipeError, match="is no name: letters, digits and hyphens"):
        replace(DENOISER, name=name)


def test_a_source_has_a_year():
    with pytest.raises(RecipeError, match="a year, a whole number"):
        Source("A paper", "<b>2016</b>", "")


def test_only_the_last_stage_has_the_grown_network():
    base = RECIPES["unet"]
    small, larger = {"widths": (4, 8), "blocks": (1, 1)}, {"widths": (4, 8), "blocks": (2, 1)}
    grown = replace(base, settings=larger, grown_from={"blocks": (1, 1)}, refinements=2 * AGAIN)
    assert [stage.settings for stage in grown.stages] == [small, small, larger]
    assert [stage.epochs for stage in grown.stages] == [base.epochs, 3, 3]
    assert grown.total_epochs == base.epochs + 6
    assert not any(stage.refinements or stage.grown_from for stage in grown.stages)


def test_a_refinement_changes_what_it_names_and_nothing_else():
    changed = replace(DENOISER, refinements=(replace(AGAIN[0], schedule="cosine"), *AGAIN)).stages
    assert [stage.schedule for stage in changed] == [DENOISER.schedule, "cosine", DENOISER.schedule]
    assert {stage.loss for stage in changed} == {DENOISER.loss}


def test_settings_that_refinements_did_not_have_change_no_fingerprint():
    refined = replace(DENOISER, refinements=AGAIN)
    older = refined.as_dict()
    older["refinements"] = [{"epochs": 3, "learning_rate": 1e-3, "noise": ("gaussian",)}]
    assert fingerprint(older) == refined.fingerprint()
    for change in ({"schedule": "cosine"}, {"loss": "mse"}, {"frozen": True}):
        assert fingerprint(older | {"refinements": [older["refinements"][0] | change]}) != refined.fingerprint()


def test_every_contradiction_is_named_at_once():
    with pytest.raises(RecipeError, match=r"unknown task 'sing'; unknown schedule 'lunar'"):
        replace(DENOISER, task="sing", schedule="lunar")


def test_a_recipe_cannot_be_changed_after_it_was_checked():
    with pytest.raises(FrozenInstanceError):
        DENOISER.epochs = 1


def test_one_factor_is_a_range_of_one():
    assert replace(DENOISER, noise_factor=0.3).noise_range == (0.3, 0.3)
    assert replace(DENOISER, noise_factor=(0.1, 0.9)).noise_range == (0.1, 0.9)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_found_by_its_name(name):
    assert get_recipe(name) is RECIPES[name]


def test_an_unknown_name_is_answered_with_those_that_there_are():
    with pytest.raises(RecipeError, match="unknown recipe 'conv-65'") as caught:
        get_recipe("conv-65")
    assert all(name in str(caught.value) for name in RECIPES)


def test_what_decides_the_weights_is_known_by_its_fingerprint(monkeypatch):
    before = DENOISER.fingerprint()
    assert fingerprint(json.loads(json.dumps(DENOISER.as_dict()))) == before  # as a record holds it
    assert replace(DENOISER, title="In other words", note="more").fingerprint() == before
    assert replace(DENOISER, seed=DENOISER.seed + 1).fingerprint() != before
    younger = {key: value for key, value in DENOISER.as_dict().items() if key not in ("clip", "ema")}
    assert fingerprint(younger) == before  # a setting that its recipe did not have is what it is by default
    version = denoiser.recipe.VERSION
    monkeypatch.setattr(denoiser.recipe, "VERSION", version + 1)
    assert DENOISER.fingerprint() != before == fingerprint(DENOISER.as_dict(), version=version)


def test_another_noise_kind_changes_no_recipe():
    more = """
import json, sys
from denoiser.noise import NOISES
if sys.argv[1:]:
    NOISES["rain"] = NOISES["gaussian"]
from denoiser.recipes import RECIPES
print(json.dumps({name: recipe.fingerprint() for name, recipe in RECIPES.items()}))
"""
    seen = [
        subprocess.run([sys.executable, "-c", more, *words], capture_output=True, text=True, check=True).stdout
        for words in ([], ["rain"])
    ]
    assert seen[0] == seen[1]
    assert json.loads(seen[0]) == {name: recipe.fingerprint() for name, recipe in RECIPES.items()}
