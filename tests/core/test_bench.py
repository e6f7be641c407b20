"""The benchmarks: each way of training trains, and they meet at the same losses; the page is driven and timed."""

import json
import math
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
import torch

from denoiser import cli
from denoiser.bench import (
    ablations,
    export,
    gpu,
    limit,
    pacing,
    serving,
    stand_ins,
    start,
    summary,
    sweep,
    training,
    visit,
)
from denoiser.checkpoint import FOLDER, load_checkpoint, trained
from denoiser.data import split_validation
from denoiser.export import TOLERANCE
from denoiser.recipes import get_recipe
from denoiser.runtime import timing

CPU = torch.device("cpu")


def test_percentiles_are_interpolated():
    assert summary([3.0, 1.0, 2.0]) == {"count": 3, "p50": 2.0, "p95": 2.9}
    assert summary([0.0, 10.0], (95, 99)) == {"count": 2, "p95": 9.5, "p99": 9.9}


def test_unless_it_is_asked_for_nothing_is_measured():
    with timing.request_trace("compare"):
        assert timing._trace.get() is None
        assert isinstance(timing.span("models"), nullcontext)


def test_the_stages_of_a_request_are_parts_of_the_whole(tmp_path, monkeypatch):
    from denoiser.data.examples import EXAMPLES
    from denoiser.web.denoise import handlers as denoise
    from denoiser.web.endpoint import unqueued
    from denoiser.web.serving.model_pool import ModelPool

    monkeypatch.setattr(timing, "FILE", tmp_path / "lines")
    pool = ModelPool()
    call = unqueued(partial(denoise.compare, pool))
    usual = {"strokes": EXAMPLES["7"], "kind": "gaussian", "seed": 1, "models": ["conv-64", "median"]}
    for factors in ([0.5], None, [0.5]):
        call([json.dumps(usual | {"factors": factors})])
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert [line["factors"] for line in lines] == [1, 21, 1]
    parts = serving.SPANS[:-1]
    for line in lines:
        assert all(line[part] > 0 for part in parts)
        # not all of it, as others use the machine too
        assert 0.3 * line["whole"] < sum(line[part] for part in parts) <= 1.1 * line["whole"]
    split = serving.span_medians(lines)
    assert split["sweep"]["models"] == pytest.approx(lines[1]["models"], abs=0.01)
    assert set(split) == {"cards", "sweep"}


def test_what_misses_its_goal_is_named():
    good = {
        "pen_up_to_cards_ms": {"p50": 20, "p95": 30},
        "pen_up_to_sweep_ms": {"p50": 90, "p95": 120},
        "updates_per_second_while_drawing": 25,
        "slider_to_canvases_ms": {"p50": 1, "p95": 2},
    }
    slow = good | {"pen_up_to_cards_ms": {"p50": 300, "p95": 340}}
    assert serving.misses({"visits": {"mouse": good}}) == []
    assert len(serving.misses({"visits": {"mouse": slow}})) == 2
    assert serving.misses({"visits": {"mouse, 200 ms of network": slow}}) == []


@pytest.mark.slow
def test_the_serving_benchmark_drives_the_page(monkeypatch, capsys):
    monkeypatch.setattr(serving, "SLIDES", 1)
    with ThreadPoolExecutor(1) as own:  # the other browser tests' Playwright has this thread
        figures = json.loads(json.dumps(own.submit(serving.measure, strokes=1, delays=(200,), paths=1).result()))
    assert "median" in figures["models"]
    assert not set(figures["models"]) & set(figures["not_trained"])
    for found in figures["visits"].values():
        assert found["models"] == len(figures["models"])
        assert found["slider_calls"] == 0  # the slider asks nothing of the server
        assert found["per_stroke"]["received"] > 784 * len(figures["models"]) * 21
    near, far = figures["visits"]["mouse at 1280 px"], figures["visits"]["mouse, 200 ms of network"]
    assert far["pen_up_to_sweep_ms"]["p50"] > 200
    assert far["slider_to_canvases_ms"]["count"] > 20 < near["slider_to_canvases_ms"]["count"]
    assert figures["server_ms"]["sweep"]["models"] > 0
    serving.show(figures)
    out = capsys.readouterr().out
    assert all(name in out for name in (*figures["models"], *serving.SPANS))


