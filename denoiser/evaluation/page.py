"""The result of an evaluation as one HTML file with Plotly's charts, which needs nothing else and no network."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..data import data_title
from ..errors import DenoiserError
from ..noise import NOISES
from ..record import Record
from ..styles import line_styles
from .charts import noise_kinds, quality_curves
from .gallery import Gallery
from .measure import stored_figures

TEMPLATE = Path(__file__).with_name("page.html")
MISSING = "the charts need plotly: pip install plotly"
# those of the web page's light theme, which this package may be without; models that are not ours are almost black
COLOURS = {"dense": "#b23f24", "conv": "#1763ad", "vae": "#9c2f6b", "unet": "#0c7258", "filter": "#7f5a00"}
COLOURS |= {"recurrent": "#6b4aa0", "external": "#14181b", "none": "#5f676c"}
HALF = 0.5  # the noise factor that models are compared at, or the nearest one measured


def plotly_script() -> str:
    """Plotly's JavaScript; DenoiserError without the package."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise DenoiserError(MISSING) from error
    return str(get_plotlyjs()).replace("</script", "<\\/script")


def format_page(
    report: Mapping[str, Any], records: Mapping[str, Record], galleries: Sequence[Gallery], posterior: Sequence[Mapping]
) -> str:
    """The result of `evaluate` as an HTML page.

    `records` are those of trained models, whose learning curves are shown; `posterior` are rows of
    `evaluate_samplers`, whose calibration is shown. Raises DenoiserError without Plotly.
    """
    kind, factor = reference_noise(report)
    measured = report["results"][0]["images"]
    figures = stored_figures(report["results"])
    kinds = noise_kinds(report)
    words = f"{measured:,} digits of {data_title(report['data'])}. Every model sees the same noise."
    values = {
        "title": f"Denoisers on {data_title(report['data'])}",
        "words": words,
        "first": NOISES[kind].label,
        "reference": f"{NOISES[kind].label} noise of {factor:g}",
        "kinds": "".join(f'<option value="{each}">{NOISES[each].label} noise</option>' for each in kinds),
        "figures": "".join(f'<option value="{key}">{escape(figure.title)}</option>' for key, figure in figures.items()),
        "table": _table(report, kind),
        "calibration": _calibration(posterior),
        "galleries": "".join(map(_gallery, galleries)),
    }
    charts = {
        "quality": {each: {key: _quality(report, each, key) for key in figures} for each in kinds},
        "cost": _cost(report, kind, factor),
        "curves": _learning_curves(records),
    }
    page = TEMPLATE.read_text(encoding="utf-8")
    for name, text in values.items():
        page = page.replace(f"{{{{{name}}}}}", text if name in MARKUP else escape(text))
    page = page.replace("{{charts}}", json.dumps(charts, allow_nan=False).replace("<", "\\u003c"))
    return page.replace("{{plotly}}", plotly_script())  # last: it is not searched


MARKUP = ("kinds", "figures", "table", "calibration", "galleries")


def reference_noise(report: Mapping[str, Any]) -> tuple[str, float]:
    """The noise at which models are compared: the first kind measured, and the factor nearest to 0.5."""
    kind = report["results"][0]["noise"]
    factors = [row["noise_factor"] for row in report["results"] if row["noise"] == kind]
    return kind, min(factors, key=lambda factor: abs(factor - HALF))


def _label(name: str) -> str:
    """A name as Plotly takes it, which reads some markup."""
    return escape(name, quote=False)


def _quality(report: Mapping[str, Any], kind: str, key: str) -> list[dict]:
    """A line per model: the figure by noise factor."""
    families = {name: about["family"] for name, about in report["models"].items()}
    styles = line_styles(families)
    lines = []
    for name, points in quality_curves(report, kind, key).items():
        dash = styles[name].dash.replace(" ", "px,") + "px" if styles[name].dash else "solid"
        lines.append(
            {
                "name": _label(name),
                "mode": "lines+markers",
                "x": [x for x, _ in points],
                "y": [y for _, y in points],
                "line": {"color": COLOURS.get(families[name], COLOURS["none"]), "dash": dash, "width": 2},
            }
        )
    return lines


def _cost(report: Mapping[str, Any], kind: str, factor: float) -> dict[str, list[dict]]:
    """A point per model: PSNR against parameters, and against milliseconds."""
    at = {name: y for name, points in quality_curves(report, kind, "psnr").items() for x, y in points if x == factor}
    points: dict[str, list[dict]] = {}
    for key in ("bytes", "ms_batch_1"):
        shown = {
            name: about for name, about in report["models"].items() if name in at and about[key] and name != "noisy"
        }
        points[key] = [
            {
                "mode": "markers+text",
                "x": [about[key] / (1000 if key == "bytes" else 1)],
                "y": [round(at[name], 3)],
                "text": [_label(name)],
                "name": _label(name),
                "textposition": "top center",
                "cliponaxis": False,
                "marker": {"color": COLOURS.get(about["family"], COLOURS["none"]), "size": 10},
            }
            for name, about in shown.items()
        ]
    return points


def _learning_curves(records: Mapping[str, Record]) -> list[dict]:
    """A line per trained model: the validation loss by epoch."""
    return [
        {
            "name": _label(name),
            "mode": "lines",
            "x": [epoch.epoch for epoch in record.history],
            "y": [epoch.validation for epoch in record.history],
            "line": {"color": COLOURS.get(record.recipe.family, COLOURS["none"]), "width": 1.5},
        }
        for name, record in records.items()
        if record.history
    ]


def _table(report: Mapping[str, Any], kind: str) -> str:
    """PSNR by noise factor, file size and time of every model."""
    rows = {(r["model"], r["noise_factor"]): r["psnr"] for r in report["results"] if r["noise"] == kind}
    factors = sorted({factor for _, factor in rows})
    head = "".join(f"<th>{text}</th>" for text in ("", *(f"{f:g}" for f in factors), "file, kB", "ms"))
    lines = []
    for name, about in report["models"].items():
        cells = [_number(rows.get((name, factor)), 2) for factor in factors]
        cells += [_number(about["bytes"] / 1000 or None, 0), _number(about["ms_batch_1"], 2)]
        lines.append(f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:,.{decimals}f}"


def _calibration(rows: Sequence[Mapping]) -> str:
    """How far the votes of samplers can be trusted, as a section; nothing where none were measured."""
    if not rows:
        return ""
    head = "".join(f"<th>{text}</th>" for text in ("", "noise", "factor", "votes right", "calibration error"))
    lines = "".join(
        f"<tr><th>{escape(row['sampler'])}</th><td>{escape(row['kind'])}</td><td>{row['factor']:g}</td>"
        f"<td>{row['votes']['accuracy']:.1%}</td><td>{row['votes']['calibration_error']:.3f}</td></tr>"
        for row in rows
    )
    return (
        "<section><h2>Calibration of samplers</h2><p>0 means that a digit with 70% of the votes is right in 70% of "
        f'the cases.</p><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
        "</section>"
    )


def _gallery(gallery: Gallery) -> str:
    """A model's best and worst digits."""
    figures = (("best", gallery.best, gallery.best_psnr), ("worst", gallery.worst, gallery.worst_psnr))
    parts = "".join(
        f'<figure><img src="{address}" alt="{which} digits of {escape(gallery.name)}: clean, noisy, denoised">'
        f"<figcaption>{which}: {', '.join(f'{value:.1f}' for value in values)} dB</figcaption></figure>"
        for which, address, values in figures
    )
    return f"<h3>{escape(gallery.name)}</h3><div class='pair'>{parts}</div>"
