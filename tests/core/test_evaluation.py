"""Evaluation: its figures by hand, its going on after a cut, its tables, and the committed results."""

import json
import math

import pytest
import torch
from helpers import ROOT
from torch import nn

from denoiser import list_models, metrics
from denoiser.checkpoint import FOLDER
from denoiser.errors import DenoiserError
from denoiser.evaluation import (
    FACTORS,
    ORACLE,
    SAMPLE,
    default_models,
    evaluate,
    format_page,
    format_report,
    get_subject,
    measure,
    measure_quality,
    milliseconds,
    noisy_batches,
    subjects,
    tables,
)
from denoiser.filters import FILTERS
from denoiser.inspection import upsampling_kinds
from denoiser.latent import elbo_terms
from denoiser.models import build
from denoiser.noise import NOISES, Noise, add_noise, draw_noise
from denoiser.recipe import Method
from denoiser.record import Record

RESULTS = FOLDER / "evaluation.json"


@pytest.fixture
def digits(tiny_digits):
    return tiny_digits[:25]


def rows(report, **wanted):
    return [row for row in report["results"] if all(row[key] == value for key, value in wanted.items())]


def test_the_figures_are_the_metrics_of_noise_seeded_by_place(digits):
    report = evaluate(digits, ["median"], ("gaussian",), (0.5,), progress=False)
    clean = digits.floats()
    y = add_noise(clean, draw_noise("gaussian", clean.shape, range(len(clean))), 0.5)
    for name, x_hat in (("noisy", y), ("median", FILTERS["median"].build()(y))):
        (row,) = rows(report, model=name)
        assert (row["noise"], row["noise_factor"], row["images"], row["exact"]) == ("gaussian", 0.5, 25, 0)
        for metric in ("psnr", "ssim", "bce", "mse"):
            assert row[metric] == pytest.approx(getattr(metrics, metric)(x_hat, clean).mean().item(), rel=1e-4)
    about = report["models"]["median"]
    assert about["ms_batch_1"] > 0
    assert about["ms_batch_256"] > 0
    assert about["ms_sweep"] > 0


def test_the_size_of_batches_changes_nothing(digits, monkeypatch):
    monkeypatch.setattr(measure, "milliseconds", lambda model, x, threads=1: 0.0)
    arguments = (digits, ["tv"], ("poisson",), (0.7,))
    whole = evaluate(*arguments, progress=False)["results"]
    monkeypatch.setattr(measure, "BATCH_SIZE", 7)
    for one, other in zip(whole, evaluate(*arguments, progress=False)["results"], strict=True):
        for metric in ("psnr", "ssim", "bce", "mse"):
            assert other[metric] == pytest.approx(one[metric], rel=1e-4)


def test_a_cut_evaluation_goes_on_where_it_stopped_and_gives_the_same(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "milliseconds", lambda model, x, threads=1: 0.0)
    arguments = (digits, ["median", "gaussian", "median-oracle"], ("gaussian", "speckle"), (0.25, 0.5))
    whole = evaluate(*arguments, progress=False)
    calls = []

    def until_the_fifth(*given):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return measure_quality(*given)

    monkeypatch.setattr(measure, "measure_quality", until_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        evaluate(*arguments, cache_folder=tmp_path, progress=False)
    resumed = evaluate(*arguments, cache_folder=tmp_path, progress=False)
    assert resumed["results"] == whole["results"]
    assert len(calls) == 5 + 16 - 4  # the four rows before the cut were kept
    evaluate(*arguments, cache_folder=tmp_path, progress=False)
    assert len(calls) == 17
    evaluate(arguments[0][:24], *arguments[1:], cache_folder=tmp_path, progress=False)
    assert len(calls) == 33  # other digits: nothing kept fits


def test_a_damaged_kept_result_is_measured_again(digits, tmp_path):
    arguments = (digits, [], ("gaussian",), (0.5,))
    whole = evaluate(*arguments, cache_folder=tmp_path, progress=False)
    for file in tmp_path.iterdir():
        file.write_text(file.read_text()[:20])
    assert evaluate(*arguments, cache_folder=tmp_path, progress=False)["results"] == whole["results"]


def test_pictures_equal_to_their_reference_have_no_psnr(digits):
    report = evaluate(digits, ["median"], ("gaussian",), (0.0,), progress=False)
    (row,) = rows(report, model="noisy")
    assert row["psnr"] is None
    assert row["psnr_sample"] is None
    assert row["exact"] == 25
    assert row["mse"] == 0
    assert "inf" in format_report(report)
    json.dumps(report, allow_nan=False)


class Broken(nn.Module):
    """Gives not-a-number, or too small a picture."""

    def __init__(self, side):
        super().__init__()
        self.side = side

    def forward(self, x):
        return x[..., : self.side] * math.nan


@pytest.mark.parametrize(("side", "says"), [(28, "not finite"), (27, "shape")])
def test_a_broken_model_is_an_error_that_names_it(digits, monkeypatch, side, says):
    record = Record(Method("broken", "", "conv", "denoise"), sha256="0")
    monkeypatch.setattr(subjects, "load_model", lambda name, device: (Broken(side), record))
    with pytest.raises(DenoiserError, match=rf"broken, gaussian noise of 0.5: .*{says}"):
        evaluate(digits, ["broken"], factors=(0.5,), progress=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"names": ["nope"]}, "no trained model 'nope'"),
        ({"names": ["nope-oracle"]}, "no trained model 'nope-oracle'"),
        ({"kinds": ["fog"]}, "unknown noise kind 'fog'"),
        ({"factors": [0.5, 1.5]}, "1.5 is not within 0 to 1"),
        ({"factors": [-0.1]}, "-0.1 is not within 0 to 1"),
        ({"factors": [math.nan]}, "nan is not within 0 to 1"),
    ],
)
def test_bad_arguments_are_errors_before_anything_is_measured(digits, arguments, says, monkeypatch):
    monkeypatch.setattr(measure, "measure_quality", None)
    with pytest.raises(DenoiserError, match=says):
        evaluate(digits, **arguments, progress=False)


