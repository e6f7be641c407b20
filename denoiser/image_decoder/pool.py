"""The processes that decode: started when first needed, used again and again, replaced when they end."""

import atexit
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL

WORKERS = max(2, min(4, os.cpu_count() or 1))
MOST_WAITING = 32  # requests of limited patience that may wait for a worker
HEAVY = 6_000_000  # bytes of a file; one worker is kept free of heavier ones
STARTING = 60.0  # seconds that a worker may take to start
LARGEST_REPLY, LONGEST_HEADER = 2**28, 2**16  # bytes of pixels and of their description that are taken from a worker
DTYPES = ("uint8", "int32", "float32")

SCRIPT = Path(__file__).with_name("worker.py")
# What a worker needs of the environment; tokens and settings of the server are none of its business.
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT", "TMPDIR", "TEMP")
# One thread is enough; blocks above 256 kB go back to the system as soon as they are freed.
SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(2**18)}


Reply = tuple[dict[str, Any], np.ndarray | None]  # header, and pixels where there are any


class WorkerEnded(Exception):
    """A worker ended, or was ended, before it gave all replies.

    `replies` are those it gave; `out_of_time` says whether the next one took too long.
    """

    def __init__(self, replies: list[Reply], out_of_time: bool):
        super().__init__(replies, out_of_time)
        self.replies, self.out_of_time = replies, out_of_time


class Worker:
    """One process and the exchange of messages with it, which worker.py describes."""

    def __init__(self) -> None:
        libraries = {str(Path(str(module.__file__)).parents[1]) for module in (np, PIL)}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-S", str(SCRIPT), *sorted(libraries)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | SETTINGS,
        )
        self.stdin, self.stdout = (cast(FileIO, pipe) for pipe in (self.process.stdin, self.process.stdout))
        self.ready = False
        self.polls = hasattr(select, "poll")  # not on Windows, where a timer ends the process instead
        if self.polls:
            os.set_blocking(self.stdin.fileno(), False)

    @property
    def ended(self) -> bool:
        """Whether the process is no longer there."""
        return self.process.poll() is not None

    def ask(self, request: dict[str, Any], contents: Sequence[bytes], wall: float) -> list[Reply]:
        """The reply to each of the files; WorkerEnded where one takes more than `wall` seconds or ends the process.

        OSError where the process does not start.
        """
        try:
            if not self.ready:
                self._receive(time.monotonic() + STARTING)
                self.ready = True
        except (OSError, EOFError) as error:
            raise OSError("the process that decodes images does not start; its error stands above") from error
        header = json.dumps(request | {"sizes": [len(content) for content in contents]}).encode()
        parts: Sequence[bytes] = (struct.pack(">I", len(header)), header, *contents)
        if sum(map(len, contents)) < HEAVY:
            parts = (b"".join(parts),)  # one write for many small files; large ones are not copied
        replies: list[Reply] = []
        deadline = time.monotonic() + wall
        timer = None if self.polls else threading.Timer(wall * len(contents), self.process.kill)
        try:
            if timer:
                timer.start()
            for part in parts:
                self._send(part, deadline)
            for _ in contents:
                replies.append(self._receive(deadline))
                deadline = time.monotonic() + wall
            return replies
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:  # from ValueError on: it talks nonsense
            late = time.monotonic() >= deadline
            self.close()
            late = late or self.process.returncode == -getattr(signal, "SIGXCPU", 0)
            raise WorkerEnded(replies, late) from error
        finally:
            if timer:
                timer.cancel()

    def close(self) -> None:
        """End the process and close the pipes to it."""
        self.process.kill()
        for pipe in (self.stdin, self.stdout):
            pipe.close()
        self.process.wait()

    def _send(self, content: bytes, deadline: float) -> None:
        rest, pipe = memoryview(content), self.stdin.fileno()
        while rest:
            try:
                rest = rest[os.write(pipe, rest[: 2**20]) :]
            except BlockingIOError:
                self._wait(pipe, select.POLLOUT, deadline)

    def _receive(self, deadline: float) -> Reply:
        (length,) = struct.unpack(">I", self._read(4, deadline))
        if length > LONGEST_HEADER:
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(self._read(length, deadline))
        if "dtype" not in header:
            return header, None
        if header["size"] > LARGEST_REPLY or header["dtype"] not in DTYPES:
            raise ValueError(f"{header['size']} bytes of {header['dtype']}")
        pixels = np.frombuffer(self._read(header["size"], deadline), header["dtype"])
        return header, pixels.reshape(header["shape"])

    def _read(self, size: int, deadline: float) -> bytearray:
        content = bytearray(size)
        rest = memoryview(content)
        while rest:
            if self.polls:
                self._wait(self.stdout.fileno(), select.POLLIN, deadline)
            count = self.stdout.readinto(rest)
            if not count:
                raise EOFError
            rest = rest[count:]
        return content

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        """Wait until a pipe is ready or its other end is closed; TimeoutError at the deadline."""
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError


@dataclass(eq=False)
class Turn:
    """A request that waits for a worker."""

    heavy: bool
    granted: threading.Event = field(default_factory=threading.Event)


class Pool:
    """Up to `size` workers; requests are served in the order in which they come, from any number of threads."""

    def __init__(self, size: int = WORKERS):
        self.size = size
        self.forget()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):  # the workers of a forked process are its parent's
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Begin without any workers, and leave those there may be alone."""
        self.lock = threading.Lock()
        self.idle: list[Worker] = []
        self.working: set[Worker] = set()
        self.waiting: deque[Turn] = deque()
        self.busy = self.heavy = 0

    def start(self) -> None:
        """Start all workers now."""
        with self.lock:
            self.idle += [Worker() for _ in range(self.size - self.busy - len(self.idle))]

    def close(self) -> None:
        """End all workers, those too that are decoding."""
        with self.lock:
            workers = [*self.idle, *self.working]
            self.idle = []
        for worker in workers:
            worker.close()

    def ask(self, request: dict[str, Any], contents: Sequence[bytes], wall: float, wait: float | None) -> list[Reply]:
        """What `Worker.ask` gives, of a worker that is free within `wait` seconds; TimeoutError where none is."""
        turn = Turn(sum(map(len, contents)) > HEAVY)
        self._wait(turn, wait)
        worker = None
        try:
            worker = self._take()
            replies = worker.ask(request, contents, wall)
        except BaseException:  # KeyboardInterrupt too: its reply would be taken for that to the next request
            self._give_back(turn, worker, usable=False)
            raise
        self._give_back(turn, worker, usable=not replies[-1][0].get("last"))
        return replies

    def _wait(self, turn: Turn, patience: float | None) -> None:
        with self.lock:
            self.waiting.append(turn)
            self._grant()
            if patience is not None and len(self.waiting) > MOST_WAITING:
                patience = 0.0
        try:
            granted = turn.granted.wait(patience)
        except BaseException:
            self._withdraw(turn)
            raise
        if not granted:
            self._withdraw(turn)
            raise TimeoutError

    def _withdraw(self, turn: Turn) -> None:
        with self.lock:
            if turn in self.waiting:
                self.waiting.remove(turn)
                return
        self._give_back(turn, None, usable=False)  # granted in this very moment

    def _grant(self) -> None:
        """Let those begin who are first and for whom a worker is free. The lock is held."""
        for turn in list(self.waiting):
            if self.busy < self.size and not (turn.heavy and self.heavy >= self.size - 1):
                self.waiting.remove(turn)
                self.busy += 1
                self.heavy += turn.heavy
                turn.granted.set()

    def _take(self) -> Worker:
        with self.lock:
            worker = self.idle.pop() if self.idle else None
        if worker is not None and worker.ended:
            worker.close()
            worker = None
        worker = worker or Worker()
        with self.lock:
            self.working.add(worker)
        return worker

    def _give_back(self, turn: Turn, worker: Worker | None, usable: bool) -> None:
        """Let the next one have its turn; a worker that is not usable any more is replaced at once."""
        replacement = worker
        if worker is not None and not usable:
            worker.close()
            replacement = None
            with suppress(OSError):  # then the next request tries again
                replacement = Worker()
        with self.lock:
            self.working.discard(worker)
            if replacement is not None:
                self.idle.append(replacement)
            self.busy -= 1
            self.heavy -= turn.heavy
            self._grant()
