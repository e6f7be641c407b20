"""Benchmarks: alternatives side by side, on this machine, in one run."""

import json
import statistics
from importlib import import_module
from inspect import signature
from pathlib import Path

from ..errors import DenoiserError

# each a module here with measure() and show(figures)
BENCHMARKS = ("serving", "latent", "load", "training", "limit", "ablations")


class BenchError(DenoiserError, RuntimeError):
    """The benchmark cannot run here; the message says what is missing."""


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie, by linear interpolation."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def summary(values: list[float]) -> dict[str, float]:
    """Count, p50 and p95 of milliseconds."""
    return {
        "count": len(values),
        "p50": round(statistics.median(values), 1),
        "p95": round(percentile(values, 0.95), 1),
    }


def main(what: str, json_file: Path | None = None, **options) -> None:
    """Run the benchmark `what`, print its figures and write them to `json_file` where one is named.

    `options` are those of its measure(); BenchError where it has no such one.
    """
    from ..files import write_atomically

    benchmark = import_module(f".{what}", __name__)
    given = {name: value for name, value in options.items() if value is not None}
    if unknown := [name for name in given if name not in signature(benchmark.measure).parameters]:
        raise BenchError(f"bench {what} has no --{unknown[0]}")
    figures = benchmark.measure(**given)
    benchmark.show(figures)
    if json_file:
        about = {"command": f"python -m denoiser bench {what}"}
        write_atomically(json_file, json.dumps(about | figures, indent=1) + "\n")
