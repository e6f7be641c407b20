"""Benchmarks: alternatives side by side, on this machine, in one run."""

import json
from collections.abc import Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np

from ..errors import DenoiserError

# each a module here with measure() and show(figures)
BENCHMARKS = (
    *("serving", "visit", "start", "pacing", "sweep", "latent", "originals", "load", "referees", "training", "gpu"),
    *("export", "limit", "ablations", "paper", "pages"),
)


class BenchError(DenoiserError, RuntimeError):
    """The benchmark cannot run here; the message says what is missing."""


def summary(values: Sequence[float], percentiles: Sequence[int] = (50, 95)) -> dict[str, float]:
    """Count and percentiles ("p50") of milliseconds, the latter rounded to a tenth."""
    found = np.percentile(values, percentiles).round(1).tolist()
    return {"count": len(values)} | {f"p{share}": value for share, value in zip(percentiles, found, strict=True)}


def main(what: str, json_file: Path | None = None, **options: object) -> None:
    """Run the benchmark `what`, print its figures and write them to `json_file` where one is named.

    `options` are arguments of its measure(); those that are None are left out. BenchError if it has no such argument.
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
