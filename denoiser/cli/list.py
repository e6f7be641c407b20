"""denoiser list"""

import argparse

from .. import settings
from ..checkpoint import CheckpointError, misnamed, read_checkpoint, trained
from ..data import data_title
from ..filters import FILTERS
from ..models import build, parameter_count
from ..recipe import Method, Recipe
from ..recipes import RECIPES
from ..record import Record
from .messages import warn

HEADER = ("name", "state", "parameters", "task", "trained on", "title", "source")


def run(options: argparse.Namespace) -> int:
    """Print a line for each model, filter and recipe; 1 if a checkpoint is damaged."""
    folder = settings.current.checkpoints
    problems = [f"{file}: its name may have letters, digits and hyphens only" for file in misnamed(folder)]
    there = trained(folder)
    rows: list[tuple[str, Record[Method]]] = []
    for name in sorted(there, key=lambda name: [*RECIPES, name].index(name)):
        try:
            rows.append(("trained", read_checkpoint(name, folder)[0]))
        except CheckpointError as error:
            problems.append(str(error))
            rows.append(("damaged", Record(RECIPES.get(name) or Method(name, title="", family="", task="-"))))
    rows += [("filter", filter.record()) for filter in FILTERS.values()]
    for name, recipe in RECIPES.items():
        if name not in there:
            count = parameter_count(build(recipe.network, recipe.settings))
            rows.append(("not trained", Record(recipe, parameters=count)))

    lines = [HEADER, *(_cells(state, record) for state, record in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)]
        cells[2] = f"{line[2]:>{widths[2]}}"
        print("  ".join(cells).rstrip())
    for problem in problems:
        warn(problem)
    return 1 if problems else 0


def _cells(state: str, record: Record[Method]) -> tuple[str, ...]:
    """A line of the list, under HEADER."""
    method = record.recipe
    source = f"{method.source.title}, {method.source.year}".strip(", ") if method.source else "ours"
    return (
        method.name,
        state,
        f"{record.parameters:,}" if record.parameters else "-",
        method.task,
        _trained_on(method) if isinstance(method, Recipe) else "-",
        _shortened(method.title, 44),
        _shortened(source, 48),
    )


def _trained_on(recipe: Recipe) -> str:
    """The noise, and the pictures unless they are MNIST's."""
    low, high = recipe.noise_range
    noise = "+".join(dict.fromkeys(recipe.noise)) if len(recipe.noise) < 3 else "several kinds"
    factor = f"{low:g}-{high:g}" if low < high else f"{high}" if high else ""
    seen = f"{noise} {factor}".strip() or "clean digits"
    return f"{seen}, {data_title(recipe.data)}" if recipe.data != "mnist" else seen


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
