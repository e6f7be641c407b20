"""bench start: how soon the page's server answers, and what importing PyTorch and Gradio takes of that.

Each start and each import is a process of its own; they take turns, and the first round only fills the file cache.
"""

import subprocess
import sys
import time
from statistics import median

from tqdm import tqdm

from .browser import served_page

ROUNDS = 5
GOAL = 5.0  # seconds until the server answers, at most
USUAL, AS_SERVED = "Gradio as it is", "Gradio, kept from writing type stubs"
IMPORTS = {"PyTorch": "torch", USUAL: "gradio", AS_SERVED: "denoiser.web.gradio_import"}
TIMED = "import time; import denoiser.web; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def seconds_to_import(module: str) -> float:
    """How long a new Python takes to import a module."""
    command = [sys.executable, "-c", TIMED.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def seconds_to_answer() -> float:
    """How long a server takes from its start to its first answer."""
    start = time.perf_counter()
    with served_page():
        return time.perf_counter() - start


def measure(rounds: int = ROUNDS) -> dict:
    """Medians of seconds: until the server answers, and of each of IMPORTS. BenchError where the page cannot start."""
    times: dict[str, list[float]] = {name: [] for name in ("answer", *IMPORTS)}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        found = {name: seconds_to_import(module) for name, module in IMPORTS.items()} | {"answer": seconds_to_answer()}
        if number:
            for name, seconds in found.items():
                times[name].append(seconds)
    figures = {name: round(median(values), 2) for name, values in times.items()}
    return {"rounds": rounds, "answers_after_seconds": figures.pop("answer"), "goal": GOAL, "imports": figures}


def show(figures: dict) -> None:
    """Print the figures of `measure`, and the ratio of both ways to import Gradio."""
    imports = figures["imports"]
    print(
        f"the server answers after {figures['answers_after_seconds']:g} s, median of {figures['rounds']} starts "
        f"(goal {figures['goal']:g} s)"
    )
    for name, seconds in imports.items():
        print(f"importing {name}: {seconds:g} s")
    print(f"ratio of both ways to import Gradio: {imports[AS_SERVED] / imports[USUAL]:.2f}")
