"""Results stored as soon as they are computed, so that an interrupted evaluation goes on where it stopped."""

import json
from collections.abc import Callable
from pathlib import Path

from ..checkpoint import sha256
from ..files import write_atomically


class ResultCache:
    """Results in a folder, one JSON file each, found by all that they depend on; with None nothing is stored."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: dict, compute: Callable[[], dict]) -> dict:
        """The result stored for `key`, which must be JSON; if there is none, `compute()`, which is then stored."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{sha256(json.dumps(key, sort_keys=True).encode())[:32]}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["key"] == key:
                return found["value"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # missing or damaged: computed again
        value = compute()
        write_atomically(path, json.dumps({"key": key, "value": value}))
        return value
