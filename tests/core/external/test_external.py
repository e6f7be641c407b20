"""Models of others: each way in, what is refused, and noise that is the same for everybody."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from denoiser import cli, data
from denoiser.evaluation import external_subjects, measure, noisy_batches
from denoiser.external import ExternalError, FunctionModel, StackFolder, load_onnx, write_noisy
from denoiser.external.contract import to_pictures

# SHA-256 of four pictures under noise of 0.5 with the seeds 0 to 3, on processors with AVX2
NOISE_HASHES = {
    "gaussian": "43dbe31ba0a5c825",
    "salt-and-pepper": "c23dffe8c738eb32",
    "speckle": "2470da6bf160907b",
    "poisson": "219d305204b3d8e2",
    "block-out": "1658754cdf9e1ee5",
}


def write_onnx(path, shape=("batch", 1, 28, 28), factor=0.5, operator="Mul", inputs=1):
    """A model that multiplies (or what the operator does) each pixel by `factor`."""
    names = [f"x{i}" for i in range(inputs)]
    graph = helper.make_graph(
        [helper.make_node(operator, [names[0], "f"], ["y"])],
        "model",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [helper.make_tensor("f", TensorProto.FLOAT, (), [factor])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def function(tmp_path, monkeypatch):
    """A function that writes the module `theirs`, in the current folder, and returns `theirs:denoise`."""
    monkeypatch.chdir(tmp_path)

    def write(body):
        (tmp_path / "theirs.py").write_text(f"import os\nimport numpy as np\ndef denoise(y):\n    {body}\n")
        return "theirs:denoise"

    return write


@pytest.fixture
def digits(tiny_digits, monkeypatch, tmp_path, configure):
    """25 digits of ours, which the command line takes for MNIST's."""
    monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": tiny_digits[:25])
    monkeypatch.setattr(measure, "milliseconds", lambda model, x, threads=1: 1.0)
    configure(runs=tmp_path / "runs")
    return tiny_digits[:25]


@pytest.mark.parametrize("layout", [(1, 28, 28), (28, 28, 1), (28, 28), (784,)])
@pytest.mark.parametrize("batch", ["batch", 1, 4])
def test_an_onnx_file_may_take_any_layout_and_batch_size(tiny_digits, tmp_path, layout, batch):
    model, record = load_onnx(write_onnx(tmp_path / "half.onnx", (batch, *layout)))
    x = tiny_digits[:6].floats()
    assert torch.equal(model(x), x * 0.5)
    assert record.recipe.name == "half.onnx"
    assert record.sha256 == hashlib.sha256((tmp_path / "half.onnx").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shape": ("batch", 3, 28, 28)}, r"input has shape \(any, 3, 28, 28\), not \(any, 1, 28, 28\)"),
        ({"inputs": 2}, "it has 2 inputs and 1 outputs"),
        ({"operator": "Nothing"}, "no ONNX model that onnxruntime can run"),
    ],
)
def test_an_onnx_file_that_is_no_denoiser_is_a_sentence(tmp_path, changes, says):
    with pytest.raises(ExternalError, match=says) as error:
        load_onnx(write_onnx(tmp_path / "model.onnx", **changes))
    assert "\n" not in str(error.value)


def test_files_that_are_no_onnx_are_sentences(tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    for name, says in (("text.onnx", "no ONNX model"), ("none.onnx", "cannot be read")):
        with pytest.raises(ExternalError, match=says):
            load_onnx(tmp_path / name)


def test_without_onnxruntime_the_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExternalError, match=r"pip install 'denoiser-app\[onnx\]'"):
        load_onnx(write_onnx(tmp_path / "model.onnx"))


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (np.zeros((3, 1, 28, 28)), r"has shape \(3, 1, 28, 28\), not \(2, 1, 28, 28\)"),
        (np.zeros((2, 3, 28, 28)), r"has shape \(2, 3, 28, 28\)"),
        (np.full((2, 784), np.nan), "not finite"),
        (np.full((2, 784), np.inf), "not finite"),
        (np.full((2, 784), 255), r"goes from 255 to 255; pixels must be in \[0, 1\]"),
        ("pictures", "is str, no array of numbers"),
        (None, "has shape"),
    ],
)
def test_an_output_that_is_no_pictures_is_a_sentence(output, says):
    with pytest.raises(ExternalError, match=says):
        to_pictures(output, 2)


def test_an_output_a_little_outside_is_clipped_and_left_as_it_was():
    output = np.linspace(-0.5, 1.5, 784, dtype=np.float32)[None]
    before = output.copy()
    x_hat = to_pictures(output, 1)
    assert (x_hat.min(), x_hat.max(), x_hat.shape) == (0, 1, (1, 1, 28, 28))
    assert np.array_equal(output, before)


