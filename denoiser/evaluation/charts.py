"""What charts of a result show, however they are drawn: for the report's page and for the web page."""

from collections.abc import Mapping
from typing import Any

from .measure import FIGURES


def noise_kinds(report: Mapping[str, Any]) -> list[str]:
    """The noise kinds that were measured, in order."""
    return list(dict.fromkeys(row["noise"] for row in report["results"]))


def quality_curves(report: Mapping[str, Any], kind: str, key: str) -> dict[str, list[tuple[float, float]]]:
    """By model, its points (noise factor, figure) under a noise kind, sorted; models without that figure are left out.

    `key` is one of FIGURES, by whose scale the figures are multiplied.
    """
    scale = FIGURES[key].scale
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in report["results"]:
        if row["noise"] == kind and row.get(key) is not None:
            curves.setdefault(row["model"], []).append((row["noise_factor"], round(row[key] * scale, 4)))
    return {name: sorted(curves[name]) for name in report["models"] if name in curves}