@pytest.mark.slow
def test_what_shortens_the_wait_is_turned_off_in_turn(monkeypatch, capsys):
    late = "the sweep after the cards"
    monkeypatch.setattr(pacing, "WAYS", {name: pacing.WAYS[name] for name in (pacing.AS_SERVED, late)})
    with ThreadPoolExecutor(1) as own:  # as above
        figures = own.submit(pacing.measure, delays=(300,), rounds=1, strokes=1).result()
    found = figures["delays"]["300"]
    assert found[late]["sweep, ms"] > found[late]["cards, ms"] + 300  # a round trip of its own
    pacing.show(figures)
    assert f"({found[late]['sweep, ms'] / found[pacing.AS_SERVED]['sweep, ms']:.2f})" in capsys.readouterr().out


def test_no_ratio_is_given_where_nothing_was_updated(capsys):
    usual = {"cards, ms": 50, pacing.UPDATES: 0}
    late = {"cards, ms": 75, pacing.UPDATES: 0.3}
    pacing.show({"delays": {"0": {pacing.AS_SERVED: usual, "late": late}}, "rounds": 1})
    assert capsys.readouterr().out.splitlines()[-1].split() == ["late", "75", "(1.50)", "0.3", "(-)"]


def test_the_start_is_timed_and_what_it_imports(monkeypatch, capsys):
    monkeypatch.setattr(start, "seconds_to_answer", lambda: 4.5)
    monkeypatch.setattr(start, "IMPORTS", {start.USUAL: "http.server", start.AS_SERVED: "string"})
    figures = start.measure(rounds=1)
    assert figures["imports"][start.USUAL] > figures["imports"][start.AS_SERVED] >= 0
    start.show(figures)
    out = capsys.readouterr().out
    assert "after 4.5 s" in out
    assert f"{start.USUAL}: {figures['imports'][start.USUAL]:g} s" in out


@pytest.mark.slow
def test_a_sweep_is_timed_in_each_way_and_by_stage(capsys):
    threads = torch.get_num_threads()
    figures = sweep.measure(rounds=1)
    assert figures["ways"].keys() == sweep.WAYS.keys()
    assert all(0 < row["cards"] < row["sweep"] for row in figures["ways"].values())
    assert figures["stages"].keys() == {*figures["models"], "reading", "PSNR and SSIM"}
    assert torch.get_num_threads() == threads
    sweep.show(figures)
    assert "of the sweep as served: dense-16" in capsys.readouterr().out


@pytest.mark.slow
def test_a_visit_shows_its_headline_first_and_the_pad_last(browser, page_url):
    context = browser.new_context()
    network = {"latency": 20, "downloadThroughput": -1, "uploadThroughput": -1}
    found = visit.timed_visit(context, page_url, network)
    assert 20 < found["headline"] <= found["recorded cards"] < found["drawing"]
    context.close()


def test_each_engine_adds_one_trick_to_the_one_before():
    found = list(training.engines(CPU).values())
    for before, after in pairwise(found):
        changed = [key for key, value in vars(after).items() if vars(before)[key] != value]
        assert len(changed) == 1
    assert found[-1] == training.Engine.fastest(CPU)


@pytest.mark.slow
@pytest.mark.parametrize("name", training.SUBJECTS)
def test_the_tutorials_way_and_ours_learn_the_same(name, tiny_digits):
    recipe = replace(get_recipe(name), batch_size=10, schedule="constant", ema=0.0)
    digits, held_out = split_validation(tiny_digits)
    validation = training.NoisyBatches(held_out, recipe)
    ways = [training.tutorials_way(recipe, digits, CPU), training.our_way(recipe, digits, training.Engine())]
    (theirs, _), (ours, _) = (training.learning(*way, validation, None) for way in ways)
    assert ours == pytest.approx(theirs, rel=0.1)


