"""Who may import whom, and what `import denoiser` must not load."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "denoiser"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Everything else outside web/ stands on these, and none of these on anything else.
FOUNDATION = {
    "errors", "settings", "files", "runtime", "data", "noise", "metrics", "losses", "trainable", "samplers",
    "models", "recipe", "recipes", "record", "training", "filters", "checkpoint", "image_decoder", "images", "ink",
    "batch", "external", "hub.client", "hub.download",
}  # fmt: skip
FOUNDATION |= {name for name in MODULES if name.split(".")[0] in FOUNDATION}
LAZY = {
    "torchvision",
    "plotly",
    "skimage",
    "scipy",
    "gradio",
    "onnx",
    "onnxruntime",
    "huggingface_hub",
}  # loaded only when they are needed


@cache
def imports(name: str) -> set[str]:
    """All that a module imports anywhere in its text, modules of the package as `denoiser.<module>`."""
    found = set()
    package = ["denoiser", *name.split(".")]
    if MODULES[name].name != "__init__.py":
        package.pop()
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
    assert {"models", "data", "training.step", "training.ema"} <= siblings("training.trainer")
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
        ("noise", {"models", "recipe", "recipes", "record", "training", "checkpoint"}),
        ("metrics", {"models", "recipes", "noise", "training", "checkpoint"}),
        ("losses", {"models", "recipes", "noise", "training", "checkpoint"}),
        ("trainable", {"models", "losses", "recipes", "training", "checkpoint"}),
        ("models", {"recipes", "noise", "training", "checkpoint", "files"}),
        ("recipe", {"recipes", "filters", "training", "checkpoint", "files"}),
        ("samplers.contract", {"models", "recipes", "noise", "training", "checkpoint", "files"}),
        ("recipes", {"training", "checkpoint", "files"}),
        ("record", {"recipes", "models", "training", "checkpoint", "files"}),
        ("runtime", {"training", "recipe", "recipes", "models"}),
        ("training", {"checkpoint"}),
        ("images", {"data", "models", "recipes", "checkpoint"}),
        ("external", {"models", "recipes", "training", "checkpoint", "evaluation"}),
        ("hub.download", {"models", "recipes", "training", "checkpoint", "evaluation"}),
        ("batch.tiles", {"recipes", "noise", "training", "checkpoint", "files", "images"}),
        ("styles", {"models", "recipes", "checkpoint"}),
    ],
)
def test_modules_do_not_know_what_they_say_they_do_not_know(name, unknown):
    parts = [module for module in MODULES if module == name or module.startswith(f"{name}.")]
    assert parts
    assert not {known.split(".")[0] for part in parts for known in siblings(part)} & unknown


PAGES = [name for name in MODULES if (MODULES[name].parent / "tab.py").exists() and name.startswith("web.")]


@pytest.mark.parametrize("name", PAGES)
def test_no_page_imports_another(name):
    page = ".".join(name.split(".")[:2])
    assert not [module for module in siblings(name) & set(PAGES) if not f"{module}.".startswith(f"{page}.")]


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


def test_no_module_takes_the_place_of_a_public_function():
    code = (
        "import denoiser, denoiser.latent; print(*(n for n in denoiser.__all__ if not callable(getattr(denoiser, n))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
