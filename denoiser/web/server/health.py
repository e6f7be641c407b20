"""Whether the page works: what /health answers.

The answer is always at hand. Once in a while a probe that asks for it starts a check of the page itself, whose outcome
the next probe is told.
"""

import asyncio
import os
from collections.abc import Awaitable
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logging as log

EVERY = 60.0  # seconds between two checks
PATIENCE = 60.0  # seconds that the page may take: a busy server is not a broken one


class Health:
    """ASGI middleware that answers /health: 200 while the page and its request queue work, else 503 and a reason."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.problem = ""
        self.checked = float("-inf")
        self.check: asyncio.Task | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/health":
            return await self.app(scope, receive, send)
        now = asyncio.get_running_loop().time()
        if now - self.checked >= EVERY and (self.check is None or self.check.done()):
            self.checked = now
            self.check = asyncio.create_task(self.look(scope.get("app")))
        state = {"status": "broken" if self.problem else "ok", "process": os.getpid()}
        if self.problem:
            state["reason"] = self.problem
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 503 if self.problem else 200, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(state) if scope["method"] != "HEAD" else b""})

    async def look(self, app: Any) -> None:
        """Check everything once; `problem` says what is broken."""
        problem = await failure({"the page": self.ask_page(app), "the request queue": ask_queue(app)})
        if problem and not self.problem:
            log.error("unhealthy", reason=problem)
        elif self.problem and not problem:
            log.warning("healthy again")
        self.problem = problem

    async def ask_page(self, app: Any) -> None:
        """Ask for the page's configuration as a browser would.

        RuntimeError unless the status is 200, TimeoutError where there is no answer within PATIENCE seconds.
        """
        status = None

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            **{"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/config"},
            **{"raw_path": b"/config", "query_string": b"", "root_path": "", "headers": [(b"host", b"localhost")]},
            **{"client": None, "server": ("localhost", 80), "app": app, "state": {}},
        }
        async with asyncio.timeout(PATIENCE):
            await self.app(scope, receive, send)
        if status != 200:
            raise RuntimeError(f"status {status}")


async def ask_queue(app: Any) -> None:
    """Wait for a request that does nothing; TimeoutError where nothing comes out of the request queue any more."""
    await app.get_blocks().request_queue.check()


async def failure(checks: dict[str, Awaitable]) -> str:
    """The first of these checks, by name, that raises, and how; empty where all are well."""
    found = await asyncio.gather(*checks.values(), return_exceptions=True)
    for name, error in zip(checks, found, strict=True):
        if isinstance(error, TimeoutError):
            return f"{name} does not answer"
        if isinstance(error, Exception):
            return f"{name} failed ({type(error).__name__})"
    return ""
