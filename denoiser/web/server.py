"""What stands between Gradio's server and the browser."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


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
