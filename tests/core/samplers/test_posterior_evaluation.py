"""Figures of samplers: a sampler that knows the answer gets the figures of one, and one that does not does not."""

import json

import pytest
import torch
from torch import nn

from denoiser.cli import main
from denoiser.data import Digits
from denoiser.errors import DenoiserError
from denoiser.evaluation.posterior import (
    format_dreams,
    format_originals,
    frechet_distance,
    measure_dreams,
    measure_originals,
)
from denoiser.samplers import IMAGE, Sampler


def fields(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Repeats(Sampler):
    """Answers with pictures it was given, in turn, whatever it sees; for a seed, from there on."""

    def __init__(self, pictures: torch.Tensor):
        super().__init__()
        self.pictures = pictures

    def sample(self, noisy, count, seed=0, **_):
        index = torch.tensor(list(seed))[None] + torch.arange(count)[:, None] + 1
        return self.pictures[index % len(self.pictures)]

    def dream(self, count, seed=0, **_):
        return self.pictures[(seed + torch.arange(count)) % len(self.pictures)]


class Reader(nn.Module):
    """Reads the digit written as the brightness of the picture's first pixel; its hidden layer is the mean picture."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(2, 10)
        with torch.no_grad():
            self.last.weight.copy_(torch.stack([20 * torch.arange(10.0), torch.zeros(10)], dim=1))
            self.last.bias.copy_(-10 * torch.arange(10.0).square())

    def forward(self, x):
        return self.last(torch.stack([9 * x[:, 0, 0, 0], x.mean(dim=(1, 2, 3))], dim=1))


@pytest.fixture(scope="module")
def flat():
    """Pictures (100, 1, 28, 28) whose first pixel says the digit; the rest is grey noise."""
    labels = torch.arange(100) % 10
    pictures = (0.5 + 0.1 * fields(0, 100, *IMAGE)).clamp(0, 1)
    pictures[:, 0, 0, 0] = labels / 9
    return Digits((pictures * 255).round().to(torch.uint8), labels)


def test_originals_that_are_exchangeable_with_the_truth_get_the_right_figures(flat):
    seen = []
    row = measure_originals(Repeats(flat.floats()), nn.Identity(), Reader(), flat, "gaussian", 0.5, 16, seen.append)
    assert row["spread_over_error"] == pytest.approx(1, abs=0.05)
    assert row["coverage"] == pytest.approx(7 / 9, abs=0.02)
    assert set(row["ranks"]) == {"ink", "slant", "stroke width"}
    assert sum(row["ranks"]["ink"]) == sum(seen) == row["digits"] == 100
    assert row["votes"]["confidence"] < 0.3  # all digits in turn
    assert row["pooled"]["confidence"] == pytest.approx(row["votes"]["confidence"], abs=0.02)  # each is read surely
    assert row["gain"]["8"] < row["gain"]["16"]
    assert row["gain"]["16"] - row["gain"]["8"] == pytest.approx(
        10 * torch.log10(torch.tensor(18 / 17)).item(), abs=0.1
    )
    assert row["log_likelihood"] < 0  # pictures that were not what was made noisy


def test_the_truth_itself_is_without_spread_and_always_right(flat):
    class Knows(Repeats):
        def sample(self, noisy, count, seed=0, **_):
            return self.pictures[torch.tensor(list(seed))].expand(count, -1, -1, -1, -1)

    shifted = Digits(flat.images, flat.labels)
    row = measure_originals(Knows((flat.floats() + 0.02).clamp(0, 1)), nn.Identity(), Reader(), shifted, "poisson", 0.5)
    assert row["spread_over_error"] == pytest.approx(0, abs=1e-6)
    assert row["votes"]["accuracy"] == row["votes"]["confidence"] == 1
    assert row["log_likelihood"] is None
    assert row["gain"]["1"] == pytest.approx(row["gain"]["16"], abs=1e-6)
    table = format_originals([row | {"sampler": "knows"}])
    assert "poisson" in table
    with pytest.raises(DenoiserError, match="votes take 16"):
        measure_originals(Knows(flat.floats()), nn.Identity(), Reader(), flat, "gaussian", 0.5, 8)


def test_dreams_that_are_training_digits_are_found_out(flat):
    training, test = flat[:60], flat[60:]
    copied = measure_dreams(Repeats(training.floats()), Reader(), training, test, 60)
    assert copied["nearest"] == pytest.approx(0, abs=0.05)
    assert copied["nearest_test"] > 1
    assert copied["closest_test"] > 1
    assert copied["sure"] == 1
    assert copied["total_variation"] == pytest.approx(0, abs=1e-6)
    assert copied["frechet"] == pytest.approx(copied["frechet_floor"], rel=1e-4)
    ones = measure_dreams(Repeats(training.floats()[1:2]), Reader(), training, test, 20)
    assert ones["total_variation"] == pytest.approx(0.9)
    assert ones["frechet"] > 5 * copied["frechet"] + 1
    assert "ones" in format_dreams([ones | {"sampler": "ones"}])


def test_the_frechet_distance_of_normal_distributions():
    first, spread = fields(1, 20_000, 3), torch.tensor([1.0, 2.0, 3.0])
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-8)
    second = fields(2, 20_000, 3) * spread + torch.tensor([1.0, 0.0, 0.0])
    expected = 1 + (spread - 1).square().sum().item()  # of means, and of standard deviations
    assert frechet_distance(first, second) == pytest.approx(expected, rel=0.03)


def test_the_command_line_measures_the_baseline(mnist_train, capsys, tmp_path):
    words = "evaluate --posterior --validation --limit 2 --factors 0.5 --models unet-ancestral --json"
    assert main([*words.split(), str(tmp_path / "figures.json")]) == 0
    assert "unet-ancestral" in capsys.readouterr().out
    assert [row["sampler"] for row in results(tmp_path)["posterior"]["originals"]] == ["unet-ancestral"]


def results(folder) -> dict:
    return json.loads((folder / "figures.json").read_text())


class TestOneFileOfResults:
    """Figures of denoisers and of samplers are kept in one file, whatever is measured first."""

    @pytest.fixture(autouse=True)
    def _tiny(self, tiny_digits, tmp_path, monkeypatch, configure):
        monkeypatch.setattr("denoiser.data.load_dataset", lambda name, split, device="cpu": tiny_digits)
        monkeypatch.setattr("denoiser.cli.evaluate.split_validation", lambda digits: (digits, digits))
        configure(runs=tmp_path / "runs")

    def measure(self, words, file):
        assert main(["evaluate", *words.split(), "--limit", "2", "--factors", "0.5", "--json", str(file)]) == 0

    def test_neither_command_overwrites_the_other(self, tmp_path):
        file = tmp_path / "figures.json"
        self.measure("--models median", file)
        self.measure("--posterior --models unet-ancestral", file)
        both = results(tmp_path)
        assert both["results"]
        assert "--posterior --originals 16" in both["posterior"]["originals"][0]["command"]
        self.measure("--models median", file)
        assert results(tmp_path)["posterior"] == both["posterior"]

    def test_noise_measured_later_joins_what_was_measured_before(self, tmp_path):
        file = tmp_path / "figures.json"
        for limit, factors in ((1, "0.5 0.7"), (2, "0.7 1")):
            words = f"evaluate --posterior --models unet-ancestral --limit {limit} --factors {factors} --json {file}"
            assert main(words.split()) == 0
        rows = results(tmp_path)["posterior"]["originals"]
        assert sorted((row["factor"], row["digits"]) for row in rows) == [(0.5, 1), (0.7, 2), (1, 2)]

    def test_a_file_of_something_else_stays(self, tmp_path, capsys):
        (tmp_path / "figures.json").write_text("[1, 2]")
        assert main(["evaluate", "--models", "median", "--limit", "2", "--json", str(tmp_path / "figures.json")]) == 2
        assert "is not overwritten" in capsys.readouterr().err
        assert (tmp_path / "figures.json").read_text() == "[1, 2]"