@pytest.mark.slow
def test_a_way_runs_in_its_own_process_and_one_that_breaks_is_named(tiny_digits):
    recipe = replace(get_recipe("dense-16"), **training.PLAIN)
    about = (recipe, *split_validation(tiny_digits), "cpu")
    with training.running("another way", *about) as broken, training.running(training.TUTORIAL, *about) as ask:
        assert ask("rate", 0.01) > 0
        with pytest.raises(training.TrainingError, match="another way ended"):
            broken("ready")
    late = training.running(training.TUTORIAL, *about, patience=0.01)
    with late as ask, pytest.raises(training.TrainingError, match="did not answer in time"):
        ask("ready")


def test_ratios_are_taken_within_each_turn_and_shown_with_their_range():
    turns = [{training.TUTORIAL: rate, "ours": factor * rate} for rate, factor in ((100, 2), (10, 3), (50, 2.5))]
    assert training.summarize(turns, "ours") == {
        "digits_per_second": 125,
        "ratio": 2.5,
        "lowest": 2,
        "highest": 3,
    }


@pytest.fixture
def in_one_process(tiny_digits, monkeypatch):
    """`bench training` with few digits and all ways in this process, which is quicker."""

    @contextmanager
    def running(*about):
        runner = training.Runner(*about[:-1])  # all but the patience
        yield lambda method, *arguments: getattr(runner, method)(*arguments)

    monkeypatch.setattr(training, "running", running)
    monkeypatch.setattr(training, "load_mnist", lambda part: tiny_digits)
    monkeypatch.setattr(training, "SUBJECTS", {"dense-16": 8, "conv-64": 8})
    monkeypatch.setattr(training, "find_spec", lambda name: None)


def test_the_whole_benchmark_runs_and_can_be_written(in_one_process, capsys):
    figures = json.loads(json.dumps(training.measure(turn=0.01)))
    training.show(figures)
    assert figures["recipes"].keys() == training.SUBJECTS.keys()
    for ways in figures["recipes"].values():
        assert ways[training.TUTORIAL]["ratio"] == 1
        assert all(row["digits_per_second"] > 0 for row in ways.values())
        assert all(row["lowest"] <= row["ratio"] <= row["highest"] for row in ways.values())
    out = capsys.readouterr().out
    assert all(name in out for name in training.SUBJECTS)
    row = figures["recipes"]["conv-64"]["+ bfloat16" if "+ bfloat16" in out else "+ fused optimiser"]
    assert f"{row['lowest']:.2f} to {row['highest']:.2f}" in out


def test_every_form_of_a_network_is_measured(tiny_digits, monkeypatch, capsys):
    monkeypatch.setattr(export.data, "has_mnist", lambda: True)
    monkeypatch.setattr(export.data, "load_mnist", lambda part: tiny_digits)
    monkeypatch.setattr(export, "list_models", lambda: ["dense-32", "median"])
    figures = json.loads(json.dumps(export.measure()))
    export.show(figures)
    assert "dense-32" in capsys.readouterr().out
    ((name, forms),) = figures["models"].items()
    assert (name, tuple(forms)) == ("dense-32", export.FORMS)
    assert all(row["ms"] > 0 for row in forms.values())
    assert forms["int8"]["bytes"] < 0.35 * forms["onnx"]["bytes"]
    assert forms["onnx"]["difference"] <= TOLERANCE < forms["int8"]["difference"]
    assert forms["torch"]["bytes"] == load_checkpoint("dense-32")[1].bytes


