"""What people read: links lead somewhere, commands and examples work, the README stays short."""

import re
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import pytest
import yaml
from helpers import ROOT, digit_file

from denoiser.cli.parser import build_parser

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES])

CODE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def text(page) -> str:
    """The page without the front matter that Spaces reads."""
    return re.sub(r"\A---\n.*?\n---\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page) -> set[str]:
    """The headings of a page as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def shell_lines(page) -> list[str]:
    """Every command in a shell block or in backticks, without comments."""
    blocks = [code for language, code in CODE.findall(text(page)) if language == "sh"]
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", CODE.sub("", text(page)))
    return [re.split(r"\s+#", line)[0].strip() for line in lines]


def test_the_readme_is_short():
    body = text(ROOT / "README.md")
    assert len(body.splitlines()) <= 160
    assert len(body.split()) <= 1200


@each_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", text(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_page_is_linked_from_the_readme():
    assert {path.name for path in PAGES[1:]} <= set(re.findall(r"([\w.-]+\.md)[)#]", text(PAGES[0])))


def refusal(arguments: list[str], capsys) -> str:
    """What the command line says against these arguments; a verb alone is a mention of it, and may lack arguments."""
    try:
        build_parser().parse_args([*arguments, "--help"] if len(arguments) == 1 else arguments)
    except SystemExit as stop:
        return capsys.readouterr().err if stop.code else ""
    return ""


@each_page
def test_commands_are_as_the_parser_wants_them(page, capsys):
    for line in shell_lines(page):
        for command in line.split(" && "):
            if found := re.match(r"(?:python -m )?denoiser (\w.*)", command):
                assert not refusal(shlex.split(found[1]), capsys), command


@each_page
def test_files_that_are_named_exist(page):
    for line in shell_lines(page):
        for word in re.findall(r"(?:^|\s)((?:app\.py|(?:[\w.-]+/)+[\w.*-]*))(?=\s|$)", line):
            if word.split("/")[0] in {"denoiser", "tests", "docs", "scripts", "deploy", "checkpoints", ".ci", "app.py"}:
                assert list(ROOT.glob(word.rstrip("/"))), f"{page.name} names {word}"


@each_page
def test_modules_that_are_imported_exist(page):
    for name in re.findall(r"from (denoiser[\w.]*) import", text(page)):
        assert find_spec(name), name


@each_page
def test_lines_are_no_longer_than_120_columns(page):
    for line in text(page).splitlines():
        breakable = not line.startswith("|") and not re.search(r"https?://|^OMP_NUM|^echo", line)
        assert len(line) <= 120 or not breakable, line


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "docs/usage.md"])
def test_python_examples_run(name, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(digit_file())
    (code,) = [code for language, code in CODE.findall(text(ROOT / name)) if language == "python"]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]


def modules(folder) -> set[str]:
    """The modules and packages right in a folder, as they stand in the tree: `noise.py`, `bench/`."""
    found = {path.name for path in folder.glob("*.py")} | {
        f"{path.parent.name}/" for path in folder.glob("*/__init__.py")
    }
    return found - {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("folder", [ROOT / "denoiser", ROOT / "denoiser" / "web"], ids=lambda path: path.name)
def test_the_tree_in_the_docs_names_every_module(folder):
    tree = text(ROOT / "docs" / "architecture.md").split("## The tree")[1].split("```")[1]
    indent = "  " * len(folder.relative_to(ROOT).parts)
    lines = re.findall(rf"^{indent}(\S.*?)(?:  |$)", tree, re.MULTILINE)  # without what stands beside the names
    named = {name for line in lines for name in re.split(r",? ", line)} - {"__init__.py", "__main__.py"}
    assert modules(folder) - named == set(), "add these to the tree in docs/architecture.md"
    assert named - modules(folder) == set(), "remove these from the tree in docs/architecture.md"


def test_the_workflow_runs_the_same_script():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["tests"]["steps"][-1]["run"] == "bash .ci/run"
    assert (ROOT / ".ci" / "run").exists()
