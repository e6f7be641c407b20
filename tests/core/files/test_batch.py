"""`denoise` on files of every kind: what can be done is done, the rest is named, and nothing that is read is lost."""

import functools
import gzip
import os

import numpy as np
import pytest
from helpers import idx
from PIL import Image

from denoiser import checkpoint, cli
from denoiser.batch import file_denoiser
from denoiser.models import build, parameter_count
from denoiser.noise import add_noise, draw_noise
from denoiser.recipes import RECIPES
from denoiser.record import Record


@pytest.fixture
def folder(tiny_digits, tmp_path):
    """Pictures of two sizes, one of a text, and a subfolder and a hidden file that are left alone."""
    path = tmp_path / "in"
    (path / "sub").mkdir(parents=True)
    for place in range(3):
        Image.fromarray(tiny_digits.images[place, 0].numpy()).save(path / f"{place}.png")
    Image.fromarray(np.tile(tiny_digits.images[3, 0].numpy(), (2, 3))).save(path / "wide.bmp")
    (path / "notes.txt").write_text("no picture")
    (path / "half.png").write_bytes((path / "0.png").read_bytes()[:60])
    (path / ".hidden").write_text("")
    Image.new("L", (28, 28)).save(path / "sub" / "other.png")
    return path


@pytest.fixture
def stack(tiny_digits, tmp_path):
    """60 noisy digits in an .npy file."""
    clean = tiny_digits.floats()
    noisy = add_noise(clean, draw_noise("gaussian", clean.shape, range(60)), 0.5)
    np.save(tmp_path / "noisy.npy", noisy.mul(255).round().byte()[:, 0].numpy())
    return tmp_path / "noisy.npy"


