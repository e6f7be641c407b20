"""What the repository promises: one version of gradio, no pickles, no data, no large files, current tables."""

import importlib.util
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from denoiser.evaluation.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def front_matter() -> dict[str, str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1]
    return {key: value.strip().strip('"') for key, value in (line.split(":", 1) for line in head.splitlines())}


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_the_space_uses_the_pinned_gradio(front_matter):
    pinned = re.search(r"^gradio==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert front_matter["sdk_version"] == pinned


def test_front_matter_is_what_spaces_accepts(front_matter):
    assert front_matter["sdk"] == "gradio"
    assert front_matter["python_version"] == "3.12"
    assert (ROOT / front_matter["app_file"]).exists()
    assert len(front_matter["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {front_matter["colorFrom"], front_matter["colorTo"]} <= colours


def test_torch_has_only_a_lower_bound_so_that_zerogpu_can_choose():
    requirements = (ROOT / "requirements.txt").read_text()
    assert re.findall(r"^torch(?:vision)?([=<>!~].)", requirements, re.MULTILINE) == [">=", ">="]


def test_no_pickles_no_data_no_large_files(committed):
    assert not [p for p in committed if p.suffix in {".pt", ".pth", ".pkl", ".pickle"} or "ubyte" in p.name]
    assert not [p for p in committed if p.exists() and p.stat().st_size > 10 * 2**20]


def test_modules_lines_and_folders_of_the_page_are_small(committed):
    web = [p for p in committed if p.exists() and p.is_relative_to(ROOT / "denoiser" / "web")]
    lines = {p: p.read_text(encoding="utf-8").splitlines() for p in web if p.suffix in (".js", ".css", ".html")}
    assert len(lines) > 50
    assert [p.name for p, text in lines.items() if len(text) > 400] == []
    assert [p.name for p, text in lines.items() if any(len(line) > 120 for line in text)] == []
    assert [folder for folder, files in Counter(p.parent for p in web).items() if files > 22] == []


def test_the_lock_file_names_no_registry_host():
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


def test_the_tables_in_the_docs_are_up_to_date():
    path = ROOT / "scripts" / "write_tables.py"
    specification = importlib.util.spec_from_file_location("write_tables", path)
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    pages = script.pages()
    assert all(f"<!-- {name} -->" in "".join(pages.values()) for name in TABLES)
    outdated = [page.name for page, text in pages.items() if page.read_text(encoding="utf-8") != text]
    assert not outdated, f"{outdated}: run python scripts/write_tables.py"
