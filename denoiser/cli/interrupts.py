"""Ctrl-C: before a command begins, and what a command says when it is stopped."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(KeyboardInterrupt):
    """Ctrl-C during a command; the message says how to continue."""


@contextmanager
def immediate_exit() -> Iterator[None]:
    """Within it, Ctrl-C ends the process at once.

    For imports: they take seconds, have nothing to clean up, and some turn a KeyboardInterrupt into other errors.
    """

    def stop(*_: object) -> None:
        os.write(2, b"\ndenoiser: stopped\n")
        os._exit(130)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set signal handlers
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