def test_the_default_rows_are_all_models_and_an_oracle_per_filter():
    assert default_models() == [*list_models(), *(name + ORACLE for name in FILTERS)]
    for name in default_models():
        assert get_subject(name).record.oracle == name.endswith(ORACLE)


def test_an_oracle_is_told_kind_and_factor(digits):
    module = get_subject("tv-oracle").module("speckle", 0.7)
    y = next(noisy_batches(digits, "speckle", 0.7))
    assert torch.equal(module(y), FILTERS["tv"].tuned("speckle", 0.7)(y))


def test_a_noise_that_filters_were_not_tuned_for_is_a_sentence_before_anything_is_measured(digits, monkeypatch):
    monkeypatch.setitem(NOISES, "new-kind", NOISES["gaussian"])
    monkeypatch.setattr(measure, "measure_quality", None)
    with pytest.raises(DenoiserError, match=r"^no parameters for 'new-kind'; run denoiser tune$"):
        evaluate(digits, ["median", "median-oracle"], ("gaussian", "new-kind"), progress=False)


def test_tables_fit_120_columns_and_name_every_row(digits):
    report = evaluate(
        digits, ["median", "median-oracle"], ("gaussian", "block-out"), (*FACTORS, 0.3, 0.9), progress=False
    )
    text = format_report(report)
    assert max(map(len, text.splitlines())) <= 120
    for word in ("PSNR", "SSIM", "BCE", "MSE", "median-oracle", "noisy", "Block-out", "batch 256"):
        assert word in text


def test_a_figure_is_reported_by_its_one_entry_and_left_out_where_stored_rows_lack_it(digits, monkeypatch):
    report = evaluate(digits, ["median"], factors=(0.5,), progress=False)
    before = format_report(report)
    assert "PSNR, dB" in before
    heading, _, first = next(block for block in before.split("\n\n") if "BCE, nats per pixel" in block).splitlines()[:3]
    assert heading.index("MSE") < len(first)  # a figure stands below its title, however long the titles before it are
    monkeypatch.setitem(measure.FIGURES, "new", measure.Figure("NEW", "", 1, 5))
    assert format_report(report) == before
    assert ">NEW<" not in format_page(report, {}, [], [])
    rows(report, model="median")[0]["new"] = 0.125
    assert [line.split()[-1] for line in format_report(report).split("NEW")[1].splitlines()[2:4]] == ["-", "0.12500"]
    assert '<option value="new">NEW</option>' in format_page(report, {}, [], [])
    assert set(measure.MEASURED) < set(measure.FIGURES)