class TestLimit:
    """What networks that differ in seed and digits say of the limit."""

    def test_the_mean_of_many_draws_is_as_much_better_as_two_of_them_say(self):
        generator = torch.Generator().manual_seed(0)
        best, bias, spread = torch.rand(40000, generator=generator), 0.1, 0.2
        draws = [best + bias + spread * torch.randn(40000, generator=generator) for _ in range(102)]

        def difference(a, b):
            return (a - b).square().mean().item()

        found = {"a": difference(draws[0], best), "b": difference(draws[1], best)}
        found |= {("a", "b"): difference(draws[0], draws[1]), ("a", "psnr"): 0.0, ("b", "psnr"): 0.0}
        together = difference(torch.stack(draws[2:]).mean(dim=0), best)
        expected = limit.decibels(together) - limit.decibels((found["a"] + found["b"]) / 2)
        said = limit.limit(found, ("a", "b"), ("a", "b"))
        assert said["seeds"] == said["draws"] == pytest.approx(expected, abs=0.2)

    def test_more_digits_are_extrapolated_as_one_over_their_number(self):
        def error(digits):
            return 0.01 + 20 / digits

        names = ("all", "again"), ("one", "other")
        found = dict.fromkeys(names[0], error(10_000)) | dict.fromkeys(names[1], error(5_000))
        found |= dict.fromkeys(names, 0.0) | {(name, "psnr"): 0.0 for pair in names for name in pair}
        gain = limit.limit(found, *names)["data"]
        assert gain == pytest.approx(limit.decibels(0.01) - limit.decibels(error(10_000)))

    @pytest.mark.slow
    def test_the_whole_benchmark_runs(self, tiny_digits, monkeypatch, capsys, tmp_path):
        monkeypatch.setattr(limit, "load_mnist", lambda part, device: tiny_digits)
        monkeypatch.setattr(stand_ins, "STATES", tmp_path)
        monkeypatch.setattr(limit, "EPOCHS", 1)
        figures = json.loads(json.dumps(limit.measure()))
        limit.show(figures)
        out = capsys.readouterr().out
        assert limit.UNSEEN in out
        assert all(f"{row['psnr']:.2f}" in out for row in figures["gaussian"])


class TestAblations:
    """What each choice in our own recipes is worth."""

    def test_each_variant_changes_one_choice(self):
        for recipes in ablations.plans().values():
            plain, *others = (recipe.as_dict() for recipe in recipes.values())
            for other in others:
                changed = {key for key in plain if key != "name" and other[key] != plain[key]}
                assert len(changed) == 1 or changed == ablations.CLEAN.keys()
            assert len({recipe.fingerprint() for recipe in recipes.values()}) == len(recipes)

    @pytest.mark.slow
    def test_the_whole_benchmark_runs(self, tiny_digits, monkeypatch, capsys, tmp_path):
        digits = tiny_digits[torch.arange(240) % 60]  # enough to validate on for ten nearest neighbours
        monkeypatch.setattr(ablations, "load_mnist", lambda part, device: digits)
        monkeypatch.setattr(stand_ins, "STATES", tmp_path)
        monkeypatch.setattr(ablations, "EPOCHS", dict.fromkeys(ablations.EPOCHS, 1))
        figures = json.loads(json.dumps(ablations.measure()))
        ablations.show(figures)
        out = capsys.readouterr().out
        for name, recipes in ablations.plans().items():
            assert figures["recipes"][name].keys() == recipes.keys()
            assert all(words in out for words in recipes)
        assert all(math.isfinite(row["0.5"]) for row in figures["recipes"]["unet"].values())
        assert all(row["negative_elbo"] > 0 for row in figures["recipes"]["vae-2d-best"].values())