def denoise(capsys, *arguments):
    """The exit code, stdout, and the lines on stderr that name failures."""
    code = cli.main(["denoise", *map(str, arguments)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    lines = [line for part in captured.err.split("\r") for line in part.splitlines() if "denoiser: " in line]
    return code, captured.out, [line[line.index("denoiser: ") :] for line in lines]


def error(a, b) -> float:
    return float(((np.asarray(a, dtype=float) - np.asarray(b, dtype=float)) ** 2).mean())


def test_a_folder_becomes_a_folder_and_what_fails_is_named(capsys, folder, tmp_path):
    out = tmp_path / "new" / "out"
    code, said, failures = denoise(capsys, folder, out, "--model", "median")
    assert code == 1
    assert said.startswith(f"{out}: 4 of 6 files by median")
    assert sorted(file.name for file in out.iterdir()) == ["0.png", "1.png", "2.png", "wide.bmp"]
    assert [("half.png" in line, "notes.txt" in line) for line in sorted(failures)] == [(True, False), (False, True)]
    with Image.open(out / "wide.bmp") as image:
        assert image.size == (84, 56)


def test_a_glob_becomes_a_folder(capsys, folder, tmp_path):
    code, said, failures = denoise(capsys, folder / "[0-2].png", tmp_path / "out", "--model", "median")
    assert (code, failures) == (0, [])
    assert "3 of 3 files" in said
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_each_file_becomes_what_it_becomes_alone(capsys, folder, tmp_path):
    options = ("--model", "conv-64", "--precision", "float32")
    denoise(capsys, folder, tmp_path / "out", *options)
    for name in ("1.png", "wide.bmp"):
        assert denoise(capsys, folder / name, tmp_path / name, *options)[0] == 0
        with Image.open(tmp_path / name) as alone, Image.open(tmp_path / "out" / name) as together:
            difference = np.asarray(alone).astype(int) - np.asarray(together)
        assert abs(difference).max() <= 1  # a batch of another size may round otherwise


def test_a_network_that_takes_28_x_28_only_does_those(capsys, folder, tmp_path):
    code, said, failures = denoise(capsys, folder, tmp_path / "out", "--model", "dense-16")
    assert code == 1
    assert "3 of 6 files by dense-16" in said
    wide = next(line for line in failures if "wide.bmp" in line)
    assert "dense-16 takes 28 x 28 only, this is 84 x 56" in wide
    assert "--fit" in wide
    assert "conv-64" in wide


def test_without_a_name_each_size_gets_its_best_model(capsys, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(file_denoiser, "list_models", lambda: ["dense-16", "median"])
    monkeypatch.setattr(file_denoiser, "FOLDER", tmp_path)  # no evaluation.json
    said = denoise(capsys, folder, tmp_path / "out")[1]
    assert "4 of 6 files by dense-16, median" in said


def test_a_stack_comes_back_as_it_was_and_with_less_noise(capsys, stack, tiny_digits, tmp_path):
    out = tmp_path / "out.npy"
    code, said, _ = denoise(capsys, stack, out, "--model", "conv-64")
    assert code == 0
    assert said.startswith(f"{out}: 60 pictures of 28 x 28 by conv-64")
    before, after, clean = np.load(stack), np.load(out), tiny_digits.images[:, 0].numpy()
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    assert error(after, clean) < error(before, clean) / 4


@pytest.mark.parametrize("kind", ["idx", "idx.gz", ".npz", "float .npy", "16-bit .npy", "channels .npy"])
def test_every_kind_of_stack_gives_the_same_pictures(capsys, stack, tmp_path, kind):
    array = np.load(stack)
    source, target = tmp_path / f"in{kind[-4:]}", tmp_path / f"out{kind[-4:]}"
    if kind == ".npz":
        np.savez(source, images=array, labels=np.arange(60))
    elif kind.startswith("idx"):
        source.write_bytes(gzip.compress(idx(array)) if kind.endswith("gz") else idx(array))
    else:
        np.save(source, {"f": array / 255, "1": array.astype(np.uint16) * 257, "c": array[..., None]}[kind[0]])
    options = ("--model", "median")
    assert denoise(capsys, stack, tmp_path / "expected.npy", *options)[0] == 0
    assert denoise(capsys, source, target, *options)[0] == 0
    expected = np.load(tmp_path / "expected.npy")
    if kind == ".npz":
        with np.load(target) as found:
            np.testing.assert_array_equal(found["labels"], np.arange(60))
            np.testing.assert_array_equal(found["images"], expected)
    elif kind.startswith("idx"):
        content = target.read_bytes()
        assert (gzip.decompress(content) if kind.endswith("gz") else content) == idx(expected)
    else:
        before, found = np.load(source), np.load(target)
        assert (found.dtype, found.shape) == (before.dtype, before.shape)
        scale = {"f": 1 / 255, "1": 257, "c": 1}[kind[0]]
        np.testing.assert_allclose(found.reshape(expected.shape) / scale, expected, atol=0.51)


def test_noise_is_seeded_per_picture_and_the_gain_is_said(capsys, tiny_digits, tmp_path):
    clean = tiny_digits.images[:, 0].numpy()
    np.save(tmp_path / "clean.npy", clean)
    for place in (0, 7):
        Image.fromarray(clean[place]).save(tmp_path / f"{place}.png")
    options = ("--model", "median", "--noise", "gaussian", "--factor", "0.3")
    said = denoise(capsys, tmp_path / "clean.npy", tmp_path / "out.npy", *options, "--seed", "5")[1]
    before, after = map(float, said.split("PSNR ")[1].split(" dB")[0].split(" -> "))
    assert after > before + 2
    whole = np.load(tmp_path / "out.npy")
    denoise(capsys, tmp_path / "7.png", tmp_path / "alone.png", *options, "--seed", "12")
    with Image.open(tmp_path / "alone.png") as alone:
        np.testing.assert_array_equal(np.asarray(alone), whole[7])


def test_the_u_net_takes_every_size(capsys, folder, tmp_path, monkeypatch):
    recipe = RECIPES["unet"]
    model = build(recipe.network, recipe.settings)
    record = Record(recipe, parameters=parameter_count(model))
    checkpoint.save_model(model, record, tmp_path / "models")
    monkeypatch.setattr(
        file_denoiser, "load_model", functools.partial(checkpoint.load_model, folder=tmp_path / "models")
    )
    Image.new("L", (50, 31), 99).save(folder / "odd.png")
    np.save(folder / "stack.npy", np.zeros((2, 30, 45), np.float32))
    code, said, failures = denoise(capsys, folder, tmp_path / "out", "--model", "unet")
    assert "6 of 8 files by unet" in said
    assert (code, len(failures)) == (1, 2)
    assert np.load(tmp_path / "out" / "stack.npy").shape == (2, 30, 45)
    with Image.open(tmp_path / "out" / "odd.png") as image:
        assert image.size == (50, 31)


def test_digits_are_fitted_in_a_stack_and_blanks_are_named(capsys, tiny_digits, tmp_path):
    pages = np.full((3, 90, 70), 230, np.uint8)
    for page, place in ((0, 3), (2, 5)):
        ink = Image.fromarray(255 - tiny_digits.images[place, 0].numpy()).resize((56, 56))
        pages[page, 20:76, 8:64] = np.minimum(pages[page, 20:76, 8:64], np.asarray(ink))
    np.save(tmp_path / "pages.npy", pages)
    out = tmp_path / "out.npy"
    code, _, failures = denoise(capsys, tmp_path / "pages.npy", out, "--fit", "--model", "conv-64")
    assert code == 1
    assert len(failures) == 1
    assert "pages.npy, picture 1" in failures[0]
    digits = np.load(out)
    assert digits.shape == (3, 28, 28)
    assert digits[1].max() < 60 < min(digits[0].max(), digits[2].max())


def test_one_file_goes_into_a_folder_that_is_there(capsys, folder, tmp_path):
    (tmp_path / "out").mkdir()
    assert denoise(capsys, folder / "0.png", tmp_path / "out", "--model", "median")[0] == 0
    assert (tmp_path / "out" / "0.png").exists()


def test_a_bar_shows_how_far_it_is(folder, tmp_path, capsys):
    cli.main(["denoise", str(folder), str(tmp_path / "out"), "--model", "median"])
    assert "100%" in capsys.readouterr().err


# ---------- nothing that is read is lost ----------


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("in", "in", "would be lost"),
        ("in", "in/../in", "would be lost"),
        ("in", "link", "would be lost"),
        ("in/0.png", "in/0.png", "would be lost"),
        ("in/0.png", "in", "would be lost"),
        ("in/*.png", "in", "would be lost"),
        ("in/**/*.png", "in/sub", "would be lost"),
        ("in", "in/0.png", "is a file"),
        ("*/0.png", "out", "would both be written to"),
    ],
)
def test_files_that_are_read_are_not_written(capsys, folder, tmp_path, monkeypatch, source, target, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "0.png").write_bytes((folder / "0.png").read_bytes())
    before = contents(tmp_path)
    code, said, failures = denoise(capsys, source, target, "--model", "median")
    assert (code, said) == (2, "")
    assert says in failures[0]
    assert contents(tmp_path) == before


def test_a_write_that_fails_leaves_what_was_there(capsys, folder, tmp_path):
    out = tmp_path / "out"
    (out / "0.png").mkdir(parents=True)  # a folder stands where a file is to go
    code, said, failures = denoise(capsys, folder, out, "--model", "median")
    assert code == 1
    assert "3 of 6 files" in said
    assert any("0.png" in line and "written" in line for line in failures)
    assert sorted(os.listdir(out)) == ["0.png", "1.png", "2.png", "wide.bmp"]  # and no temporary file


def test_a_folder_that_cannot_be_made_is_said_once(capsys, folder):
    code, said, failures = denoise(capsys, folder, folder / "0.png" / "out", "--model", "median")
    assert (code, said, len(failures)) == (2, "", 1)
    assert "could not be made" in failures[0]


@pytest.mark.parametrize("name", ["none", "none.png", "no/folder"])
def test_what_is_not_there(capsys, tmp_path, name):
    code, _, failures = denoise(capsys, tmp_path / name, tmp_path / "out")
    assert code == 2
    assert failures == [f"denoiser: there is no file {tmp_path / name}"]


@pytest.mark.parametrize("name", ["empty", "*.png"])
def test_nothing_to_do_is_said(capsys, tmp_path, name):
    (tmp_path / "empty").mkdir()
    code, said, failures = denoise(capsys, tmp_path / name, tmp_path / "out")
    assert (code, said, len(failures)) == (1, "", 1)
    assert name in failures[0]
    assert not (tmp_path / "out").exists()


def test_a_stack_of_nonsense_is_one_line(capsys, tmp_path):
    np.save(tmp_path / "a.npy", np.full((2, 28, 28), np.nan))
    code, said, failures = denoise(capsys, tmp_path / "a.npy", tmp_path / "b.npy", "--model", "median")
    assert (code, said) == (2, "")
    assert "a.npy: values from nan to nan" in failures[0]
    assert not (tmp_path / "b.npy").exists()