def test_a_function_is_called_with_arrays_in_another_process(function, tiny_digits):
    body = "assert y.dtype == np.float32 and y.shape[1:] == (1, 28, 28); return y * 0 + (os.getppid() == {}) * 0.25"
    model = FunctionModel(function(body.format(os.getpid())))
    assert torch.equal(model(tiny_digits[:3].floats()), torch.full((3, 1, 28, 28), 0.25))
    model.close()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("os._exit(3)", "ended with exit code 3"),
        ("raise ValueError('no weights')", "theirs:denoise failed: ValueError: no weights"),
        ("return lambda: 0", "returns function, no array"),
        ("return [['a']]", "no array of numbers"),
    ],
)
def test_a_function_that_fails_is_a_sentence(function, body, says):
    model = FunctionModel(function(body))
    with pytest.raises(ExternalError, match=says):
        model(torch.zeros(2, 1, 28, 28))
    model.close()


def test_a_function_that_never_returns_is_given_up(function):
    model = FunctionModel(function("\n    while True: pass"), seconds=0.2)
    with pytest.raises(ExternalError, match=r"took longer than 0.2 s to denoise 2 pictures"):
        model(torch.zeros(2, 1, 28, 28))
    assert not model.process.is_alive()
    with pytest.raises(ExternalError, match="has ended"):
        model(torch.zeros(2, 1, 28, 28))


@pytest.mark.parametrize(
    ("address", "says"),
    [("theirs", "has not the form"), ("a b:c", "has not the form"), ("none:denoise", "No module named 'none'")],
)
def test_what_names_no_function_is_a_sentence(address, says):
    with pytest.raises(ExternalError, match=says):
        FunctionModel(address)


def test_a_stack_is_read_in_order_and_must_fit(tiny_digits, tmp_path):
    digits = tiny_digits[:25]
    write_noisy(tmp_path, "poisson", 0.7, (y for y in noisy_batches(digits, "poisson", 0.7)), 25)
    folder = StackFolder(tmp_path)
    assert list(folder.noises()) == [("poisson", 0.7)]
    model = folder.module("poisson", 0.7, 25)
    whole = torch.cat([model(torch.zeros(10, 1, 28, 28)), model(torch.zeros(15, 1, 28, 28))])
    assert torch.equal(whole, next(noisy_batches(digits, "poisson", 0.7)))
    with pytest.raises(ExternalError, match=r"poisson-0.7.npy has 25 pictures, and 24 are measured"):
        folder.module("poisson", 0.7, 24)
    with pytest.raises(ExternalError, match=r"there is no poisson-0.5.npy in"):
        folder.module("poisson", 0.5, 25)
    np.save(tmp_path / "poisson-0.5.npy", np.full((25, 28, 28), 51, np.uint8))
    assert folder.module("poisson", 0.5, 25)(torch.zeros(2, 1, 28, 28)).unique().tolist() == pytest.approx([0.2])


def test_a_folder_without_stacks_is_a_sentence(tmp_path):
    (tmp_path / "fog-0.5.npy").touch()
    with pytest.raises(ExternalError, match=r"has no stacks such as gaussian-0.5.npy"):
        StackFolder(tmp_path)