class TestGpu:
    """Everything that waits for a GPU, rehearsed on the CPU."""

    def test_without_a_gpu_it_says_what_can_be_done(self, monkeypatch, tmp_path, capsys):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert cli.main(["bench", "gpu", "--out", str(tmp_path / "out")]) == 2
        assert "there is no CUDA device; --rehearse" in capsys.readouterr().err
        assert cli.main(["bench", "gpu", "--rehearse", "--minutes", "0"]) == 2
        assert "--minutes is 0, not above 0" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    @pytest.fixture
    def rehearsed(self, in_one_process, tiny_digits, monkeypatch, tmp_path):
        """A rehearsal with few digits, a small checkout whose only test needs a GPU, and its folder of results."""
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_it.py").write_text(
            "import pytest\n@pytest.mark.gpu\n@pytest.mark.skipif(True, reason='no GPU')\ndef test_it(): ..."
        )
        monkeypatch.setattr(gpu, "ROOT", tmp_path)
        monkeypatch.setattr(gpu, "load_mnist", lambda part: tiny_digits[:16])
        monkeypatch.setattr(training, "SUBJECTS", {"dense-16": 8})
        return tmp_path / "out"

    def test_every_part_runs_and_lies_in_one_folder(self, rehearsed, capsys):
        assert cli.main(["bench", "gpu", "--rehearse", "--out", str(rehearsed)]) == 0
        out = capsys.readouterr().out
        figures = json.loads((rehearsed / gpu.RESULTS).read_text(encoding="utf-8"))
        assert {name: part.get("failed") for name, part in figures.items() if name in gpu.SHARES} == dict.fromkeys(
            gpu.SHARES
        )
        assert figures["tests"]["exit_code"] == 0
        assert "1 skipped" in figures["tests"]["summary"]
        assert figures["training"]["recipes"]["dense-16"][training.TUTORIAL]["ratio"] == 1
        assert figures["zoo"]["models"].keys() == {"dense-32", "conv-8"}
        assert all(row["validation_before"] < row["validation"] for row in figures["zoo"]["models"].values())
        assert "sampler: 2 steps" in out
        assert sorted(path.name for path in rehearsed.iterdir()) == [*figures["archives"], gpu.RESULTS, gpu.LOG]
        assert all(path.stat().st_size < 16e6 for path in rehearsed.iterdir())

    def test_the_archives_hold_checkpoints_that_can_be_loaded(self, rehearsed, monkeypatch, tmp_path):
        monkeypatch.setattr(gpu, "SHARES", dict.fromkeys(gpu.SHARES, 0.3))
        monkeypatch.setattr(gpu, "PACKED", 2**20)  # less than the large models
        for part in ("run_tests", "compare_ways"):
            monkeypatch.setattr(gpu, part, lambda *given: {})
        figures = gpu.measure(out=rehearsed, rehearse=True)
        assert len(figures["archives"]) == 3
        for name in figures["archives"]:
            with tarfile.open(rehearsed / name) as archive:
                archive.extractall(tmp_path / "there", filter="data")
        assert trained(tmp_path / "there") == ["conv-8", "dense-32", "sampler", "unet"]
        before, after = (load_checkpoint("unet", folder=folder)[1] for folder in (FOLDER, tmp_path / "there"))
        assert len(after.history) == len(before.history) + 2
        assert after.recipe.fingerprint() == before.recipe.fingerprint() != after.fingerprint
        assert after.sha256 != before.sha256
        assert figures["unet"]["validation"] == pytest.approx(figures["unet"]["validation_before"], rel=0.5)

    def test_a_part_that_fails_is_named_and_the_others_go_on(self, rehearsed, monkeypatch, capsys):
        def fail(*given):
            raise RuntimeError("CUDA error\nmore")

        for part in ("run_tests", "train_zoo", "train_on"):
            monkeypatch.setattr(gpu, part, fail)
        figures = gpu.measure(out=rehearsed, rehearse=True)
        gpu.show(figures)
        assert "zoo failed: RuntimeError: CUDA error\n" in capsys.readouterr().out
        assert figures["training"]["recipes"]
        assert "in fail" in (rehearsed / gpu.ERRORS).read_text(encoding="utf-8")

    def test_what_there_is_no_time_for_is_given_up(self, rehearsed, tiny_digits, tmp_path):
        plan = replace(gpu.rehearsal(), epochs=None)
        assert gpu.train_zoo(plan, 0, tmp_path) == {"models": {"dense-32": {"given_up_after_epoch": 0, "of": 50}}}
        assert gpu.compare_ways(plan, 0)["recipes"] == {}
        (gpu.ROOT / "tests" / "test_it.py").write_text("mark.gpu\nwhile True: pass")
        assert gpu.run_tests(0.5, tmp_path / "log")["exit_code"] is None

    def test_the_learning_rate_falls_over_as_many_epochs_as_there_is_time_for(self, rehearsed, monkeypatch, tmp_path):
        monkeypatch.setattr(gpu, "_steps_per_second", lambda trainer, seconds: 1e-3)
        plan = replace(gpu.rehearsal(), epochs=None)
        found = gpu.train_on("unet", plan, 1000.0, tmp_path)
        assert found["planned"] == found["epochs"] == found["steps"] == 1
