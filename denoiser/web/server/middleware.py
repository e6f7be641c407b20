"""All that stands between the network and Gradio, in order; here: headers and faults."""

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ... import settings
from . import logging as log
from .calls import Calls
from .clients import is_forwarded
from .first_page import FirstPage
from .health import Health
from .limits import Limits
from .origins import Origins

# Where the page may stand in a frame: on its own site, on the hub that hosts Spaces, and where its host allows.
FRAMES = "'self' https://huggingface.co https://*.huggingface.co https://*.hf.space"
FRAMES = f"{FRAMES} {settings.current.frame_ancestors}".strip()
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


def middleware(head: str, body: str = "") -> list[Middleware]:
    """All that stands before Gradio, the first outermost; `head` and `body` come first in the page's head and body."""
    return [
        Middleware(Headers),
        Middleware(Health),
        Middleware(Faults),
        Middleware(Origins),
        Middleware(FirstPage, head=head, body=body),
        Middleware(Limits),
        Middleware(Calls),
    ]


NO_STORE = {"/config", "/config/"}  # they hold the address under which they were asked for
PROXY_HEADERS = {b"x-forwarded-host", b"x-gradio-server"}  # Gradio builds addresses from them


class Headers:
    """Adds HEADERS to every answer, and takes what only a trusted proxy may say out of requests."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if not is_forwarded(scope):
            kept = [(name, value) for name, value in scope["headers"] if name not in PROXY_HEADERS]
            scope = {**scope, "headers": kept}

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"] in NO_STORE:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, changed)


class Faults:
    """Answers 500 with a sentence where the application raises, and logs what and where.

    Its traceback may quote what a visitor sent.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if is_refusal(error.__cause__):  # of a stream that had begun: what it was about is over
                return log.debug("ended", **log.about(error))
            log.error("failed", function="server", **log.about(error))
            if not started:
                headers = [(b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": 500, "headers": headers})
                await send({"type": "http.response.body", "body": b'{"error":"That went wrong on the server."}'})


def is_refusal(error: BaseException | None) -> bool:
    """Whether an exception is an HTTP status that blames the client."""
    return isinstance(error, HTTPException) and error.status_code < 500
