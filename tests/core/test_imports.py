"""Who may import whom, and what `import denoiser` must not load."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "denoiser"
MODULES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}

# Everything else outside web/ stands on these, and none of these on anything else.
FOUNDATION = {
    "errors", "files", "memory", "data", "noise", "metrics", "losses", "sampler", "models", "recipes", "engine",
    "training", "filters", "checkpoint", "ink", "pictures", "tiles", "batch",
}  # fmt: skip
LAZY = {"torchvision", "plotly", "skimage", "scipy", "gradio"}  # loaded only when they are needed


@cache
def imports(name: str) -> set[str]:
    """All that a module imports anywhere in its text, modules of the package as `denoiser.<module>`."""
    found = set()
    package = ["denoiser", *name.split(".")][:-1]
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{origin}.{alias.name}" for alias in node.names} | {origin}
    return found


def siblings(name: str) -> set[str]:
    """The package's own modules that a module imports, named as in MODULES."""
    return {module for module in MODULES if f"denoiser.{module}" in imports(name)}


def is_web(name: str) -> bool:
    return name.split(".")[0] == "web"


def test_the_walk_sees_relative_lazy_and_absolute_imports():
    assert {"engine", "models", "noise", "files"} <= siblings("training")
    assert "metrics" in siblings("losses")  # imported inside a function
    assert "safetensors.torch.save" in imports("checkpoint")
    assert MODULES.keys() >= FOUNDATION


@pytest.mark.parametrize("name", [name for name in MODULES if not is_web(name)])
def test_only_the_web_part_imports_gradio(name):
    assert not [module for module in imports(name) if module.split(".")[0] == "gradio"]


@pytest.mark.parametrize("name", [name for name in MODULES if not is_web(name) and name != "__main__"])
def test_nothing_but_the_command_line_imports_the_web_part(name):
    assert not [module for module in siblings(name) if is_web(module)]


@pytest.mark.parametrize("name", sorted(FOUNDATION))
def test_no_import_runs_back_up(name):
    assert siblings(name) <= FOUNDATION


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("data", {"models", "recipes", "noise", "training", "checkpoint"}),
        ("noise", {"models", "recipes", "engine", "training", "checkpoint"}),
        ("metrics", {"models", "recipes", "noise", "training", "checkpoint"}),
        ("losses", {"models", "recipes", "noise", "training", "checkpoint"}),
        ("models", {"recipes", "noise", "training", "checkpoint", "files"}),
        ("sampler", {"models", "recipes", "noise", "training", "checkpoint", "files"}),
        ("recipes", {"training", "checkpoint", "files"}),
        ("engine", {"training", "checkpoint", "files", "noise"}),
        ("training", {"checkpoint"}),
        ("pictures", {"data", "models", "recipes", "checkpoint"}),
        ("tiles", {"recipes", "noise", "checkpoint", "files", "pictures"}),
    ],
)
def test_modules_do_not_know_what_they_say_they_do_not_know(name, unknown):
    assert not siblings(name) & unknown


def test_there_are_no_circles():
    TopologicalSorter({name: siblings(name) for name in MODULES}).prepare()  # raises CycleError


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_pickled(name):
    used = imports(name) & {"pickle", "dill", "joblib", "torch.load", "torch.save"}
    calls = {
        ast.unparse(node.func) for node in ast.walk(ast.parse(MODULES[name].read_text())) if isinstance(node, ast.Call)
    }
    assert not used
    assert not calls & {"torch.load", "torch.save"}


def test_importing_the_package_loads_nothing_that_is_not_needed_yet():
    code = f"import sys, denoiser; print(sorted({LAZY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
