"""Every adjustment of Gradio in one place: what it changes and why. Written for gradio 6.31.0.

`adjust_gradio()` applies those that replace a part of Gradio, once for the process. tests/web/test_gradio_compat.py
fails where another version no longer has what is replaced here.
"""

import logging
import time
from copy import copy
from types import SimpleNamespace
from typing import Any

from gradio import http_server, networking, queueing, routes, state_holder
from gradio.blocks import Blocks
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config

from .server.clients import trusted_proxies
from .server.connections import BACKLOG, Protocol, most_connections
from .server.logging import failed_in_gradio

_SessionState = state_holder.SessionState
_Server = http_server.Server
_url_ok = networking.url_ok
START = 60.0  # seconds that the page may take for its first answer


def adjust_gradio() -> None:
    """Replace what is listed in this module; calling it again changes nothing."""
    state_holder.SessionState = SessionState  # type: ignore[misc]
    http_server.Server = Server  # type: ignore[misc]
    routes.CustomCORSMiddleware = NoCors  # type: ignore[misc, assignment]
    networking.url_ok = url_ok
    for module in (queueing, routes):  # where Gradio prints tracebacks, which quote what a visitor sent
        vars(module)["traceback"] = SimpleNamespace(print_exc=failed_in_gradio)


def url_ok(url: str) -> bool:
    """Whether something answers at an address within START seconds.

    launch() asks this of the page that it has just started, and Gradio gives up when its first answer takes 3 seconds,
    as on a busy machine.
    """
    deadline = time.monotonic() + START
    while not (answered := _url_ok(url)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answered


class Page(Blocks):
    """Blocks that send a browser what belongs to the page, and not the endpoints for scripts, a third of its HTML.

    Scripts get the whole from /config and /gradio_api/info.
    """

    def get_config_file(self) -> Any:
        config: Any = super().get_config_file()
        for_scripts = {component["id"] for component in config["components"] if component["type"] == "api"}
        endpoints = {dependency["id"] for dependency in config["dependencies"] if not dependency["targets"]}
        for page in config["page"].values():
            page["components"] = [id for id in page["components"] if id not in for_scripts]
            page["layout"]["children"] = [
                child for child in page["layout"]["children"] if child["id"] not in for_scripts
            ]
            page["dependencies"] = [id for id in page["dependencies"] if id not in endpoints]
        return config

    def get_api_info(self, all_endpoints: bool = False) -> Any:  # type: ignore[override]
        """As Gradio's, which without `page` restricts what it puts into the page to the page's dependencies."""
        return super().get_api_info(all_endpoints)


class SessionState(_SessionState):
    """A visitor's session without the values of their components.

    Gradio copies every component's configuration for each new session, in the event loop (34 ms for this page), and
    stores each value that arrives in it, for the 500 newest sessions: 500 pictures of a script that calls an endpoint.
    Only deep links read any of it, and those are closed. Nobody's picture may outlive its request.
    """

    def __init__(self, blocks: Blocks):
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()


class Server(_Server):
    """Gradio's server, whose uvicorn has limits for connections and knows which proxies to trust.

    launch() passes no settings on to uvicorn.
    """

    def __init__(self, config: Config, *arguments: Any, **options: Any):
        Protocol.most = most_connections()
        config.http = Protocol
        config.ws = "none"  # the page uses no WebSockets, and their connections would go uncounted
        config.backlog = BACKLOG
        config.forwarded_allow_ips = trusted_proxies()
        for name in ("uvicorn", "uvicorn.access"):  # uvicorn writes to stderr itself; let the server's log do so
            logging.getLogger(name).handlers = []
            logging.getLogger(name).propagate = True
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a warning is a request that is none
        logging.getLogger("uvicorn.error").addFilter(is_news)
        super().__init__(config, *arguments, **options)


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's says more than the line that server/middleware.py wrote of the same fault."""
    return not str(record.msg).startswith("ASGI callable returned without completing")


class NoCors:
    """In place of Gradio's middleware for other origins, which on a public host lets every site read every answer,
    with credentials. What other sites may do is decided in server/origins.py.
    """

    def __init__(self, app: ASGIApp, **options: Any):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
