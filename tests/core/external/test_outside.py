"""The examples of models trained elsewhere hand over what `denoiser evaluate` takes."""

import ast
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import ROOT

from denoiser.external import FunctionModel, StackFolder, write_noisy

SCRIPTS = ROOT / "scripts" / "outside"


@pytest.mark.slow
@pytest.mark.usefixtures("mnist_train")
def test_the_pytorch_example_denoises_the_stacks_it_finds(tmp_path, tiny_digits):
    write_noisy(tmp_path / "runs" / "other" / "noisy", "gaussian", 0.5, [tiny_digits.floats()], len(tiny_digits))
    variables = os.environ | {"OUTSIDE_DIGITS": "128", "OMP_NUM_THREADS": "1"}
    script = [sys.executable, str(SCRIPTS / "torch_autoencoder.py")]
    done = subprocess.run(script, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    folder = StackFolder(tmp_path / "runs" / "other" / "torch")
    assert list(folder.noises()) == [("gaussian", 0.5)]
    assert folder.module("gaussian", 0.5, len(tiny_digits))(tiny_digits.floats()).std() > 0


@pytest.mark.slow
def test_the_scikit_learn_example_is_a_function_that_can_be_measured(tmp_path, monkeypatch, tiny_digits):
    (tmp_path / "runs" / "other").mkdir(parents=True)
    np.savez(tmp_path / "runs" / "other" / "pca.npz", mean=np.full(784, 0.25), components=np.eye(784)[:2])
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    monkeypatch.chdir(tmp_path)
    model = FunctionModel("scripts.outside.pca:denoise")
    x = tiny_digits[:3].floats()
    expected = torch.full_like(x, 0.25)
    expected[:, 0, 0, :2] = x[:, 0, 0, :2]
    assert torch.allclose(model(x), expected, atol=1e-6)
    model.close()


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.name)
def test_the_examples_use_nothing_of_this_package(path):
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert not [name for name in imported if name.split(".")[0] == "denoiser"]


def test_the_stored_figures_are_of_all_three_and_of_all_test_digits():
    stored = json.loads((ROOT / "docs" / "outside.json").read_text(encoding="utf-8"))
    theirs = {name: about["title"] for name, about in stored["models"].items() if about.get("external")}
    assert theirs == {
        "keras.onnx": "ONNX model",
        "torch": "denoised elsewhere",
        "scripts.outside.pca:denoise": "Python function",
    }
    rows = [row for row in stored["results"] if row["model"] in theirs]
    assert len(rows) == 15
    assert {row["images"] for row in rows} == {10_000}
