"""`denoiser read`: numbers of many photos into a CSV that can be continued."""

import csv

import numpy as np
import pytest
from PIL import Image

from denoiser.cli import main
from denoiser.data.paper import Style, compose_row, make_hand
from denoiser.reading.files import COLUMNS, NumbersFile


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Two photos and a damaged file."""
    folder = tmp_path_factory.mktemp("scans")
    hand = make_hand(4, seed=9)
    for number, text in enumerate(("40517", "3829")):
        photo = compose_row(hand, Style(), np.random.default_rng(3 + number), text)
        Image.fromarray(photo.picture).save(folder / f"{number}.png")
    (folder / "damaged.png").write_bytes(b"no picture")
    return folder


def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_becomes_a_table_that_names_damaged_files(scans, tmp_path, capsys):
    table = tmp_path / "numbers.csv"
    assert main(["read", str(scans), "--csv", str(table), "--cleaned", str(tmp_path / "cleaned")]) == 1
    found = {line["file"].rpartition("/")[2]: line for line in lines(table)}
    assert [found[name]["text"] for name in ("0.png", "1.png")] == ["40517", "3829"]
    assert 0 < float(found["0.png"]["probability"]) <= 1
    assert "not a picture" in found["damaged.png"]["error"]
    assert "damaged.png" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "cleaned").iterdir()) == ["0.png", "1.png"]


def test_a_table_is_continued_after_the_files_in_it(scans, tmp_path, capsys):
    table = tmp_path / "numbers.csv"
    unfinished = f"{scans / '1.png'},1,38"
    table.write_text(f"{','.join(COLUMNS)}\n{scans / '0.png'},1,40517,0.9,,\n{unfinished}")
    assert main(["read", str(scans / "*.png"), "--csv", str(table), "--length", "4"]) == 1
    assert [line["text"] for line in lines(table)] == ["40517", "3829", ""]
    assert "1 had been before" in capsys.readouterr().out


def test_a_file_of_another_kind_is_not_overwritten(scans, tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("name,value\n")
    assert main(["read", str(scans), "--csv", str(other)]) == 2
    assert other.read_text() == "name,value\n"
    assert "not overwritten" in capsys.readouterr().err


def test_a_single_photo_is_printed(scans, capsys):
    assert main(["read", str(scans / "0.png"), "--range", "40000.."]) == 0
    assert capsys.readouterr().out.startswith("40517 (")


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--range", "5"], "two numbers"), (["--length", "0"], "1 to 100 digits"), (["--threshold", "2"], "threshold")],
)
def test_bad_options_are_sentences(scans, options, message, capsys):
    assert main(["read", str(scans / "0.png"), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_pictures_is_named(tmp_path, capsys):
    assert main(["read", str(tmp_path)]) == 2
    assert "no picture" in capsys.readouterr().err


def test_a_table_holds_what_was_appended(tmp_path):
    table = NumbersFile(tmp_path / "numbers.csv")
    table.append([("a.png", 1, "12", "0.9", "", "")])
    assert NumbersFile(tmp_path / "numbers.csv").done == {"a.png"}
