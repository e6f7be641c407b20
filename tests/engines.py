"""Firefox and WebKit, Safari's engine: WebKit driven by WebDriver over HTTP, Firefox by Marionette over a socket.

Both know the same commands with the same parameters. They are Debian's packages, so that no driver need be downloaded.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from denoiser.bench.browser import free_port

WEBKIT = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key under which WebDriver gives elements
PATIENCE = 120.0  # seconds for one answer: the machine may be busy
WIDTH, HEIGHT = 1280, 900
ROUTES = {  # of the commands, over HTTP
    "Navigate": "url",
    "ExecuteScript": "execute/sync",
    "PerformActions": "actions",
    "FindElement": "element",
    "ElementClick": "element/{id}/click",
    "ElementSendKeys": "element/{id}/value",
    "SetWindowRect": "window/rect",
}


class Missing(Exception):
    """A browser is not installed."""


class Browser:
    """A page in a browser; `send` is how commands reach it."""

    def send(self, command: str, **parameters: Any) -> Any:
        """Give a command of WebDriver; its result."""
        raise NotImplementedError

    def open(self, address: str) -> None:
        """Go to an address."""
        self.send("Navigate", url=address)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a JavaScript expression of `arguments` is worth."""
        return self.send("ExecuteScript", script=f"return ({script})", args=list(arguments))

    def wait(self, script: str, seconds: float = PATIENCE) -> None:
        """Until a JavaScript expression is true; AssertionError where it is not within so many seconds."""
        deadline = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.1)

    def find(self, selector: str) -> str:
        """The id of the first element of a CSS selector."""
        return self.send("FindElement", using="css selector", value=selector)[ELEMENT]

    def click(self, selector: str) -> None:
        """Click an element."""
        self.send("ElementClick", id=self.find(selector))

    def type(self, selector: str, text: str) -> None:
        """Type into an element, or choose a file there by its path."""
        self.send("ElementSendKeys", id=self.find(selector), text=text)

    def drag(self, selector: str, points: Sequence[tuple[float, float]]) -> None:
        """Press the mouse at the first point, in shares of the element's width and height, move it and let it go."""
        left, top, width, height = self.run(
            "(b => [b.left, b.top, b.width, b.height])(document.querySelector(arguments[0]).getBoundingClientRect())",
            selector,
        )
        moves = [
            {"type": "pointerMove", "duration": 30, "x": round(left + x * width), "y": round(top + y * height)}
            for x, y in points
        ]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.send("PerformActions", actions=[mouse])


class Firefox(Browser):
    """Over the socket of Marionette: messages of JSON, each after its length."""

    def __init__(self, port: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self.number = 0
        self.read()  # its greeting
        self.send("NewSession", capabilities={})

    def send(self, command: str, **parameters: Any) -> Any:
        self.number += 1
        message = json.dumps([0, self.number, f"WebDriver:{command}", parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self.read()
        assert error is None, error["message"]
        return result["value"] if set(result) == {"value"} else result

    def read(self) -> Any:
        """The next message."""
        length = b""
        while (byte := self.socket.recv(1)) != b":":
            assert byte, "the browser has ended"
            length += byte
        content = b""
        while len(content) < int(length):
            content += self.socket.recv(int(length) - len(content))
        return json.loads(content)


class WebKit(Browser):
    """Over HTTP, with WebKitWebDriver in between."""

    def __init__(self, port: int) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.client.get("/status")
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        options = {"webkitgtk:browserOptions": {"binary": WEBKIT, "args": ["--automation"]}}
        self.session = ""
        self.session = self.post("/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]

    def post(self, path: str, parameters: dict) -> Any:
        """The value of an answer."""
        value = self.client.post(path, json=parameters).json()["value"]
        assert not (isinstance(value, dict) and "error" in value), value["message"]
        return value

    def send(self, command: str, **parameters: Any) -> Any:
        route = ROUTES[command].format(id=parameters.pop("id", ""))
        return self.post(f"/session/{self.session}/{route}", parameters)


@contextmanager
def process(*command: str, **options: Any) -> Iterator[subprocess.Popen]:
    """A program that is ended afterwards, with what it has started."""
    running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        os.killpg(running.pid, 15)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, 9)
            running.wait()


def installed(*programs: str) -> None:
    """Missing where one of these programs is not here."""
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"{Path(program).name} is not installed: bash tests/run installs it")


@contextmanager
def firefox(folder: Path) -> Iterator[Browser]:
    """Firefox without a screen, its profile in `folder`."""
    installed("firefox-esr")
    port = free_port()
    (folder / "user.js").write_text(f'user_pref("marionette.port", {port});\n', encoding="utf-8")
    size = f"--width={WIDTH}", f"--height={HEIGHT}"
    with process("firefox-esr", "--headless", "--marionette", "--profile", str(folder), *size):
        browser = Firefox(port)
        try:
            yield browser
        finally:
            browser.socket.close()


@contextmanager
def webkit(folder: Path) -> Iterator[Browser]:
    """WebKit's small browser, on a screen in memory."""
    installed("Xvfb", "WebKitWebDriver", WEBKIT)
    arguments = "-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"
    with process("Xvfb", *arguments, stdout=subprocess.PIPE) as screen:
        display = f":{screen.stdout.readline().decode().strip()}"
        port = free_port()
        settings = {"DISPLAY": display, "HOME": str(folder), "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
        with process("WebKitWebDriver", f"--port={port}", env=os.environ | settings):
            browser = WebKit(port)
            try:
                yield browser
            finally:
                browser.client.delete(f"/session/{browser.session}")
                browser.client.close()


ENGINES = {"firefox": firefox, "webkit": webkit}
