"""Files written whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .errors import DenoiserError


class WriteError(DenoiserError, OSError):
    """A file that could not be written, for want of room or of rights; what was there before is untouched."""


def make_folder(path: Path) -> None:
    """The folder `path`, made where it is not there; WriteError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"the folder {path} could not be made: {error.strerror or error}") from error


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` beside `path`, then move it into place; the old file stays until the new one is complete.

    Raises WriteError where that fails; the old file is then as it was.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes | str]) -> None:
    """As write_atomically, for files that belong together: none is moved into place before all are complete."""
    temporaries: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            temporaries[path] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
        for path, temporary in temporaries.items():
            os.replace(temporary, path)
    except OSError as error:
        raise WriteError(f"{path} could not be written: {error.strerror or error}") from error
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
