"""What other websites may do in their visitors' browsers.

The script API is open to every site, without credentials. All that only the page itself calls is closed to others: a
site could otherwise let its visitors' browsers train, upload and wait in line here. Scripts outside a browser send
neither of the headers that this looks at, and are never refused.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import PREFIX, Refused, refuse

OPEN = {"call", "info", "openapi.json"}  # the script API, by the first part of its path below PREFIX
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "600",
}
OTHER_SITE = f"Other sites may call {PREFIX}call, and nothing else here."


class Origins:
    """ASGI middleware that refuses what other sites may not do, and lets them read the script API's answers."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers, method = Headers(scope=scope), scope["method"]
        _, below, rest = scope["path"].partition(PREFIX)
        if below and rest.split("/")[0] in OPEN:
            if method == "OPTIONS" and "access-control-request-method" in headers:
                return await PlainTextResponse("", headers=PREFLIGHT)(scope, receive, send)
            return await self.app(scope, receive, readable(send))
        if is_cross_site(headers) and (below or method not in ("GET", "HEAD")):
            return await refuse(Refused(403, OTHER_SITE), scope, receive, send)
        return await self.app(scope, receive, send)


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser says that another site's page sent a request."""
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get("origin")  # browsers without Sec-Fetch-Site, and pages without TLS
    hosts = headers.get("host"), headers.get("x-forwarded-host")  # no page can set either of them
    return origin is not None and (origin == "null" or urlsplit(origin).netloc not in hosts)


def readable(send: Send) -> Send:
    """`send` that lets every site read the answer."""

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Access-Control-Allow-Origin"] = "*"
        await send(message)

    return changed
