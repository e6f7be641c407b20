"""A generator that runs in a thread of its own, watched from an event loop that never waits for it too long.

A thread and not a process: a process would load PyTorch once more for each training, about 300 MB and some seconds,
and what may hang (a device or a disk that does not answer) cannot be killed there either. A thread that hangs is left
behind; who starts them counts those.
"""

import asyncio
import atexit
import contextvars
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import closing, suppress
from typing import Any

AT_EXIT = 5.0  # seconds that threads have to end when the process does

_running: "weakref.WeakSet[Background]" = weakref.WeakSet()


class Background(threading.Thread):
    """Runs `work()` to its end and gives each of its values to `receive`; last (None, its error or None)."""

    def __init__(self, work: Callable[[], Generator], receive: Callable[[Any, BaseException | None], None]):
        # A daemon, because one that hangs must not keep the process from ending; see `end_all`.
        super().__init__(name="background", daemon=True)
        self.work, self.receive, self.ended = work, receive, threading.Event()
        self.context = contextvars.copy_context()  # in which Gradio keeps the request

    def run(self) -> None:
        """The thread's work."""
        self.context.run(self._run)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self.work()) as values:
                for value in values:
                    if self.ended.is_set():
                        break
                    self.receive(value, None)
        except BaseException as raised:
            error = raised
        self.receive(None, error)


async def from_thread(work: Callable[[], Generator], seconds: float) -> AsyncGenerator[Any, None]:
    """The values (never None) of the generator `work()`, which runs in a thread of its own.

    Raises what the generator raises, and TimeoutError where it has not ended after so many seconds; then, or when this
    is closed, the thread ends with its next value.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[tuple[Any, BaseException | None]] = asyncio.Queue()

    def receive(value: Any, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(arrived.put_nowait, (value, error))

    thread, deadline = Background(work, receive), loop.time() + seconds
    _running.add(thread)
    thread.start()
    try:
        while True:
            value, error = await asyncio.wait_for(arrived.get(), max(0.0, deadline - loop.time()))
            if error is not None:
                raise error
            if value is None:
                return
            yield value
    finally:
        thread.ended.set()


@atexit.register
def end_all() -> None:
    """Let the threads end before the interpreter does, which C++ code does not survive in a daemon thread."""
    for thread in _running:
        thread.ended.set()
    deadline = time.monotonic() + AT_EXIT
    for thread in list(_running):
        if thread.is_alive():
            thread.join(max(0.0, deadline - time.monotonic()))