def test_two_models_of_one_name_are_not_mixed_up(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_onnx(tmp_path / folder / "m.onnx")
    found, failures = external_subjects([tmp_path / "a" / "m.onnx", tmp_path / "b" / "m.onnx"], [], 25)
    assert [subject.name for subject in found] == ["m.onnx"]
    assert "two models of this name" in failures["m.onnx"]


# ---------- the command line ----------


def test_noisy_denoise_evaluate_gives_the_figures_of_the_model_itself(digits, tmp_path, capsys):
    noise = ["--noise", "gaussian", "poisson", "--factors", "0.5", "0.25"]
    assert cli.main(["noisy", "--out", str(tmp_path / "noisy"), *noise]) == 0
    assert cli.main(["denoise", str(tmp_path / "noisy"), str(tmp_path / "theirs"), "--model", "median"]) == 0
    results = tmp_path / "results.json"
    command = ["evaluate", str(tmp_path / "theirs"), "--models", "median", *noise, "--json", str(results)]
    assert cli.main([*command, "--device", "cpu"]) == 0
    assert "theirs" in capsys.readouterr().out
    report = json.loads(results.read_text())
    by_model = {}
    for row in report["results"]:
        by_model.setdefault(row["model"], []).append([row["psnr"], row["ssim"], row["accuracy"]])
    assert len(by_model["theirs"]) == 4
    assert np.allclose(by_model["theirs"], by_model["median"], atol=1e-4)
    assert report["models"]["theirs"]["ms_batch_1"] is None


def test_models_that_fail_are_named_and_the_others_measured(digits, function, tmp_path, capsys):
    good, bad = write_onnx(tmp_path / "good.onnx"), write_onnx(tmp_path / "bad.onnx", factor=255.0)
    arguments = [
        "evaluate",
        bad,
        tmp_path / "none.onnx",
        good,
        "--callable",
        function("return y[:1]"),
        "--factors",
        0.5,
    ]
    assert cli.main([*map(str, arguments), "--limit", "25", "--device", "cpu"]) == 1
    printed = capsys.readouterr()
    assert "good.onnx" in printed.out
    assert "bad.onnx" not in printed.out
    lines = [line for line in printed.err.splitlines() if line.startswith("denoiser: ")]
    assert [line.split()[1] for line in lines] == ["none.onnx", "bad.onnx", "theirs:denoise"]
    assert "Traceback" not in printed.err


@pytest.mark.slow
def test_however_a_model_fails_the_others_are_measured_and_the_exit_code_is_1(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    bodies = {
        "nan": ("return y * np.nan", "pixels that are not finite numbers"),
        "shape": ("return y[:, :, 1:]", "has shape (25, 1, 27, 28)"),
        "scale": ("return y * 255", "pixels must be in [0, 1]"),
        "fails": ("raise ValueError('no weights')", "ValueError: no weights"),
        "crashes": ("os.abort()", "ended with exit code -6"),
        "hangs": ("time.sleep(600)", "took longer than 2 s"),
    }
    code = "".join(f"def {name}(y):\n    {body}\n" for name, (body, _) in bodies.items())
    (tmp_path / "others.py").write_text(f"import os, time\nimport numpy as np\n{code}")
    good = write_onnx(tmp_path / "good.onnx")
    functions = ["--callable", *(f"others:{name}" for name in bodies)]
    options = ["--factors", "0.5", "--limit", "25", "--timeout", "2", "--device", "cpu"]
    assert cli.main(["evaluate", str(good), *functions, *options]) == 1
    printed = capsys.readouterr()
    assert "good.onnx" in printed.out
    lines = [line for line in printed.err.splitlines() if line.startswith("denoiser: ")]
    assert [line.split()[1] for line in lines] == [f"others:{name}" for name in bodies]
    assert [words for line, (_, words) in zip(lines, bodies.values(), strict=True) if words not in line] == []


def test_our_stored_figures_join_when_all_digits_are_measured(mnist_test, tmp_path, monkeypatch, capsys, configure):
    configure(runs=tmp_path / "runs")
    monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": mnist_test)
    monkeypatch.setattr(measure, "measure_quality", lambda *given: {"images": 10_000} | dict.fromkeys(QUALITY, 0.25))
    model = write_onnx(tmp_path / "theirs.onnx")
    assert cli.main(["evaluate", str(model), "--factors", "0.5", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for name in ("theirs.onnx", "unet", "tv", "conv-64"):
        assert f"\n{name} " in printed
    assert "21.90" in printed  # of unet


QUALITY = ("psnr", "ssim", "bce", "mse", "accuracy", "exact", "psnr_sample")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["evaluate", "a.onnx", "--timeout", "0"], "--timeout is 0, not above 0"),
        (["evaluate", "a.onnx", "--posterior"], "--posterior is for samplers of this package"),
        (["noisy", "--out", "x", "--noise", "fog"], "unknown noise kind 'fog'"),
        (["noisy", "--out", "x", "--factors", "2"], "noise factor 2 is not within 0 to 1"),
        (["noisy", "--out", "x", "--limit", "0"], "--limit is 0, not 1 or more"),
        (["noisy", "--out", "/proc/none"], "could not be made"),
    ],
)
def test_bad_input_is_one_line(digits, arguments, says, capsys):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


# ---------- the noise ----------

HASH = """
import hashlib, sys, torch
from denoiser.noise import NOISES, add_noise, draw_noise
torch.set_num_threads(int(sys.argv[1]))
x = torch.arange(3136).remainder(256).float().div(255).view(4, 1, 28, 28)
for kind in NOISES:
    y = add_noise(x, draw_noise(kind, x.shape, range(4)), 0.5)
    print(kind, hashlib.sha256(y.numpy().tobytes()).hexdigest()[:16])
"""


def test_noise_is_equal_to_the_bit_in_any_number_of_threads():
    runs = [subprocess.run([sys.executable, "-c", HASH, n], capture_output=True, text=True, check=True) for n in "13"]
    found = [dict(line.split() for line in done.stdout.splitlines()) for done in runs]
    assert found[0] == found[1]
    if torch.backends.cpu.get_cpu_capability() == "DEFAULT":
        del found[0]["gaussian"], found[0]["speckle"]  # PyTorch draws normal numbers in another way without AVX2
    assert found[0].items() <= NOISE_HASHES.items()
