"""What the repository promises: one version of gradio, no pickles, no data, no large files, current tables."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from helpers import ROOT, load_script
from PIL import Image

from denoiser.evaluation.tables import TABLES


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
    script = load_script("write_tables")
    pages = script.pages()
    assert all(f"<!-- {name} -->" in "".join(pages.values()) for name in TABLES)
    outdated = [page.name for page, text in pages.items() if page.read_text(encoding="utf-8") != text]
    assert not outdated, f"{outdated}: run python scripts/write_tables.py"


def test_screenshots_that_differ_are_named(tmp_path, capsys):
    script = load_script("compare_screenshots")
    folders = [tmp_path / "before", tmp_path / "after"]
    for folder in folders:
        folder.mkdir()
        for name in ("same", "moved", "longer"):
            Image.new("RGB", (20, 10), "white").save(folder / f"{name}.png")
    assert script.main(*folders) == 0
    moved = Image.new("RGB", (20, 10), "white")
    moved.paste("black", (4, 2, 6, 3))
    moved.save(folders[1] / "moved.png")
    Image.new("RGB", (20, 12), "white").save(folders[1] / "longer.png")
    Image.new("RGB", (20, 10), (250, 250, 250)).save(folders[1] / "same.png")  # nobody sees that
    Image.new("RGB", (20, 10)).save(folders[1] / "new.png")
    capsys.readouterr()
    for _ in range(2):  # what it saves is compared with nothing
        assert script.main(*folders) == 1
        longer, changed, same, new = capsys.readouterr().out.splitlines()
        assert longer.startswith("longer.png: 16.667% of the pixels differ, x 0 to 19, y 10 to 11; 20 x 10 before")
        assert changed == "moved.png: 1.000% of the pixels differ, x 4 to 5, y 2 to 2"
        assert (same, new) == ("same.png: the same", "new.png: only after")
    with Image.open(folders[1] / "moved.difference.png") as shown:
        assert shown.getpixel((4, 2)) == script.RED
