"""The command line: each verb does its work, and each bad input is one line on stderr and exit code 2."""

import functools
import gzip
import json
import os
import struct
import subprocess
import sys
import urllib.error
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from denoiser import checkpoint, cli, data, filters, recipe, recipes
from denoiser.cli.parser import DATASETS_HELP
from denoiser.evaluation import measure, subjects
from denoiser.filters import FILTERS
from denoiser.models import build
from denoiser.recipes import RECIPES
from denoiser.record import Record
from denoiser.training import loop

RAW = [f"{part}-{name}" for part in ("train", "t10k") for name in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def run(*arguments, **environment):
    """`python -m denoiser ...` as people run it."""
    return subprocess.run(
        [sys.executable, "-m", "denoiser", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {key: str(value) for key, value in environment.items()},
    )


@pytest.fixture
def fails(capsys):
    """Runs a verb that must fail: exit code 2 and one line on stderr, which is returned."""

    def check(*arguments):
        assert cli.main([str(a) for a in arguments]) == 2
        line = capsys.readouterr().err
        assert line.startswith("denoiser: ")
        assert line.count("\n") == 1
        assert "Traceback" not in line
        return line

    return check


@pytest.fixture
def tiny_mnist(tiny_digits, tmp_path, monkeypatch, configure):
    """The verbs find our own digits where MNIST would be, and keep their unfinished work in a folder of the test."""
    monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": tiny_digits)
    configure(runs=tmp_path / "runs")
    return tiny_digits


@pytest.fixture
def tiny_recipe(tiny_mnist, tmp_path, monkeypatch, configure):
    """`tiny`: a recipe of two epochs, its checkpoint written to a folder of the test, which is returned."""
    tiny = replace(RECIPES["dense-32"], name="tiny", epochs=2, batch_size=10)
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny)
    monkeypatch.setattr(loop, "split_validation", lambda digits: (digits[:-10], digits[-10:]))
    configure(checkpoints=tmp_path)
    return tmp_path


@pytest.fixture
def picture(tiny_digits, tmp_path):
    """A function that writes a digit of ours, repeated to fill the given size, and returns its file."""

    def write(width=28, height=28):
        digit = np.tile(tiny_digits.images[3, 0].numpy(), (-(-height // 28), -(-width // 28)))[:height, :width]
        path = tmp_path / f"{width}x{height}.png"
        Image.fromarray(digit).save(path)
        return path

    return write


# ---------- what works ----------


def test_help_of_every_verb(capsys):
    for verb in ("list", "train", "tune", "noisy", "evaluate", "export", "denoise", "originals"):
        with pytest.raises(SystemExit) as stop:
            cli.main([verb, "--help"])
        assert stop.value.code == 0
        assert f"denoiser {verb}" in capsys.readouterr().out


def test_list_names_every_recipe_checkpoint_and_filter_in_one_aligned_line(capsys, checkpoint_names):
    assert cli.main(["list"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines]
    assert sorted(named) == sorted({*RECIPES, *checkpoint_names, *FILTERS})
    for column in ("state", "task", "title"):
        assert all(line[header.index(column) - 1] == " " != line[header.index(column)] for line in lines)


def test_train_writes_a_checkpoint_that_loads(tiny_recipe, capsys):
    assert cli.main(["train", "tiny", "--device", "cpu", "--precision", "float32"]) == 0
    assert "tiny: validation" in capsys.readouterr().out
    _, record = checkpoint.load_checkpoint("tiny", folder=tiny_recipe)
    assert [epoch.epoch for epoch in record.history] == [1, 2]
    assert not list((tiny_recipe / "runs").iterdir())


def test_a_recipe_with_other_settings_is_trained_under_its_own_name(tiny_recipe, capsys):
    arguments = ["train", "tiny", "--set", "batch_size=25", "epochs=1", "--as", "tiny-25", "--device", "cpu"]
    assert cli.main(arguments) == 0
    _, record = checkpoint.load_checkpoint("tiny-25", folder=tiny_recipe)
    assert (record.recipe.batch_size, len(record.history)) == (25, 1)
    assert record.command == "python -m denoiser train tiny --set batch_size=25 epochs=1 --as tiny-25"
    assert record.recipe.headline_bce is None  # the source's figure is of the source's settings


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name the recipes to train, or --all"),
        (("tiny", "--all"), "name the recipes to train, or --all"),
        (("tiny", "--set", "epochs=1"), "--set and --as go together"),
        (("tiny", "dense-16", "--set", "epochs=1", "--as", "new"), "change one recipe"),
        (("tiny", "--set", "epochs=1", "--as", "dense-16"), "the name of another recipe"),
        (("tiny", "--set", "epochs=1", "--as", "../new"), "no name"),
        (("tiny", "--set", "wings=2", "--as", "new"), "no setting 'wings'"),
        (("tiny", "--set", "name=2", "--as", "new"), "no setting 'name'"),
        (("tiny", "--set", "epochs=0", "--as", "new"), "must be above 0"),
        (("tiny", "--set", "epochs=many", "--as", "new"), "epochs is 'many', not a whole number"),
        (("tiny", "--set", "noise_factor=2", "--as", "new"), "not within 0 to 1"),
        (("tiny", "--set", "noise_factor=[0,1,2]", "--as", "new"), "wrong type"),
        (("tiny", "--set", "batch_size=1e9", "--as", "new"), "batch_size is 1000000000.0, not a whole number"),
        (("tiny", "--set", "epochs=1e400", "--as", "new"), "epochs is inf, not a whole number"),
        (("tiny", "--set", "epochs=NaN", "--as", "new"), "epochs is nan, not a whole number"),
        (("tiny", "--set", "seed=99999999999999999999", "--as", "new"), "not a whole number up to 4,294,967,295"),
        (("tiny", "--set", "seed=-1", "--as", "new"), "seed is -1"),
        (
            ("tiny", "--set", 'settings={"widths":[4096,4096,4096,4096,4096,4096,4096,4096]}', "--as", "new"),
            "parameters",
        ),
        (("tiny", "--set", 'settings={"widths":[1e9]}', "--as", "new"), "cannot be built"),
        (("tiny", "--set", 'settings={"widths":[8],"activation":"loud"}', "--as", "new"), "cannot be built"),
        (("tiny", "--set", 'optimizer_settings={"rho":7}', "--as", "new"), "rho"),
        (("tiny", "--set", "penalties=[1]", "--as", "new"), "wrong type"),
        (("tiny", "--set", "augmentation=5", "--as", "new"), "no Augmentation"),
        (("tiny", "--set", "title=5", "--as", "new"), "title is 5, not text"),
        (("tiny", "--set", "epochs=1", "--as", "<b>"), "no name"),
        (("tiny", "--set", "epochs=1", "--as", "数"), "no name"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence(tiny_recipe, fails, arguments, says):
    assert says in fails("train", *arguments)


def test_a_name_that_another_process_trains_is_refused(tiny_recipe, fails):
    with checkpoint.training_lock("tiny", tiny_recipe):
        line = fails("train", "dense-16", "tiny", "--device", "cpu")
    assert f"tiny is being trained by process {os.getpid()}" in line
    assert not list(tiny_recipe.rglob("*.safetensors"))  # dense-16 was not begun either
    assert not list(tiny_recipe.glob(".*.lock"))


@pytest.fixture
def own_models(tmp_path, monkeypatch, configure):
    """Recipes `tiny`, `map` and `judge`, of one epoch each; all that is trained goes to a folder of the test.

    Nothing stands in for a data set: they are looked for in a folder of the test, and the network is off.
    """
    folder = tmp_path / "models"
    short = {"epochs": 1, "batch_size": 10, "featured": False}
    for name, model in (("tiny", "dense-32"), ("map", "vae-2d"), ("judge", "referee")):
        monkeypatch.setitem(recipes.RECIPES, name, replace(RECIPES[model], name=name, **short))
    for name in ("load_model", "load_record", "list_models"):
        monkeypatch.setattr(subjects, name, functools.partial(getattr(subjects, name), folder=folder))
    monkeypatch.setattr(measure, "trained", functools.partial(measure.trained, folder))
    configure(checkpoints=folder, runs=tmp_path / "runs", data=tmp_path / "data")
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", None)
    return folder


@pytest.fixture
def folder(tiny_digits, tmp_path):
    """Digits of ours as PNG files."""
    (tmp_path / "scans").mkdir()
    for place, image in enumerate(tiny_digits.images[:24, 0]):
        Image.fromarray(image.numpy()).save(tmp_path / "scans" / f"{place}.png")
    return tmp_path / "scans"


def write_fashion(tiny_digits, tmp_path):
    """Digits of ours where torchvision looks for Fashion-MNIST, packed as they are when downloaded."""
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    images, labels = tiny_digits.images[:24].numpy().tobytes(), tiny_digits.labels[:24].byte().numpy().tobytes()
    for name in RAW:
        header = (
            struct.pack(">4B3I", 0, 0, 8, 3, 24, 28, 28) if "images" in name else struct.pack(">4BI", 0, 0, 8, 1, 24)
        )
        (raw / f"{name}.gz").write_bytes(gzip.compress(header + (images if "images" in name else labels)))


def test_recipes_are_trained_on_another_set_under_names_that_say_so(own_models, tiny_digits, tmp_path, capsys):
    write_fashion(tiny_digits, tmp_path)
    arguments = ["train", "tiny", "map", "--dataset", "fashion-mnist", "--device", "cpu"]
    assert cli.main(arguments) == 0
    assert "22 pictures to train, the last 2 to validate" in capsys.readouterr().out
    assert checkpoint.trained(own_models) == ["map-fashion-mnist", "tiny-fashion-mnist"]
    _, record = checkpoint.load_checkpoint("tiny-fashion-mnist", folder=own_models)
    assert record.data == "Fashion-MNIST training set: 22 pictures to train, the last 2 to validate"
    assert record.recipe.data == "fashion-mnist"
    assert "Fashion-MNIST" in record.recipe.title
    assert record.command == "python -m denoiser train tiny --dataset fashion-mnist"
    assert not list(own_models.glob("*.codes.npz"))  # the map shows MNIST's digits
    assert cli.main([*arguments, "--resume"]) == 0
    assert "tiny-fashion-mnist: is trained already" in capsys.readouterr().out


def test_a_recipe_is_trained_on_a_folder_and_says_so(own_models, folder, capsys):
    arguments = ["train", "tiny", "--data", str(folder), "--set", "batch_size=5", "--as", "mine", "--device", "cpu"]
    assert cli.main(arguments) == 0
    _, record = checkpoint.load_checkpoint("mine", folder=own_models)
    assert record.data.startswith("the folder scans (")
    assert record.data.endswith("): 22 pictures to train, the last 2 to validate")
    assert record.recipe.batch_size == 5
    assert f"--data {folder} --set batch_size=5 --as mine" in record.command


def stop_after_an_epoch(arguments, monkeypatch):
    """Ctrl-C as soon as the first epoch is saved."""

    def save_and_stop(*given):
        save(*given)
        raise KeyboardInterrupt

    save = loop.save_state
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_state", save_and_stop)
        assert cli.main(arguments) == 130


def test_other_pictures_do_not_go_on_with_a_training_on_these(own_models, folder, capsys, monkeypatch):
    arguments = ["train", "tiny", "--data", str(folder), "--as", "mine", "--set", "epochs=2", "--device", "cpu"]

    stop_after_an_epoch(arguments, monkeypatch)
    assert "--set epochs=2 --as mine --resume" in capsys.readouterr().err.splitlines()[-1]
    (folder / "0.png").unlink()
    assert cli.main([*arguments, "--resume"]) == 2
    assert "with other settings or pictures" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_evaluate_says_what_was_trained_on_what(own_models, folder, tiny_digits, tmp_path, capsys, monkeypatch):
    write_fashion(tiny_digits, tmp_path)
    assert cli.main(["train", "tiny", "--dataset", "fashion-mnist", "--device", "cpu"]) == 0
    assert cli.main(["train", "tiny", "--data", str(folder), "--as", "mine", "--device", "cpu"]) == 0
    capsys.readouterr()
    options = ["--factors", "0.5", "--json", str(tmp_path / "results.json"), "--device", "cpu"]

    def evaluated(*arguments):
        assert cli.main(["evaluate", *arguments, *options]) == 0
        return capsys.readouterr().out, json.loads((tmp_path / "results.json").read_text())

    printed, report = evaluated("--dataset", "fashion-mnist")
    assert "Measured on Fashion-MNIST." in printed
    assert "Trained on" not in printed
    assert {"tiny-fashion-mnist", "median"} < set(report["models"])
    assert "mine" not in report["models"]
    assert report["data"] == "fashion-mnist"
    assert report["command"].startswith("python -m denoiser evaluate --dataset fashion-mnist")
    assert all(row["accuracy"] is None for row in report["results"])  # the referee reads digits

    printed, report = evaluated("--data", str(folder), "--models", "mine", "tiny-fashion-mnist")
    assert "Trained on these very pictures: mine." in printed
    assert "Trained on Fashion-MNIST, not on what is measured here: tiny-fashion-mnist." in printed

    monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": tiny_digits)
    printed, report = evaluated("--models", "mine", "tiny-fashion-mnist", "median")
    assert "Trained on Fashion-MNIST, not on what is measured here: tiny-fashion-mnist." in printed
    assert "Trained on the folder scans (" in printed
    printed, report = evaluated()
    assert not {"mine", "tiny-fashion-mnist"} & set(report["models"])  # MNIST's rows are of what MNIST trained


def test_list_says_what_a_model_was_trained_on(own_models, folder, capsys):
    assert cli.main(["train", "tiny", "--data", str(folder), "--as", "mine", "--device", "cpu"]) == 0
    capsys.readouterr()
    assert cli.main(["list"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("mine "))
    assert "clean digits, the folder scans (" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tiny", "--data", "scans"), "needs a name: --as NAME"),
        (("tiny", "map", "--data", "scans", "--as", "new"), "change one recipe"),
        (("tiny", "--data", "scans", "--as", "conv-64"), "the name of another recipe"),
        (("tiny", "--data", "scans", "--as", "median"), "the name of another recipe or filter"),
        (("tiny", "--dataset", "kmnist", "--as", "conv-64"), "the name of another recipe"),
        (("tiny", "--dataset", "kmnist", "--set", "epochs=2"), "--set and --as go together"),
        (("tiny", "--dataset", "kmnist", "--set", "data=mnist", "--as", "new"), "no setting 'data'"),
        (("judge", "--data", "scans", "--as", "new"), "takes labels"),
        (("tiny", "--data", "none", "--as", "new"), "there is no folder none"),
        (("tiny", "--resize"), "--resize is for the pictures of --data"),
        (("tiny", "--dataset", "cifar"), "no data set 'cifar'; there are mnist, fashion-mnist"),
    ],
)
def test_what_cannot_be_trained_on_is_a_sentence(
    own_models, folder, tiny_digits, fails, monkeypatch, tmp_path, arguments, says
):
    monkeypatch.chdir(tmp_path)
    if "kmnist" in arguments:
        monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": tiny_digits)
    assert says in fails("train", *arguments)
    assert not own_models.exists()


def test_all_trains_what_is_not_as_its_recipe_stands(tiny_recipe, capsys, monkeypatch):
    tiny = recipes.RECIPES["tiny"]
    only = {"tiny": tiny, "other": replace(tiny, name="other", seed=1)}
    monkeypatch.setattr(recipes, "RECIPES", only)
    arguments = ["train", "--all", "--device", "cpu"]

    def trained_by(*given):
        assert cli.main(list(given)) == 0
        return [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]

    assert trained_by(*arguments) == ["tiny", "other"]
    assert trained_by(*arguments) == ["every recipe is trained as it stands"]
    only["tiny"] = replace(tiny, title="In other words")
    assert trained_by(*arguments) == ["every recipe is trained as it stands"]
    only["tiny"] = replace(tiny, learning_rate=0.5)
    assert trained_by(*arguments) == ["tiny"]
    monkeypatch.setattr(recipe, "VERSION", recipe.VERSION + 1)  # the same recipe gives other weights now
    assert trained_by(*arguments) == ["tiny", "other"]
    assert trained_by(*arguments) == ["every recipe is trained as it stands"]


def test_after_ctrl_c_a_training_goes_on_to_the_same_history(tiny_recipe, capsys, monkeypatch):
    arguments = ["train", "tiny", "--device", "cpu", "--precision", "float32"]

    def losses():
        history = checkpoint.load_record("tiny", tiny_recipe).history
        return [(epoch.train, epoch.validation) for epoch in history]

    assert cli.main(arguments) == 0
    whole = losses()
    (tiny_recipe / "tiny.json").unlink()

    stop_after_an_epoch(arguments, monkeypatch)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "python -m denoiser train tiny --resume" in last
    assert not (tiny_recipe / "tiny.json").exists()
    assert cli.main([*arguments, "--resume"]) == 0
    assert losses() == whole


def test_evaluate_prints_tables_and_writes_json(tiny_mnist, tmp_path, capsys):
    file = tmp_path / "new" / "results.json"
    arguments = ["evaluate", "--models", "median", "median-oracle", "--noise", "gaussian", "speckle"]
    assert cli.main([*arguments, "--factors", "0.25", "0.5", "--limit", "20", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "Speckle noise, 20 digits" in printed
    written = json.loads(file.read_text())
    assert set(written) >= {"command", "versions", "limit", "results", "models"}
    assert written["limit"] == 20
    assert written["command"].startswith("python -m denoiser evaluate --noise gaussian speckle --factors 0.25 0.5")
    assert len(written["results"]) == 3 * 2 * 2
    assert written["models"]["median-oracle"]["oracle"] is True


def test_evaluate_all_noise_kinds(tiny_mnist, capsys):
    assert cli.main(["evaluate", "--models", "gaussian", "--noise", "all", "--factors", "0.5", "--limit", "10"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{label} noise" in printed for label in ("Gaussian", "Salt and pepper", "Poisson", "Block-out"))


def test_tune_writes_the_table(tiny_mnist, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(filters, "TABLE", tmp_path / "table.json")
    monkeypatch.setattr(filters, "FILTERS", {"median": FILTERS["median"]})
    assert cli.main(["tune", "--digits", "10"]) == 0
    assert json.loads((tmp_path / "table.json").read_text())["digits"] == 10


def test_tune_takes_by_default_as_many_digits_as_the_stored_table(tiny_mnist, tmp_path, monkeypatch):
    count = filters.table()["digits"]
    many = tiny_mnist[torch.arange(10 * count) % len(tiny_mnist)]
    monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": many)
    monkeypatch.setattr(filters, "tune", lambda clean, progress: {"digits": len(clean)})
    monkeypatch.setattr(filters, "TABLE", tmp_path / "table.json")
    assert cli.main(["tune"]) == 0
    assert json.loads((tmp_path / "table.json").read_text()) == {"digits": count}


def test_denoise_brings_a_noisy_digit_back(picture, tmp_path, capsys):
    out = tmp_path / "out.png"
    arguments = ["denoise", str(picture()), str(out), "--model", "median", "--noise", "gaussian", "--seed", "3"]
    assert cli.main(arguments) == 0
    before, after = map(float, capsys.readouterr().out.split("PSNR ")[1].removesuffix(" dB\n").split(" -> "))
    assert after > before + 3
    with Image.open(out) as image:
        assert (image.size, image.mode) == ((28, 28), "L")


@pytest.mark.parametrize("size", [(28, 28), (61, 34), (3, 2)])
def test_denoise_keeps_the_size_of_any_picture(picture, tmp_path, size):
    out = tmp_path / "out.png"
    assert cli.main(["denoise", str(picture(*size)), str(out)]) == 0
    with Image.open(out) as image:
        assert image.size == size


def test_denoise_frames_a_digit_in_a_large_picture(tiny_digits, tmp_path):
    page = Image.new("L", (300, 200), 240)
    ink = Image.fromarray(255 - tiny_digits.images[3, 0].numpy()).resize((112, 112))
    page.paste(ink, (120, 40))
    page.save(tmp_path / "page.png")
    out = tmp_path / "out.png"
    assert cli.main(["denoise", str(tmp_path / "page.png"), str(out), "--fit", "--model", "median"]) == 0
    with Image.open(out) as image:
        assert image.size == (28, 28)
        assert np.asarray(image)[0].max() < 60 < np.asarray(image).max()  # light ink on a dark ground now


def test_originals_are_one_sheet_with_their_readings(picture, tmp_path, capsys):
    out, figures = tmp_path / "out.png", tmp_path / "figures.json"
    arguments = ["originals", picture(), out, "--count", 8, "--noise", "gaussian", "--factor", 0.4, "--json", figures]
    assert cli.main([str(a) for a in arguments]) == 0
    found = json.loads(figures.read_text())
    assert len(found["readings"]) == 8
    assert sum(found["votes"].values()) == 8
    digit, count = next(iter(found["votes"].items()))
    assert found["probabilities"][int(digit)] == max(found["probabilities"])
    assert sum(found["probabilities"]) == pytest.approx(1, abs=0.001)
    assert f"{count} of 8 read {digit}" in capsys.readouterr().out
    with Image.open(out) as image:
        assert image.size == (6 * 28, 2 * 28)
        pixels = np.asarray(image).reshape(2, 28, 6, 28).max(axis=(1, 3))
    assert (pixels > 128).tolist() == [[True] * 6, [True, True, False, False, False, False]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--count", "0"), "--count is 0"),
        (("--noise", "rain"), "unknown noise kind 'rain'"),
        (("--factor", "2"), "--factor is 2"),
        (("--model", "referee"), "'referee' does not sample"),
        (("--model", "unet-ancestral", "--noise", "speckle"), "is made for Gaussian noise"),
    ],
)
def test_originals_that_cannot_be_drawn(fails, picture, tmp_path, options, says):
    assert says in fails("originals", picture(), tmp_path / "out.png", *options)


def test_originals_take_a_picture_of_28_x_28_and_write_a_picture(fails, picture, tmp_path):
    assert "use --fit" in fails("originals", picture(40, 30), tmp_path / "out.png")
    assert "names no picture format" in fails("originals", picture(), tmp_path / "out.xyz")


# ---------- what is wrong is said in one line ----------


def test_unknown_names_and_numbers_out_of_range(fails, tiny_mnist, picture, tmp_path):
    assert "unknown recipe 'nope'" in fails("train", "nope")
    assert "unknown recipe 'nope'" in fails("train", "dense-32", "nope")  # before the first training starts
    assert "'nope'" in fails("evaluate", "--models", "nope")
    assert "unknown noise kind 'fog'" in fails("evaluate", "--noise", "fog")
    assert "1.5 is not within 0 to 1" in fails("evaluate", "--factors", "1.5")
    assert "--limit is 0" in fails("evaluate", "--limit", "0")
    assert "--digits is 0" in fails("tune", "--digits", "0")
    assert "no device 'abacus'" in fails("evaluate", "--device", "abacus")
    out = tmp_path / "out.png"
    assert "'nope'" in fails("denoise", picture(), out, "--model", "nope")
    assert "unknown noise kind 'fog'" in fails("denoise", picture(), out, "--noise", "fog")
    assert "2 is not within 0 to 1" in fails("denoise", picture(), out, "--factor", "2", "--noise", "gaussian")
    assert not out.exists()


def test_pictures_that_cannot_be_read_or_written(fails, picture, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "half.png").write_bytes(picture(200, 100).read_bytes()[:60])
    Image.new("1", (8000, 5000)).save(tmp_path / "large.png")
    Image.new("L", (50, 50)).save(tmp_path / "blank.png")
    out = tmp_path / "out.png"
    assert "there is no file" in fails("denoise", tmp_path / "none.png", out)
    for name in ("text.png", "half.png"):
        assert "cannot be read" in fails("denoise", tmp_path / name, out)
    assert "33 million pixels are the most" in fails("denoise", tmp_path / "large.png", out)
    for name in ("text.png", "blank.png"):
        fails("denoise", tmp_path / name, out, "--fit")
    assert not out.exists()
    assert "names no picture format" in fails("denoise", picture(), tmp_path / "out.txt", "--model", "median")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in fails("denoise", picture(), tmp_path / "file" / "out.png", "--model", "median")


def test_mnist_that_is_neither_here_nor_to_be_had(fails, tmp_path, monkeypatch, configure):
    def no_network(*given, **named):
        raise urllib.error.URLError("no network\nat all")

    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", no_network)
    configure(data=tmp_path)
    for arguments in (["evaluate"], ["train", "dense-32"], ["tune"]):
        line = fails(*arguments)
        assert str(tmp_path / "MNIST" / "raw") in line
        assert all(name in line for name in RAW)


@pytest.mark.parametrize("keep", [0, 3, 16, 5000])
def test_mnist_files_cut_short(fails, tmp_path, configure, keep):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = struct.pack(">4B3I", 0, 0, 8, 3, 10_000, 28, 28) + bytes(10_000)
    labels = struct.pack(">4BI", 0, 0, 8, 1, 10_000) + bytes(10_000)
    for name in RAW:
        (raw / name).write_bytes((images if "images" in name else labels)[:keep])
    configure(data=tmp_path)
    assert str(raw) in fails("evaluate", "--limit", "10")


@pytest.fixture
def damaged(tmp_path):
    """A folder of checkpoints: `dense-32-noisy` and `whole` are whole, the others damaged each in a way of its own."""
    folder = tmp_path / "checkpoints"
    for name in ("dense-16", "dense-32-noisy", "cut", "odd", "whole"):
        recipe = replace(RECIPES["dense-32-noisy"], name=name)
        model = build(recipe.network, recipe.settings)
        checkpoint.save_model(model, Record(recipe, parameters=9), folder)
    for name in ("dense-16", "cut"):
        weights = folder / f"{name}.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    (folder / "odd.json").write_text("{")
    for ending in ("json", "safetensors"):
        (folder / f"a\x1b[2J b.{ending}").write_bytes((folder / f"whole.{ending}").read_bytes())
    return folder


IMPORTED = ["argparse", "denoiser.cli.parser", "numpy", "torch", "torch.nn", "denoiser.models", "denoiser.checkpoint"]


@pytest.mark.slow
@pytest.mark.parametrize("module", IMPORTED)
def test_ctrl_c_during_the_imports_is_one_line(module):
    program = f"""
import os, runpy, signal, sys
def interrupt(event, arguments):
    if event == "import" and arguments[0] == {module!r}:
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(interrupt)
sys.argv = ["denoiser", "list"]
runpy.run_module("denoiser", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\ndenoiser: stopped\n")


def test_ctrl_c_while_a_checkpoint_is_saved_says_how_to_go_on(tiny_recipe, capsys, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    arguments = ["train", "tiny", "--device", "cpu"]
    with monkeypatch.context() as patch:
        patch.setattr("denoiser.checkpoint.write_in_order", interrupt)
        assert cli.main(arguments) == 130
    assert "stopped in tiny, kept; to go on: python -m denoiser train tiny --resume" in capsys.readouterr().err
    assert cli.main([*arguments, "--resume"]) == 0
    assert checkpoint.trained(tiny_recipe) == ["tiny"]


def test_help_is_quick_and_names_the_data_sets():
    program = (
        "import sys; from denoiser.cli.parser import build_parser; build_parser(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert all(name in " ".join(DATASETS_HELP.split()) for name in data.DATASETS)


@pytest.mark.slow
def test_list_marks_what_is_damaged_and_names_the_rest(damaged):
    done = run("list", DENOISER_CHECKPOINTS=damaged)
    assert done.returncode == 1
    states = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    expected = {"dense-16": "damaged", "cut": "damaged", "odd": "damaged", "dense-32-noisy": "trained"}
    assert {name: states[name] for name in expected} == expected
    assert states["whole"] == "trained"
    assert states["median"] == "filter"
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("denoiser: ") and line.isprintable() for line in lines)
    for name in ("dense-16.safetensors", "cut.safetensors", "odd.json", "a?[2J b.safetensors"):
        assert sum(name in line for line in lines) == 1


@pytest.mark.slow
def test_denoise_without_a_name_leaves_out_what_is_damaged_and_says_so(damaged, picture, tmp_path):
    results = [
        {"model": name, "noise": "gaussian", "noise_factor": 0.5, "psnr": psnr}
        for name, psnr in (("dense-16", 30), ("cut", 29), ("odd", 28), ("whole", 27), ("dense-32-noisy", 26))
    ]
    (damaged / "evaluation.json").write_text(json.dumps({"results": results}))
    out = tmp_path / "out.png"
    done = run("denoise", picture(), out, DENOISER_CHECKPOINTS=damaged)
    assert (done.returncode, "by whole" in done.stdout, out.exists()) == (0, True, True)
    lines = done.stderr.splitlines()
    assert [line.split(" is left out: ")[0] for line in lines] == [f"denoiser: {n}" for n in ("dense-16", "cut", "odd")]


@pytest.mark.slow
def test_damaged_checkpoints_and_the_exit_code_of_the_whole_program(tmp_path, picture):
    recipe = replace(RECIPES["dense-32"], name="cut")
    model = build(recipe.network, recipe.settings)
    checkpoint.save_model(model, Record(recipe), tmp_path)
    weights = tmp_path / "cut.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (tmp_path / "odd.json").write_text("{")
    (tmp_path / "odd.safetensors").write_bytes(b"")
    for name, says in (("cut", "damaged"), ("odd", "cannot be read")):
        done = run("denoise", picture(), tmp_path / "out.png", "--model", name, DENOISER_CHECKPOINTS=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
