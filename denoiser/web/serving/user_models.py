"""What visitors trained: each model kept in memory for its own visitor, for a while, and never for anybody else."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ...recipe import Recipe
from ...record import Record

MOST = 40  # of all visitors together; of the largest that can be chosen these are 140 MB
OWN = 8  # of one visitor
HOUR = 3600.0  # seconds that a model is kept after it was last asked for
LINGER = 120.0  # the same once its visitor's page is gone: a lost connection may come back


@dataclass
class Model:
    """A trained network in eval mode, its record, the session and client address it belongs to, and until when."""

    network: nn.Module
    record: Record[Recipe]
    session: str | None
    address: str
    until: float


class UserModelStore:
    """Models by ids that nobody can guess.

    Where there are too many, the address that has the most of them loses the one it asked for least recently: no
    client can push out another's models.
    """

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic):
        self.most, self.clock, self.lock = most, clock, threading.Lock()
        self.models: dict[str, Model] = {}  # the one asked for last is the last

    def __len__(self) -> int:
        return len(self.models)

    def add(self, network: nn.Module, record: Record[Recipe], session: str | None = None, address: str = "") -> str:
        """Keep the model of a session and client address; its id."""
        key = secrets.token_urlsafe(16)
        with self.lock:
            self._forget()
            self.models[key] = Model(network, record, session, address, self.clock() + HOUR)
            mine = [key for key, model in self.models.items() if model.session == session]
            for least_used in mine[:-OWN] if session else []:
                del self.models[least_used]
            while len(self.models) > self.most:
                counts = Counter(model.address for model in self.models.values())
                most = max(counts.values())
                del self.models[next(key for key, model in self.models.items() if counts[model.address] == most)]
        return key

    def get(self, key: object) -> Model | None:
        """The model of that id, which is then kept for another hour; None where it is gone, or never was."""
        with self.lock:
            self._forget()
            model = self.models.pop(key, None) if isinstance(key, str) else None
            if model is not None:
                model.until = self.clock() + HOUR
                self.models[key] = model
            return model

    def leave(self, session: str | None) -> None:
        """The page of a visitor is gone."""
        with self.lock:
            for model in self.models.values():
                if model.session == session:
                    model.until = min(model.until, self.clock() + LINGER)
            self._forget()

    def _forget(self) -> None:
        now = self.clock()
        for key in [key for key, model in self.models.items() if model.until <= now]:
            del self.models[key]
