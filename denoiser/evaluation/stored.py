"""Stored figures of our models beside those just measured of others."""

import json
from pathlib import Path

from ..checkpoint import list_models, load_record
from ..errors import DenoiserError
from ..filters import FILTERS


def join_stored(report: dict, path: Path) -> dict:
    """The report with the rows that the results in `path` have of our present models, under the same noise.

    `report` is what `evaluate` returned for all test digits of MNIST. It is returned as it is where `path` cannot be
    read or holds no results for all of these digits.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        noises = {(row["noise"], row["noise_factor"], row["images"]) for row in report["results"]}
        rows = [row for row in stored["results"] if (row["noise"], row["noise_factor"], row["images"]) in noises]
        names = [name for name in list_models() if _is_current(name, stored["models"])]
        ours = {name: stored["models"][name] for name in names if any(row["model"] == name for row in rows)}
    except (OSError, ValueError, KeyError, TypeError):
        return report
    present = report["models"]
    return report | {
        "results": [*report["results"], *(r for r in rows if r["model"] in ours and r["model"] not in present)],
        "models": present | {name: about for name, about in ours.items() if name not in present},
    }


def _is_current(name: str, models: dict) -> bool:
    """Whether stored figures are of the model that has this name now."""
    try:
        return name in models and (name in FILTERS or models[name]["sha256"] == load_record(name).sha256)
    except DenoiserError:
        return False
