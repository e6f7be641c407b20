"""Models as ONNX files: the same as in PyTorch, described by their record, and usable wherever a model is."""

import json
import sys

import numpy as np
import onnx
import pytest
import torch
from helpers import ROOT
from PIL import Image

from denoiser import cli, data, export, list_models, load_model
from denoiser.checkpoint import load_checkpoint
from denoiser.evaluation import get_subject
from denoiser.export import LOSS, TOLERANCE, ExportError, export_onnx, to_onnx
from denoiser.external import ExternalError, OnnxModel
from denoiser.filters import FILTERS
from denoiser.models import build
from denoiser.recipes import RECIPES
from denoiser.record import Record

NETWORKS = [name for name in list_models() if name not in FILTERS]
SMALL = "conv-8"


@pytest.fixture
def exported(tiny_digits, tmp_path):
    """`conv-8` as an ONNX file."""
    return export_onnx(SMALL, tmp_path / "conv-8.onnx", tiny_digits)


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        ("dense", {"widths": [8]}),
        ("conv_strided", {"filters": 2}),
        ("unet", {"widths": [4, 4], "blocks": [1, 1]}),
        ("lstm", {"latent_dim": 4, "hidden": 4}),
        ("vae_dense", {"latent_dim": 2, "hidden": 8}),
    ],
)
def test_every_family_gives_the_same_pictures_in_any_batch_size(tiny_digits, network, settings):
    model = build(network, settings).eval()
    onnx_model = OnnxModel(to_onnx(model, Record(RECIPES["dense-32"])))
    for count in (1, 5):
        x = tiny_digits[:count].floats()
        assert torch.allclose(onnx_model(x), model(x), atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_trained_network_can_be_exported_with_either_weights(name, mnist_test, tmp_path):
    for int8 in (False, True):
        made = export_onnx(name, tmp_path / f"{int8}.onnx", mnist_test[:200], int8)  # raises where they differ
        assert made.bytes == made.path.stat().st_size
    assert made.bytes < 0.35 * (tmp_path / "False.onnx").stat().st_size or made.bytes < 50_000


def test_the_stored_figures_are_within_what_export_allows():
    stored = json.loads((ROOT / "docs" / "export.json").read_text(encoding="utf-8"))["models"]
    assert {"unet", "conv-64", "vae-2d-best", "lstm"} <= stored.keys() <= set(NETWORKS)
    assert max(forms["onnx"]["difference"] for forms in stored.values()) <= TOLERANCE
    assert max(forms["int8"]["lost"] for forms in stored.values()) <= LOSS


def test_the_figures_of_an_export_are_those_of_the_file(exported, tiny_digits):
    assert exported.difference <= TOLERANCE
    assert exported.psnr_after == pytest.approx(exported.psnr_before, abs=1e-3)
    assert exported.bytes == exported.path.stat().st_size
    assert exported.ms_after > 0


def test_the_file_holds_the_record_and_nothing_of_this_machine(exported):
    model = onnx.load(exported.path)
    (about,) = (json.loads(entry.value) for entry in model.metadata_props if entry.key == "denoiser")
    _, record = load_checkpoint(SMALL)
    assert about["record"]["sha256"] == record.sha256
    assert about["weights"] == "float32"
    assert "history" not in about["record"]
    assert b".py" not in exported.path.read_bytes()
    (entry,), (output,) = model.graph.input, model.graph.output
    assert (entry.name, output.name) == ("noisy", "denoised")


def test_weights_of_8_bits_are_smaller_and_nearly_as_good(tiny_digits, tmp_path):
    whole = export_onnx("dense-32", tmp_path / "a.onnx", tiny_digits)
    small = export_onnx("dense-32", tmp_path / "b.onnx", tiny_digits, int8=True)
    assert small.bytes < 0.35 * whole.bytes
    assert small.difference > 0
    assert small.psnr_before - small.psnr_after <= LOSS
    codes = [t for t in onnx.load(small.path).graph.initializer if t.data_type == onnx.TensorProto.INT8]
    assert len(codes) == 2


@pytest.mark.parametrize(
    ("int8", "limit", "says"), [(False, "TOLERANCE", "differs from PyTorch"), (True, "LOSS", "loses")]
)
def test_a_file_that_differs_is_not_written(tiny_digits, tmp_path, monkeypatch, int8, limit, says):
    monkeypatch.setattr(export, limit, -1.0)
    with pytest.raises(ExportError, match=says):
        export_onnx(SMALL, tmp_path / "new.onnx", tiny_digits, int8)
    assert not (tmp_path / "new.onnx").exists()


def test_load_model_and_evaluate_take_the_file(exported, tiny_digits):
    model, record = load_model(str(exported.path))
    ours, original = load_checkpoint(SMALL)
    x = tiny_digits[:3].floats()
    assert torch.allclose(model(x), ours(x), atol=TOLERANCE)
    assert record.recipe.name == "conv-8.onnx"
    assert (record.recipe.title, record.recipe.family) == (original.recipe.title, original.recipe.family)
    assert record.parameters == original.parameters
    assert get_subject(str(exported.path)).record == record
    with pytest.raises(ExternalError, match="28 x 28 only"):
        model(torch.zeros(1, 1, 32, 32))


# ---------- the command line ----------


@pytest.fixture
def few_digits(tiny_digits, monkeypatch):
    """The command line finds few digits where MNIST would be."""
    monkeypatch.setattr(data, "has_mnist", lambda: True)
    monkeypatch.setattr(data, "load_mnist", lambda split: tiny_digits)


def test_a_file_is_exported_and_denoises_a_picture(few_digits, tiny_digits, tmp_path, capsys):
    assert cli.main(["export", SMALL, "--format", "onnx", "--out", str(tmp_path)]) == 0
    assert "compared with PyTorch on 60 MNIST test digits" in capsys.readouterr().out
    Image.fromarray(tiny_digits.images[3, 0].numpy()).save(tmp_path / "in.png")
    for model in (str(tmp_path / f"{SMALL}.onnx"), SMALL):
        files = [str(tmp_path / name) for name in ("in.png", f"{len(model)}.png")]
        options = ["--model", model, "--device", "cpu", "--precision", "float32"]
        assert cli.main(["denoise", *files, *options]) == 0
    one, other = (np.asarray(Image.open(path), dtype=int) for path in tmp_path.glob("[0-9]*.png"))
    assert np.abs(one - other).max() <= 1


def test_an_onnx_file_denoises_digits_only(exported, tmp_path, capsys):
    Image.new("L", (60, 40)).save(tmp_path / "in.png")
    arguments = ["denoise", str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--model", str(exported.path)]
    assert cli.main([*arguments, "--device", "cpu"]) == 2
    assert "takes 28 x 28 only, this is 60 x 40" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name the models to export, or --all"),
        (["unet", "--all"], "name the models to export, or --all"),
        (["nope"], "there is no trained model 'nope'"),
        (["tv"], "tv is a classical filter"),
        (["referee"], "denoises none"),
    ],
)
def test_what_cannot_be_exported_is_one_line(few_digits, tmp_path, arguments, says, capsys):
    assert cli.main(["export", *arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_one_of_several_that_fails_is_named_and_the_others_exported(few_digits, tmp_path, capsys):
    assert cli.main(["export", "tv", SMALL, "--out", str(tmp_path)]) == 1
    assert "tv is a classical filter" in capsys.readouterr().err
    assert (tmp_path / f"{SMALL}.onnx").exists()


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_without_the_packages_the_sentence_says_what_to_install(few_digits, tmp_path, monkeypatch, package, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    assert cli.main(["export", SMALL, "--out", str(tmp_path)]) == 2
    assert "pip install 'denoiser-app[onnx]'" in capsys.readouterr().err


def test_without_mnist_digits_of_our_own_are_compared(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(data, "has_mnist", lambda: False)
    monkeypatch.setattr("denoiser.cli.export.CHECKED", 8)
    assert cli.main(["export", SMALL, "--out", str(tmp_path)]) == 0
    assert "compared with PyTorch on 8 digits of our own" in capsys.readouterr().out
