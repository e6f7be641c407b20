"""What the Models page shows of the results file, and Plotly, which draws it."""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ...checkpoint import FOLDER
from ...evaluation import FIGURES, noise_kinds, plotly_script, quality_curves
from ...styles import FAMILY_LABELS
from ..components import static_files
from ..i18n import find_text

SHOWN = ("psnr", "ssim", "accuracy")  # of FIGURES, in the charts
QUALITY = 9  # of the compression with brotli: the best takes far too long for a file as large as Plotly


@dataclass(frozen=True)
class Results:
    """The results file; empty without one.

    `charts` has `figures`, how each of SHOWN is called and written; `quality`, by noise kind, figure and model, the
    points (noise factor, figure); `milliseconds` for one digit, by model; and what `families` are called. `codes` says
    how sparse the codes are.
    """

    charts: dict[str, Any] = field(
        default_factory=lambda: {"figures": {}, "quality": {}, "milliseconds": {}, "families": {}}
    )
    codes: dict[str, dict] = field(default_factory=dict)

    @property
    def psnr(self) -> dict[str, list[tuple[float, float]]]:
        """By model, its points (noise factor, PSNR) under Gaussian noise."""
        return self.charts["quality"].get("gaussian", {}).get("psnr", {})


def read_results() -> Results:
    """The results file."""
    try:
        report = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
        models = report["models"]
        charts = {
            "figures": {
                key: {
                    "label": find_text("figure", FIGURES[key].label),
                    "unit": FIGURES[key].unit,
                    "decimals": FIGURES[key].decimals,
                }
                for key in SHOWN
            },
            "quality": {
                kind: {key: quality_curves(report, kind, key) for key in SHOWN} for kind in noise_kinds(report)
            },
            "milliseconds": {name: about["ms_batch_1"] for name, about in models.items() if about["ms_batch_1"]},
            "families": {family: find_text("family", label) for family, label in FAMILY_LABELS.items()},
        }
        return Results(charts, {name: about["code"] for name, about in models.items() if "code" in about})
    except (OSError, ValueError, KeyError, TypeError):
        return Results()


def plotly_address() -> str | None:
    """Where the browser finds Plotly's script, which is read when it is first asked for; None without the package."""
    try:
        fingerprint = hashlib.sha256(version("plotly").encode()).hexdigest()
    except PackageNotFoundError:
        return None
    return static_files().add("plotly.min.js", fingerprint, lambda: plotly_script().encode(), quality=QUALITY)
