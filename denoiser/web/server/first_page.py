"""The page itself: completed, and compressed, once for each address under which it is asked for.

Gradio builds its HTML anew for every visitor, from a copy of its whole configuration, and sends it as it is. But it is
the same for everybody, and does not depend on the query.
"""

import re
from collections import OrderedDict
from html import escape

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..static_files import StaticFile

HEAD = re.compile(rb"<head(\s[^>]*)?>", re.IGNORECASE)
BODY = re.compile(rb"<body(\s[^>]*)?>", re.IGNORECASE)
CARDS = re.compile(rb'<meta\s+(property="og:|name="twitter:)[^>]*>\s*')  # Gradio's own, for links to the page
ADDRESS = b"{address}"
CACHING = "private, no-cache"  # the page holds its address: only for whoever asked, and asked again each time
QUALITY = 5  # of brotli: anybody may ask under another address, so that compression must not take long
ADDRESSES = 16  # whose pages are stored


class FirstPage:
    """Answers with the page, `head` and `body` first in its own: what Gradio is given as `head` comes only later.

    {address} in the markup becomes the address of the page. What Gradio says of the page to other sites is removed.
    """

    def __init__(self, app: ASGIApp, head: str, body: str):
        self.app, self.parts = app, ((HEAD, head.encode()), (BODY, body.encode()))
        self.pages: OrderedDict[str, StaticFile] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            return await self.app(scope, receive, send)
        address = page_address(scope)
        if address not in self.pages:
            messages = await self.answer_of_gradio(scope, receive)
            if not is_page(messages[0]):
                for message in messages:
                    await send(message)
                return
            content = b"".join(message.get("body", b"") for message in messages[1:])
            file = StaticFile("index.html", self.completed(content, address), CACHING, QUALITY)
            await run_in_threadpool(file.prepare)
            self.pages[address] = file
            while len(self.pages) > ADDRESSES:
                self.pages.popitem(last=False)
        self.pages.move_to_end(address)
        await self.pages[address].answer(Headers(scope=scope))(scope, receive, send)

    async def answer_of_gradio(self, scope: Scope, receive: Receive) -> list[Message]:
        """All that the application sends for the page without a query."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self.app({**scope, "query_string": b""}, receive, collect)
        return messages

    def completed(self, page: bytes, address: str) -> bytes:
        """The page with our parts in it."""
        page = CARDS.sub(b"", page)
        for tag, markup in self.parts:
            if found := tag.search(page):
                markup = markup.replace(ADDRESS, escape(address).encode())
                page = page[: found.end()] + markup + page[found.end() :]
        return page


def is_page(start: Message) -> bool:
    """Whether an answer that begins like this is a page of HTML, and no error."""
    return start["status"] == 200 and Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")


def page_address(scope: Scope) -> str:
    """The address under which the page was asked for, without a slash at its end."""
    headers = dict(scope["headers"])
    host = (headers.get(b"x-forwarded-host") or headers.get(b"host", b"")).decode("latin-1")
    return f"{scope['scheme']}://{host}{scope.get('root_path', '')}".rstrip("/")
