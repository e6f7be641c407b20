"""The networks that visitors trained, each kept in memory for a while, for its own visitor alone."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ...recipe import Recipe
from ...record import Record

MAX_MODELS = 40  # of all visitors together; of the largest that can be chosen these are 140 MB
MAX_OF_SESSION = 8
KEPT_SECONDS = 3600.0  # after a model was last asked for
LEFT_SECONDS = 120.0  # the same once its visitor's page is gone: a lost connection may come back


@dataclass
class UserModel:
    """A trained network in eval mode, its record, the session and client address it belongs to, and when it goes."""

    network: nn.Module
    record: Record[Recipe]
    session: str | None
    address: str | None
    until: float


class UserModelStore:
    """Models by ids that nobody can guess. All methods may be called from any thread.

    If there are more than `max_models`, the client address with most of them loses the one that was not asked for
    longest: no client can push out another's models.
    """

    def __init__(self, max_models: int = MAX_MODELS, clock: Callable[[], float] = time.monotonic):
        self.max_models, self.clock, self.lock = max_models, clock, threading.Lock()
        self.models: dict[str, UserModel] = {}  # by id, the one asked for last at the end

    def __len__(self) -> int:
        return len(self.models)

    def add(
        self, network: nn.Module, record: Record[Recipe], session: str | None = None, address: str | None = None
    ) -> str:
        """Keep the model of a session and client address; its id."""
        user_model_id = secrets.token_urlsafe(16)
        with self.lock:
            self._drop_old()
            self.models[user_model_id] = UserModel(network, record, session, address, self.clock() + KEPT_SECONDS)
            of_session = [key for key, model in self.models.items() if model.session == session]
            for key in of_session[:-MAX_OF_SESSION] if session else []:
                del self.models[key]
            while len(self.models) > self.max_models:
                counts = Counter(model.address for model in self.models.values())
                most = max(counts.values())
                del self.models[next(key for key, model in self.models.items() if counts[model.address] == most)]
        return user_model_id

    def get(self, user_model_id: object) -> UserModel | None:
        """The model of that id, which is then kept for another hour; None if it is gone, or never was."""
        with self.lock:
            self._drop_old()
            if not isinstance(user_model_id, str) or user_model_id not in self.models:
                return None
            model = self.models[user_model_id] = self.models.pop(user_model_id)  # now at the end
            model.until = self.clock() + KEPT_SECONDS
            return model

    def leave(self, session: str | None) -> None:
        """The page of a session is gone: its models go soon, unless they are asked for again."""
        with self.lock:
            for model in self.models.values():
                if model.session == session:
                    model.until = min(model.until, self.clock() + LEFT_SECONDS)
            self._drop_old()

    def _drop_old(self) -> None:
        now = self.clock()
        for key in [key for key, model in self.models.items() if model.until <= now]:
            del self.models[key]
