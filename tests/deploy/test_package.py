"""The package as pip installs it: what it declares, and the wheel at work outside the repository."""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from PIL import Image

from denoiser.bench.browser import answers, free_port
from denoiser.data.examples import EXAMPLES
from denoiser.ink import digit_from_strokes

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").is_file())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_OURS_TO_INSTALL = {"keras", "spaces"}  # used where they are: a benchmark's rival, and Hugging Face's own package


def requirements(*names: str) -> set[str]:
    """The requirements in these files, without what a file includes, and without comments."""
    lines = [line for name in names for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    stripped = (line.partition(" #")[0].strip() for line in lines)
    return {line for line in stripped if line and not line.startswith("-r")}


def extra(name: str) -> set[str]:
    """The requirements of an extra, with those of the extras it refers to."""
    found = set()
    for requirement in PROJECT["optional-dependencies"][name]:
        if own := re.fullmatch(rf"{PROJECT['name']}\[(.+)\]", requirement):
            found |= set().union(*map(extra, own[1].split(",")))
        else:
            found.add(requirement)
    return found


def distributions(required: set[str]) -> set[str]:
    """The names alone, normalised as in PEP 503."""
    return {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", line)[0]).lower() for line in required}


def imported(*paths: Path) -> set[str]:
    """The distributions of other people that these Python files import."""
    provided_by = packages_distributions()
    tops = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                tops |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                tops.add(node.module.partition(".")[0])
    own = {"denoiser"} | {part for path in (ROOT / "tests").rglob("*.py") for part in (path.stem, path.parent.name)}
    others = tops - set(sys.stdlib_module_names) - own - NOT_OURS_TO_INSTALL
    return distributions({provided_by.get(top, [top])[0] for top in others})


def test_spaces_and_pip_install_the_same():
    assert requirements("requirements.txt") == set(PROJECT["dependencies"])
    assert requirements("tests/requirements.txt") == extra("test")


def test_all_that_is_imported_is_declared_and_nothing_else():
    needed = distributions(set(PROJECT["dependencies"]))
    code = imported(ROOT / "app.py", *(ROOT / "denoiser").rglob("*.py"))
    assert code <= needed | distributions(extra("bench") | extra("onnx"))
    assert needed <= code
    assert imported(*(ROOT / "tests").rglob("*.py")) <= needed | distributions(extra("test"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The package as a wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The scripts folder of an environment with the wheel, which finds all other packages in the one of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site_packages,) = (folder / "lib").glob("python*/site-packages")
    (site_packages / "tests.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Our own variables but those that point back to this tree or choose other settings, and an empty cache."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("DENOISER", "PYTHON", "GRADIO"))}
    return own | {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def run(installed, environment, tmp_path):
    """Runs a program of that environment in an empty folder: run("denoiser", "list")."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess:
        command = [str(installed / program), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_package_and_every_checkpoint(wheel):
    own = [path for path in (ROOT / "denoiser").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    expected = {path.relative_to(ROOT).as_posix() for path in own}
    expected |= {f"denoiser/checkpoints/{path.name}" for path in (ROOT / "checkpoints").iterdir()}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("denoiser/")}
    assert packed == expected


@pytest.mark.slow
def test_the_package_finds_its_weights_from_any_folder(run):
    where = run(
        "python", "-c", "import denoiser; from denoiser.checkpoint import FOLDER; print(denoiser.__file__, FOLDER)"
    )
    assert where.stdout.count("site-packages") == 2, where.stderr
    found = run("python", "-c", "from denoiser import load_model; print(load_model('unet')[1].recipe.name)")
    assert found.stdout == "unet\n", found.stderr
    listed = run("denoiser", "list")
    states = [line.split()[1] for line in listed.stdout.splitlines()]
    assert states.count("trained") == len(list((ROOT / "checkpoints").glob("*.safetensors"))), listed.stderr


@pytest.mark.slow
def test_the_command_denoises_a_picture(run, tmp_path):
    digit = digit_from_strokes(EXAMPLES["3"])[0, 0].mul(255).byte().numpy()
    Image.fromarray(digit).resize((280, 280)).save(tmp_path / "in.png")
    done = run("denoiser", "denoise", "in.png", "out.png", "--fit")
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "out.png").size == (28, 28)


@pytest.mark.slow
def test_a_model_is_exported_measured_and_used_without_the_checkout(run, tmp_path):
    """`export`, then `evaluate` with a report, on pictures of our own, then `denoise` with the exported file."""
    (tmp_path / "scans").mkdir()
    for name in EXAMPLES:
        digit = digit_from_strokes(EXAMPLES[name])[0, 0].mul(255).byte().numpy()
        Image.fromarray(digit).save(tmp_path / "scans" / f"{name}.png")
    done = run("denoiser", "export", "dense-32-noisy", "--int8")
    assert done.returncode == 0, done.stderr
    options = ["--data", "scans", "--models", "median", "--factors", "0.5", "--report", "r.html", "--json", "r.json"]
    done = run("denoiser", "evaluate", "dense-32-noisy-int8.onnx", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert list(report["models"]) == ["noisy", "median", "dense-32-noisy-int8.onnx"]
    assert "dense-32-noisy-int8.onnx" in (tmp_path / "r.html").read_text(encoding="utf-8")
    done = run("denoiser", "denoise", "scans/3.png", "out.png", "--model", "dense-32-noisy-int8.onnx")
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "out.png").size == (28, 28)


@pytest.mark.slow
def test_what_takes_a_checkout_says_so(run):
    refused = run("denoiser", "deploy", "--dry-run")
    assert refused.returncode == 2
    assert "is not a checkout of this repository" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_page_starts_from_the_wheel(installed, environment, tmp_path):
    port = free_port()
    environment |= {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    environment["GRADIO_ANALYTICS_ENABLED"] = "False"
    command = [str(installed / "python"), "-m", "denoiser.web"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 180
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
    finally:
        server.terminate()
        server.wait(30)
