"""Files that are replaced whole or not at all, and locks between processes."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import DenoiserError

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]


class WriteError(DenoiserError, OSError):
    """A file could not be written, for lack of space or permission; what was there before is untouched."""


class LockedError(DenoiserError, RuntimeError):
    """Another process holds the lock; `owner` is its process id as text, empty if unknown."""

    def __init__(self, path: Path, owner: str):
        super().__init__(f"{path} is locked by process {owner or 'unknown'}")
        self.owner = owner


def make_folder(path: Path) -> None:
    """Create the folder `path` and its parents where they do not exist; WriteError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"the folder {path} could not be made: {error.strerror or error}") from error


def read_regular(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises OSError for anything else: a pipe would block for ever, and a device may never end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, more than {limit:,}", str(path))
        return file.read(limit)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` to a temporary file beside `path`, then rename it to `path`.

    Raises WriteError if that fails; the old file is then as it was.
    """
    write_in_order([(path, content)])


def write_in_order(writes: Sequence[tuple[Path, bytes | str]]) -> None:
    """Replace several files, one after the other, each atomically.

    All contents are on disk before the first file is replaced, so a full disk changes nothing. Each replacement is
    on disk before the next begins. A path may occur more than once. Raises WriteError if anything fails.
    """
    path = Path()
    with ExitStack() as stack:
        try:
            staged = []
            for path, content in writes:
                path.parent.mkdir(parents=True, exist_ok=True)
                staged.append((stack.enter_context(_temporary(path, content)), path))
            for index, (temporary, path) in enumerate(staged):
                if index:
                    _sync_folder(staged[index - 1][1].parent)
                os.replace(temporary, path)
        except OSError as error:
            raise WriteError(f"{path} could not be written: {error.strerror or error}") from error


@contextmanager
def _temporary(path: Path, content: bytes | str) -> Iterator[Path]:
    """A file beside `path` with this content, on disk; removed at the end unless it was renamed.

    It stays locked as long as its writer lives, which is how `remove_leftovers` tells it from one left behind.
    """
    file, temporary = _create(path)
    try:
        with file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            if not fcntl:
                file.close()  # Windows renames no open file
            yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _create(path: Path) -> tuple[BinaryIO, Path]:
    """A new temporary file for `path`, open and locked."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        file = os.fdopen(descriptor, "wb")
        if fcntl:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return file, Path(name)
        file.close()  # another process took it for a leftover before it was locked


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files in `folder` whose writers were killed before they could."""
    if fcntl:
        for leftover in folder.glob(".*.????????.partial"):
            with suppress(OSError), open(leftover, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the renames in a folder survive a power failure, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, which contains this process's id, and remove it at the end.

    The lock ends with the process, however that ends. Raises LockedError if another process holds it, WriteError if
    the file cannot be created. On file systems without locks nothing is locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(path)
    except OSError as error:
        raise WriteError(f"{path} could not be written: {error.strerror or error}") from error
    try:
        with suppress(OSError):  # the id only serves the error message of others
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
        os.close(descriptor)


def _lock(path: Path) -> int:
    """The descriptor of the lock file, locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if fcntl:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode(errors="replace")
            os.close(descriptor)
            raise LockedError(path, owner if owner.isdecimal() else "") from None
        except OSError:  # a file system without locks
            return descriptor
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # its last owner removed it before we locked it
