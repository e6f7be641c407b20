"""Generators in threads of their own: their values arrive, their errors too, and one that hangs is left behind."""

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from denoiser.web.serving.background import from_thread


def run(coroutine):
    """The coroutine's result; in another thread, as the browser tests leave an event loop running in this one."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, coroutine).result()


async def collect(work, seconds=30.0):
    return [value async for value in from_thread(work, seconds)]


def test_all_values_arrive_in_order():
    assert run(collect(lambda: iter_of(5))) == [0, 1, 2, 3, 4]


def iter_of(count):
    yield from range(count)


def test_an_error_arrives():
    def fails():
        yield 1
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        run(collect(fails))


def test_the_thread_has_the_context_of_who_asks():
    name = contextvars.ContextVar("name")

    def names():
        yield name.get()

    async def ask():
        name.set("visitor")
        return await collect(names)

    assert run(ask()) == ["visitor"]


def test_who_waits_for_one_that_hangs_goes_on():
    released = threading.Event()

    def hangs():
        yield 1
        released.wait()

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        run(collect(hangs, 0.3))
    assert time.monotonic() - started < 20
    released.set()


def test_a_thread_ends_when_nobody_watches_any_more():
    closed = threading.Event()

    def endless():
        try:
            while True:
                time.sleep(0.01)
                yield 1
        finally:
            closed.set()

    async def first():
        async with aclosing(from_thread(endless, 30.0)) as values:
            async for value in values:
                return value

    assert run(first()) == 1
    assert closed.wait(30)
