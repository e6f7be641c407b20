"""Numbers read from many files into a CSV, which grows by one file at a time and can be continued."""

import csv
import glob
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import DenoiserError
from ..files import WriteError, make_folder
from ..images import is_picture_name, write_pixels
from ..ink import InkError
from . import read_digits
from .cleaning import cleaned_page
from .result import Reading

COLUMNS = ("file", "row", "text", "probability", "alternatives", "error")


class FilesError(DenoiserError, ValueError):
    """A request for files that cannot be fulfilled; the message says why."""


@dataclass
class Outcome:
    """How many files were read and how many had been before; each failure as a line of text."""

    read: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


def find_files(source: Path) -> list[Path]:
    """The pictures that IN names, sorted: a file, those directly in a folder, or those that match a glob.

    Raises FilesError where there are none.
    """
    if source.is_dir():
        found: Iterable[Path] = source.iterdir()
    elif source.exists():
        return [source]
    else:
        found = map(Path, glob.glob(str(source), recursive=True))
    files = sorted(file for file in found if is_picture_name(file) and file.is_file() and file.name[0] != ".")
    if not files:
        raise FilesError(f"there is no picture in {source}" if source.is_dir() else f"there is no file {source}")
    return files


class NumbersFile:
    """A CSV of COLUMNS, one line for each row of digits, and one with the error for each file without.

    Lines are appended as soon as a file is read. A line that a killed process left unfinished is removed. Raises
    FilesError for a file that is no such CSV, and leaves it as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: set[str] = set()
        try:
            content = path.read_bytes().decode() if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise FilesError(f"{path} cannot be read: {error}") from error
        header = _line(COLUMNS)
        if not content:
            self._write(header, "w")
        elif not content.startswith(header):
            raise FilesError(f"{path} was not written by this command, and is not overwritten: name another file")
        elif not content.endswith("\n"):
            content = content[: content.rfind("\n") + 1]
            self._write(content, "w")
        self.done = {row["file"] for row in csv.DictReader(io.StringIO(content))} if content else set()

    def append(self, rows: Sequence[Sequence[object]]) -> None:
        """Add the lines of one file, in one go."""
        self._write("".join(map(_line, rows)), "a")

    def _write(self, text: str, mode: str) -> None:
        try:
            with self.path.open(mode, encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise WriteError(f"{self.path} could not be written: {error.strerror or error}") from error


def _line(values: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([" ".join(str(value).split()) for value in values])
    return text.getvalue()


def reading_rows(name: str, reading: Reading) -> list[tuple[object, ...]]:
    """The lines of a CSV for one file."""
    return [
        (
            name,
            number,
            row.text(reading.threshold),
            f"{row.probability:.4f}",
            " ".join(f"{other.text}:{other.probability:.4f}" for other in row.alternatives if other.text),
            "",
        )
        for number, row in enumerate(reading.rows, 1)
    ]


def read_files(
    files: Sequence[Path],
    table: NumbersFile | None,
    cleaned: Path | None = None,
    on_reading: Callable[[Path, Reading], object] = lambda file, reading: None,
    on_failure: Callable[[str], object] = lambda line: None,
    progress: Callable[[], object] = lambda: None,
    **options: Any,
) -> Outcome:
    """Read each file and append it to the table; files that are in it already are skipped.

    `cleaned` is a folder for the cleaned pictures, as PNG; one that is there already is left alone, and reported.
    `options` are those of `read_digits`. A file that cannot be read is reported, and the others are still done.
    """
    outcome = Outcome()
    if cleaned is not None:
        make_folder(cleaned)
    for file in files:
        if table is not None and str(file) in table.done:
            outcome.skipped += 1
            progress()
            continue
        try:
            reading = read_digits(file, **options)
            if cleaned is not None:
                target = cleaned / f"{file.stem}.png"
                if target.exists():
                    raise FilesError(f"{target} is there already, and is not overwritten")
                write_pixels(cleaned_page(reading), target)
        except DenoiserError as error:
            message = " ".join(str(error).split())
            outcome.failures.append(f"{file}: {message}")
            on_failure(outcome.failures[-1])
            if table is not None and isinstance(error, InkError):
                table.append([(str(file), "", "", "", "", message)])
        else:
            outcome.read += 1
            if table is not None:
                table.append(reading_rows(str(file), reading))
            on_reading(file, reading)
        progress()
    return outcome