def test_the_negative_elbo_is_its_two_terms_and_repeats(digits):
    torch.manual_seed(0)
    model = build("vae_dense", {"latent_dim": 2, "hidden": 16}).eval()
    found = elbo_terms(model, digits)
    assert found == elbo_terms(model, digits)
    assert found["negative_elbo"] == pytest.approx(found["recon"] + found["kl"])
    mu, logvar = model.posterior(digits.floats())
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    assert found["kl"] == pytest.approx(kl.item(), rel=1e-4)
    assert elbo_terms(model, digits, seed=1)["recon"] != found["recon"]


def test_codes_and_checkerboards_are_measured_where_there_are_some(digits, monkeypatch):
    monkeypatch.setattr(measure, "milliseconds", lambda model, x, threads=1: 1.0)
    report = evaluate(digits, factors=(0.5,), progress=False)
    for name, about in report["models"].items():
        model = get_subject(name).module("gaussian", 0.5)
        assert ("code" in about) == hasattr(model, "encode")
        assert ("checkerboard" in about) == bool(upsampling_kinds(model))
    boards = [about["checkerboard"] for about in report["models"].values() if "checkerboard" in about]
    assert boards
    assert all(list(board) == ["digits", "trained", "log-odds", "untrained"] for board in boards)
    assert len({tuple(board["digits"]) for board in boards}) == 1  # the same digits for all
    text = format_report(report)
    assert "checkerboards of period 2 / 4" in text
    assert "values of its code are 0" in text
    json.dumps(report, allow_nan=False)


def test_timing_leaves_the_number_of_threads_alone():
    before = torch.get_num_threads()
    assert milliseconds(nn.Identity(), torch.zeros(1, 1, 28, 28)) >= 0
    assert torch.get_num_threads() == before


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def test_the_committed_results_hold_every_model_filter_kind_and_factor(results):
    assert results["limit"] is None
    held = {(row["model"], row["noise"], row["noise_factor"]) for row in results["results"]}
    missing = {(m, k, f) for m in ("noisy", *default_models()) for k in NOISES for f in FACTORS} - held
    assert not missing, "run denoiser evaluate --noise all --json checkpoints/evaluation.json"
    assert all(row["images"] == 10_000 for row in results["results"])


def test_the_tables_of_the_docs_leave_out_variations_and_show_what_is_not_measured_as_a_dash(monkeypatch):
    found = tables.Results(RESULTS, ROOT / "docs")
    before = {name: make(found) for name, make in tables.TABLES.items()}
    monkeypatch.setattr(tables, "list_models", lambda: [*list_models(), "conv-64-long"])
    found.evaluation["models"]["conv-64-long"] = found.evaluation["models"]["conv-64"]
    assert {name: make(found) for name, make in tables.TABLES.items()} == before
    monkeypatch.setitem(NOISES, "new-kind", Noise("New kind", "the picture is hazy", NOISES["gaussian"].draw, None))
    for row in found.rows.values():
        del row["accuracy"]
    lines = tables.TABLES["kinds"](found).splitlines()
    assert lines[0].endswith("| New kind |")
    assert all(line.endswith("| - |") for line in lines[2:])
    assert tables.TABLES["summary"](found).splitlines()[2].endswith("| 5.98 | - | - |")


def test_the_committed_results_are_those_of_these_weights(results):
    for name in list_models():
        assert results["models"][name].get("sha256", "") == get_subject(name).record.sha256


def _recomputed(results, mnist_test, kind, limit, names):
    """(name, committed row, row measured now) for the first `limit` digits under `kind` of 0.5."""
    digits = mnist_test[:limit]
    noisy = list(noisy_batches(digits, kind, 0.5))
    for name in names:
        (row,) = rows(results, model=name, noise=kind, noise_factor=0.5)
        yield name, row, measure_quality(get_subject(name).module(kind, 0.5), digits, noisy)


@pytest.mark.slow
def test_a_sample_of_the_committed_results_is_recomputed_from_the_checkpoints(results, mnist_test):
    for kind in NOISES:
        for name, row, again in _recomputed(results, mnist_test, kind, SAMPLE, ["noisy", *default_models()]):
            assert again["psnr_sample"] == pytest.approx(row["psnr_sample"], abs=0.02), (name, kind)


@pytest.mark.slow
def test_a_committed_row_is_recomputed_over_all_test_digits(results, mnist_test):
    quick = min(list_models(), key=lambda name: results["models"][name]["ms_batch_256"])
    for name, row, again in _recomputed(results, mnist_test, "gaussian", None, ["noisy", quick]):
        for metric in ("psnr", "ssim", "bce", "mse"):
            assert again[metric] == pytest.approx(row[metric], rel=2e-3), (name, metric)
