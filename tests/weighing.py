"""What the tests that weigh share: the memory of a process, and how long a neighbour's strokes take meanwhile."""

import json
import re
import statistics
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from denoiser.data.examples import EXAMPLES
from denoiser.web.i18n import english

STROKE = {"strokes": EXAMPLES["7"], "kind": "gaussian", "seed": 1, "factors": [0.5], "models": ["dense-16", "conv-64"]}


def resident(pid: int, field: str = "VmRSS") -> float:
    """MB of memory that a process and its children hold now (VmRSS) or held at most (VmHWM)."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    held = int(found[1]) / 1024 if found else 0.0
    for child in children(pid):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            held += resident(child, field)
    return held


def children(pid: int) -> list[int]:
    """The processes that a process has started, from any of its threads."""
    found = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in tasks.read_text().split():
            # Until a new process runs its own program it shares its parent's memory, which must not count twice.
            with suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{child}/cmdline").read_bytes() != Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(child))
    return found


class Peak(threading.Thread):
    """Watches the memory of a process and its children; `most` is the largest sum seen, in MB."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.most, self.ended = pid, 0.0, threading.Event()

    def run(self) -> None:
        """Look 50 times a second."""
        while not self.ended.wait(0.02):
            try:
                self.most = max(self.most, resident(self.pid))
            except OSError:  # a child ended meanwhile
                continue


@contextmanager
def peak(pid: int):
    """The Peak of a process while the block runs."""
    watch = Peak(pid)
    watch.start()
    yield watch
    watch.ended.set()
    watch.join()


def component_id(address: str, name: str) -> int:
    """The number under which Gradio knows one of the page's components."""
    with urllib.request.urlopen(f"{address}/config", timeout=30) as reply:
        components = json.load(reply)["components"]
    return next(c["id"] for c in components if c["props"].get("elem_id") == name)


def ask(
    address: str, component: int, function: str, request: object, timeout: float = 60, visitor: str | None = None
) -> dict:
    """The reply of a component's server function, asked as the page asks; raises HTTPError on any other status.

    Who is told to wait and asks again gives the same `visitor`, and so keeps their position in the queue.
    """
    body = {"component_id": component, "fn_name": function, "session_hash": "neighbour"}
    body["data"] = [json.dumps(request), visitor or f"{time.perf_counter_ns():x}"]
    question = urllib.request.Request(
        f"{address}/gradio_api/component_server/",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(question, timeout=timeout) as reply:
        return json.loads(json.loads(reply.read()))


class Neighbour(threading.Thread):
    """Another visitor who asks for the cards of a stroke again and again; `times` in ms, `errors` as text."""

    def __init__(self, address: str, pause: float = 0.05):
        super().__init__(daemon=True)
        self.address, self.pause, self.board = address, pause, component_id(address, "board")
        self.times: list[float] = []
        self.errors: list[str] = []
        self.ended = threading.Event()

    def stroke(self) -> None:
        """One question and its answer."""
        start = time.perf_counter()
        try:
            reply = ask(self.address, self.board, "compare", STROKE)
            if "error" in reply:
                self.errors.append(english(reply["error"]))
        except OSError as error:
            self.errors.append(str(error))
        self.times.append((time.perf_counter() - start) * 1000)

    def run(self) -> None:
        """Ask until told to end."""
        while not self.ended.wait(self.pause):
            self.stroke()

    @property
    def p95(self) -> float:
        """Milliseconds within which 95 % of the strokes so far were answered."""
        return statistics.quantiles(self.times, n=20)[-1]


@contextmanager
def neighbour(address: str, pause: float = 0.05):
    """A Neighbour who asks while the block runs."""
    visitor = Neighbour(address, pause)
    visitor.start()
    yield visitor
    visitor.ended.set()
    visitor.join()


def usual(address: str, strokes: int = 40) -> float:
    """The p95 in ms of a neighbour's strokes while nothing else happens."""
    visitor = Neighbour(address)
    for _ in range(strokes):
        visitor.stroke()
        time.sleep(visitor.pause)
    assert not visitor.errors, visitor.errors
    return visitor.p95
