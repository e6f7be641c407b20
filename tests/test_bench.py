"""The benchmark of training: every way trains, and the ways meet at the same losses."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from denoiser.bench import limit, percentile, summary, training
from denoiser.data import split_validation
from denoiser.recipes import get_recipe

CPU = torch.device("cpu")


def test_percentiles_are_interpolated():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2
    assert percentile([0.0, 10.0], 0.95) == pytest.approx(9.5)
    assert summary([1.0, 2.0, 3.0]) == {"count": 3, "p50": 2.0, "p95": 2.9}


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
    validation = training.Feed(held_out, recipe)
    ways = [training.tutorials_way(recipe, digits, CPU), training.our_way(recipe, digits, training.Engine())]
    (theirs, _), (ours, _) = (training.learning(*way, validation, None) for way in ways)
    assert ours == pytest.approx(theirs, rel=0.1)


@pytest.mark.slow
def test_the_whole_benchmark_runs_and_can_be_written(tiny_digits, monkeypatch, capsys):
    monkeypatch.setattr(training, "load_mnist", lambda part, device: tiny_digits)
    monkeypatch.setattr(training, "TURN", 0.05)
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    figures = json.loads(json.dumps(training.measure()))
    for ways in figures["recipes"].values():
        assert ways["the tutorial's way"]["ratio"] == 1
        assert all(row["digits_per_second"] > 0 for row in ways.values())
    training.show(figures)
    out = capsys.readouterr().out
    assert all(name in out for name in training.SUBJECTS)


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
        monkeypatch.setattr(limit, "STATES", tmp_path)
        monkeypatch.setattr(limit, "EPOCHS", 1)
        figures = json.loads(json.dumps(limit.measure()))
        limit.show(figures)
        out = capsys.readouterr().out
        assert limit.UNSEEN in out
        assert all(f"{row['psnr']:.2f}" in out for row in figures["gaussian"])
