"""Files are written whole or not at all, whatever goes wrong."""

import errno
import os

import pytest

from denoiser.errors import DenoiserError
from denoiser.files import WriteError, write_atomically, write_together


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def full_disk(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_content_replaces_what_was_there(tmp_path):
    path = tmp_path / "new folder" / "a.json"
    write_atomically(path, "first, longer")
    write_atomically(path, "zweite ä")
    assert path.read_text(encoding="utf-8") == "zweite ä"
    write_atomically(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert names(path.parent) == ["a.json"]
    assert path.stat().st_mode & 0o777 == 0o644  # others may read it, as they may what git checks out


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, where):
    path = tmp_path / "a.json"
    write_atomically(path, "old")
    monkeypatch.setattr(os, where, full_disk)
    with pytest.raises(WriteError, match=r"a\.json could not be written: No space left") as caught:
        write_atomically(path, "new")
    assert isinstance(caught.value, DenoiserError)
    assert isinstance(caught.value, OSError)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_an_interruption_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomically(path, "old")

    def interrupt(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match=r"file/a\.json could not be written"):
        write_atomically(tmp_path / "file" / "a.json", "new")


def test_of_files_that_belong_together_none_is_replaced_alone(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    write_together({first: "old", second: "old"})
    synced = []

    def second_time_full(handle):
        synced.append(handle)
        if len(synced) == 2:
            full_disk()

    monkeypatch.setattr(os, "fsync", second_time_full)
    with pytest.raises(WriteError, match="second could not"):
        write_together({first: "new", second: "new"})
    assert (first.read_text(), second.read_text()) == ("old", "old")
    assert names(tmp_path) == ["first", "second"]

    monkeypatch.undo()
    write_together({first: "new", second: "new"})
    assert (first.read_text(), second.read_text()) == ("new", "new")
