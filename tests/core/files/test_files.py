"""Files are written whole or not at all, whatever goes wrong."""

import errno
import os
import signal
import time

import pytest

from denoiser.errors import DenoiserError
from denoiser.files import (
    LockedError,
    WriteError,
    _create,
    locked,
    read_regular,
    remove_leftovers,
    write_atomically,
    write_in_order,
)


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


def test_of_several_files_none_is_replaced_before_all_are_on_disk(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    write_in_order([(first, "old"), (second, "old")])
    synced = []

    def second_time_full(handle):
        synced.append(handle)
        if len(synced) == 2:
            full_disk()

    monkeypatch.setattr(os, "fsync", second_time_full)
    with pytest.raises(WriteError, match="second could not"):
        write_in_order([(first, "new"), (second, "new")])
    assert (first.read_text(), second.read_text()) == ("old", "old")
    assert names(tmp_path) == ["first", "second"]

    monkeypatch.undo()
    write_in_order([(first, "new"), (second, "new")])
    assert (first.read_text(), second.read_text()) == ("new", "new")


def test_several_files_are_replaced_in_their_order(tmp_path, monkeypatch):
    replaced, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: replaced.append((new.name, replace(old, new))[0]))
    write_in_order([(tmp_path / "b", "1"), (tmp_path / "a", "2"), (tmp_path / "b", "3")])
    assert replaced == ["b", "a", "b"]
    assert (tmp_path / "b").read_text() == "3"


def forked(work):
    """The process id of a child that runs `work` and stays until it is killed; returns once `work` is done."""
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
            os.write(done, b".")
        finally:
            os.close(done)
            time.sleep(60)
            os._exit(1)
    os.close(done)
    assert os.read(ready, 1)
    os.close(ready)
    return child


def end(child):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_leftovers_of_dead_writers_are_removed_and_those_of_others_stay(tmp_path):
    write_atomically(tmp_path / "a.json", "whole")
    unlike = tmp_path / ".a.json.settings"  # somebody else's file
    unlike.write_text("")
    kept = []  # open as long as the child lives
    child = forked(lambda: kept.append(_create(tmp_path / "a.json")))
    try:
        remove_leftovers(tmp_path)
        assert len(names(tmp_path)) == 3
    finally:
        end(child)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".a.json.settings", "a.json"]


def test_a_lock_names_its_owner_and_ends_with_it(tmp_path):
    lock = tmp_path / "new" / ".a.lock"
    kept = []
    child = forked(lambda: kept.append((held := locked(lock), held.__enter__())))
    try:
        with pytest.raises(LockedError) as caught, locked(lock):
            pass
        assert caught.value.owner == str(child)
        assert lock.exists()
    finally:
        end(child)
    assert lock.exists()  # killed, it could not remove the file
    with locked(lock), pytest.raises(LockedError), locked(lock):
        pass
    assert not lock.exists()


def test_a_lock_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match="could not be written"), locked(tmp_path / "file" / ".a.lock"):
        pass


def test_only_regular_files_of_sane_size_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert read_regular(tmp_path / "a", 3) == b"abc"
    with pytest.raises(OSError, match="3 bytes, more than 2"):
        read_regular(tmp_path / "a", 2)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless", "."):
        with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
            read_regular(tmp_path / name, 100)
