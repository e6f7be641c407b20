"""What stands between Gradio's server and the browser: a first script, headers that keep strangers out, /health, and
one line in the log where Gradio itself fails."""

import json
import os

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logging as log
from .calls import Calls
from .limits import Limits

# Where the page may stand in a frame: on its own site, on the hub that hosts Spaces, and where its host allows.
FRAMES = "'self' https://huggingface.co https://*.huggingface.co https://*.hf.space"
FRAMES = f"{FRAMES} {os.environ.get('DENOISER_FRAMES', '')}".strip()
# Gradio's own scripts stand in the page and build functions from text, so neither can be forbidden; but nothing is
# loaded from, or sent to, another host.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob: mediastream:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    f"frame-ancestors {FRAMES}"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), clipboard-read=(self), clipboard-write=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
}


def middleware(script: str) -> list[Middleware]:
    """All that stands before Gradio, the first outermost; `script` is what runs first on the page."""
    return [
        Middleware(Health),
        Middleware(Headers),
        Middleware(Faults),
        Middleware(FirstScript, script=script),
        Middleware(Limits),
        Middleware(Calls),
    ]


class Health:
    """Answers /health for probes: 200 as soon as the page is served."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/health":
            return await self.app(scope, receive, send)
        body = json.dumps({"status": "ok", "process": os.getpid()}).encode()
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})


class Headers:
    """Adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, changed if scope["type"] == "http" else send)


class Faults:
    """Answers 500 with a sentence where the application raises: its traceback may quote what a visitor sent."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched if scope["type"] == "http" else send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            log.error("failed", function="server", **log.about(error))
            if not started:
                headers = [(b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": 500, "headers": headers})
                await send({"type": "http.response.body", "body": b'{"error":"That went wrong on the server."}'})


class FirstScript:
    """Puts a script before all others of a page: what Gradio is given as `head` runs only after Gradio has started."""

    def __init__(self, app: ASGIApp, script: str):
        self.app, self.tag = app, f"<head><script>{script}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            return await self.app(scope, receive, send)
        start: Message | None = None

        async def changed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    start = message  # its length is known with the first part of the body
                    return
            if start is not None:
                message["body"] = message["body"].replace(b"<head>", self.tag, 1)
                length = MutableHeaders(scope=start)
                if "content-length" in length:
                    length["content-length"] = str(int(length["content-length"]) + len(self.tag) - len(b"<head>"))
                await send(start)
                start = None
            await send(message)

        await self.app(scope, receive, changed)
