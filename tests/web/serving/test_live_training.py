"""Live trainings: what may be chosen, and what there is to see of them."""

import itertools
from types import SimpleNamespace

import pytest
import torch
from helpers import SMALL_CONV, SMALL_DENSE, pixels

from denoiser.data.synthetic_digits import DATA
from denoiser.metrics import psnr
from denoiser.models import build, parameter_count
from denoiser.recipe import Recipe
from denoiser.training import TrainingError
from denoiser.web.i18n import english
from denoiser.web.parsing import BadRequest
from denoiser.web.serving import live_training
from denoiser.web.train import tab

# ---------- what may be chosen ----------


def every_choice():
    for family, widths in live_training.WIDTHS.items():
        for width, code in itertools.product(widths, live_training.CODES[family]):
            yield (
                live_training.DEFAULTS
                | live_training.FAMILY_DEFAULTS[family]
                | {"family": family, "width": width, "code": code}
            )


def test_the_counts_shown_are_those_of_the_networks():
    counts = live_training.parameter_counts()
    for settings in every_choice():
        recipe = live_training.recipe_from(settings)
        key = "/".join(str(settings[name]) for name in ("family", "width", "code"))
        assert counts[key] == parameter_count(build(recipe.network, recipe.settings)), key


@pytest.mark.parametrize("key", ["noise", "loss", "rate"])
def test_every_choice_makes_a_recipe(key):
    for value in live_training.CHOICES[key]:
        recipe = live_training.recipe_from(SMALL_DENSE | {key: value})
        assert value in (recipe.noise[0], recipe.loss, recipe.learning_rate)


def test_what_the_page_starts_with_may_be_chosen():
    offered = tab.choices()
    for family in offered["widths"]:
        assert isinstance(
            live_training.recipe_from(offered["first"] | offered["well"][family] | {"family": family}), Recipe
        )


@pytest.mark.parametrize(
    "change",
    [
        {"family": "unet"},
        {"family": ["dense"]},
        {"width": 4},  # of the other family
        {"width": 10_000_000},
        {"width": True},
        {"width": "64"},
        {"code": 5},
        {"code": None},
        {"noise": "snow"},
        {"noise": {}},
        {"factor": 0},
        {"factor": 1.5},
        {"factor": float("nan")},
        {"factor": "0.5"},
        {"loss": "cross-entropy"},
        {"rate": 7},
        {"rate": True},
    ],
    ids=str,
)
def test_any_other_choice_is_refused_in_a_sentence(change):
    with pytest.raises(BadRequest, match=r"^[A-Z].*\.$"):
        live_training.recipe_from(SMALL_DENSE | change)


@pytest.mark.parametrize("settings", [None, 5, "dense", [], {}])
def test_what_are_no_settings_is_refused(settings):
    with pytest.raises(BadRequest):
        live_training.recipe_from(settings)


# ---------- what there is to see ----------


@pytest.mark.parametrize("settings", [SMALL_DENSE, SMALL_CONV], ids=["dense", "conv"])
def test_the_digits_get_clearer(few_strokes, settings):
    snapshots = list(itertools.islice(live_training.training_snapshots(live_training.recipe_from(settings), 30.0), 12))
    assert snapshots[-1].psnr > snapshots[0].psnr + 1
    assert snapshots[-1].validation < snapshots[0].validation
    assert [s.steps for s in snapshots] == sorted({s.steps for s in snapshots})


def test_figures_and_weights_are_of_the_pictures_shown(few_strokes):
    *_, snapshot = itertools.islice(live_training.training_snapshots(live_training.recipe_from(SMALL_DENSE), 30.0), 4)
    recipe = live_training.recipe_from(SMALL_DENSE)
    clean, noisy, origin = live_training.noisy_examples(recipe)
    model, record = live_training.model_from(recipe, snapshot)
    with torch.inference_mode():
        pictures = model(noisy)
    shown = torch.from_numpy(pixels(snapshot.pictures).copy()).view(10, 1, 28, 28) / 255
    assert (pictures - shown).abs().max() < 0.01
    assert psnr(shown, clean).mean().item() == pytest.approx(snapshot.psnr, abs=0.05)
    assert "our own" in english(origin)
    assert record.recipe.data == DATA


def test_the_budget_ends_it(few_strokes):
    *_, last = live_training.training_snapshots(live_training.recipe_from(SMALL_DENSE), 0.5)
    assert last.seconds >= 0.5
    assert last.history or last.steps < 4


def test_the_filters_shown_stay_the_same_ones(few_strokes):
    observer = live_training.Observer(live_training.recipe_from(SMALL_DENSE), few_strokes)
    start = torch.zeros(64, 28, 28)
    assert observer.changed_filters(start, 1)["count"] == live_training.MAX_FILTERS
    change = torch.zeros(64, 28, 28)
    change[5] = 1
    observer.changed_filters(change, live_training.FILTERS_FIXED_AFTER)
    chosen = observer.shown_filters.tolist()
    assert 5 in chosen
    observer.changed_filters(torch.rand(64, 28, 28), live_training.FILTERS_FIXED_AFTER + 1)
    assert observer.shown_filters.tolist() == chosen


def not_a_number(*args, **options):
    for done in (1, 2):
        yield SimpleNamespace(loss=torch.tensor(float("nan")), number=done, history=[])


def gives_up(*args, **options):
    raise TrainingError("It cannot go on.")
    yield


@pytest.mark.parametrize("steps", [not_a_number, gives_up])
def test_a_training_that_cannot_go_on_says_why(few_strokes, monkeypatch, steps):
    monkeypatch.setattr(live_training, "train_steps", steps)
    (only,) = live_training.training_snapshots(live_training.recipe_from(SMALL_DENSE), 1.0)
    assert isinstance(only, live_training.Failure)
    assert english(only.reason).endswith(".")
