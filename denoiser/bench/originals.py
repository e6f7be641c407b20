"""bench originals: how long visitors wait for possible originals, completions and dreams, and what shortens it.

The work behind each request is timed alone, in this process, and with one choice of how to compute changed at a time.
All alternatives take turns, so that whatever else the machine does slows them all.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from statistics import median

import torch
from tqdm import tqdm

from ..data.examples import EXAMPLES
from ..ink import digit_from_strokes
from ..noise import add_noise, draw_noise
from ..posterior import find_sampler
from ..runtime.precision import autocast, default_precision
from ..samplers import Sampler
from . import summary

GOALS = {"12 originals": 300, "8 completions": 450, "a dream of 20 steps": 200}  # at most so many ms at the median
ROUNDS = 15
CPU = torch.device("cpu")


def measure(seconds: float | None = None) -> dict:
    """Milliseconds of each kind of request as it is served, and the ratio to that of each alternative.

    `seconds` is about how long to measure, by default ROUNDS rounds.
    """
    name, sampler = find_sampler()
    x = digit_from_strokes(EXAMPLES["3"])
    noisy = add_noise(x, draw_noise("gaussian", x.shape, 9), 0.9)
    known = torch.ones_like(x, dtype=torch.bool)
    known[..., :14, :] = False
    requests: dict[str, Callable[[int], object]] = {
        "12 originals": lambda seed: sampler.sample(noisy, 12, seed, trajectory=True),
        "8 completions": lambda seed: sampler.complete(x, known, 8, seed, trajectory=True),
        "a dream of 20 steps": lambda seed: sampler.dream(1, seed, steps=20, trajectory=True),
    }
    precision, threads = default_precision(CPU), torch.get_num_threads()
    other = "float32" if precision == "bfloat16" else "bfloat16"
    alternatives = {  # precision, memory format, threads
        "as served": (precision, torch.channels_last, threads),
        other: (other, torch.channels_last, threads),
        "contiguous": (precision, torch.contiguous_format, threads),
        "one thread": (precision, torch.channels_last, 1),
        "threads within operations": (precision, torch.channels_last, -threads),
    }
    times: dict[str, dict[str, list[float]]] = {what: {way: [] for way in alternatives} for what in requests}
    end = time.perf_counter() + seconds if seconds else None
    for number in tqdm(range(-1, ROUNDS), desc="rounds"):
        for way, settings in alternatives.items():
            with computing(sampler, *settings):
                for what, request in requests.items():
                    start = time.perf_counter()
                    request(max(0, number))
                    if number >= 0:  # the first round warms up
                        times[what][way].append(1000 * (time.perf_counter() - start))
        if end and number >= 0 and time.perf_counter() > end:
            break
    return {
        "sampler": name,
        "threads": threads,
        "goals": GOALS,
        "requests": {
            what: {
                way: summary(values) | {"ratio": round(median(values) / median(found["as served"]), 2)}
                for way, values in found.items()
            }
            for what, found in times.items()
        },
    }


@contextmanager
def computing(sampler: Sampler, precision: str, layout: torch.memory_format, threads: int) -> Iterator[None]:
    """The sampler computes in this way: with so many threads side by side, or -`threads` within each operation."""
    before = torch.get_num_threads()
    with ExitStack() as stack:
        sampler.to(memory_format=layout)
        torch.set_num_threads(max(1, -threads))
        if threads > 1:
            executor = ThreadPoolExecutor(threads, "sampler", torch.set_num_threads, (1,))
            sampler.threads, sampler.workers = stack.enter_context(executor), threads
        stack.enter_context(autocast(CPU, precision))
        try:
            yield
        finally:
            sampler.threads, sampler.workers = None, 1
            torch.set_num_threads(before)


def show(figures: dict) -> None:
    """Print the figures of `measure`: medians and ratios, and the goals."""
    requests = figures["requests"]
    ways = list(next(iter(requests.values())))
    print(f"{figures['sampler']}, {figures['threads']} threads; median ms (ratio to as served)")
    print(f"{'':28}" + "".join(f"{what:>24}" for what in requests))
    for way in ways:
        cells = [f"{found[way]['p50']:.0f} ({found[way]['ratio']:.2f})" for found in requests.values()]
        print(f"{way:28}" + "".join(f"{cell:>24}" for cell in cells))
    print(f"{'at most':28}" + "".join(f"{figures['goals'][what]:>24}" for what in requests))
