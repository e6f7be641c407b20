"""Records and measured rows -> plotly Figures, and the one table of colours and line styles they share with the page.

Pure functions: nothing here reads files, and plotly is imported only when a figure is made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

THEMES = ("light", "dark")
COLOURS: dict[str, tuple[str, str]] = {  # one colour per family, light and dark, as in web/page.css
    "noisy": ("#5f676c", "#a3abb0"),
    "dense": ("#b23f24", "#f08a68"),
    "conv": ("#1763ad", "#73b2f0"),
    "recurrent": ("#6b4aa0", "#b79ae8"),
    "vae": ("#9c2f6b", "#ec8bbb"),
    "unet": ("#0c7258", "#4fc7a1"),
    "filter": ("#7f5a00", "#d8a747"),
}
INK = ("#14181b", "#edebe5")
FAINT = ("#5c6469", "#979ea2")
RULE = ("#d3d7d3", "#2c3236")
SURFACE = ("#fafbf9", "#1a1e21")

SOLID = ""
DASHES = (SOLID, "7 3", "2 3", "9 3 2 3", "13 3", "5 2 1 2 1 2")  # in pixels, line and gap in turn
FIRST_DASH = {"noisy": "1 3", "dense": "7 3", "vae": "2 3", "filter": "9 3 2 3", "recurrent": "13 3"}
SHADES = (0.0, 0.38, -0.38)  # share of ink mixed in; below 0, of the ground
LOSSES = {  # what a recipe's loss is called, and its unit
    "bce": ("cross-entropy", "nats per pixel"),
    "mse": ("squared error", "per pixel"),
    "ssim": ("1 - SSIM", ""),
    "psnr": ("decibels short of 40, and cross-entropy", ""),
    "cross-entropy": ("cross-entropy of the reading", "nats per digit"),
    "elbo": ("negative ELBO", "nats per digit"),
}


@dataclass(frozen=True)
class Style:
    """How a model's line looks: its family's colour, a dash, and how far the colour is mixed with ink or ground."""

    family: str
    dash: str
    shade: float

    def colour(self, theme: str = "light") -> str:
        """The line's colour as #rrggbb."""
        place = THEMES.index(theme)
        own = COLOURS.get(self.family, INK)[place]
        other = (INK if self.shade > 0 else SURFACE)[place]
        share = abs(self.shade)
        return "#" + "".join(
            f"{round(int(own[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share):02x}" for i in (1, 3, 5)
        )


def line_styles(families: Mapping[str, str]) -> dict[str, Style]:
    """A style for each name, given its family: in each family first the dashes vary, then the shade."""
    counts: dict[str, int] = {}
    styles = {}
    for name, family in families.items():
        place = counts[family] = counts.get(family, -1) + 1
        first = DASHES.index(FIRST_DASH[family]) if FIRST_DASH.get(family) in DASHES else 0
        dashes = (*DASHES[first:], *DASHES[:first]) if family != "noisy" else (FIRST_DASH["noisy"],)
        shade = SHADES[place // len(dashes) % len(SHADES)]
        styles[name] = Style(family, dashes[place % len(dashes)], shade)
    return styles


def loss_key(recipe: Mapping) -> str:
    """Which entry of LOSSES a record's recipe was trained on: only equal ones may share an axis."""
    return "elbo" if recipe["family"] == "vae" else recipe.get("loss", "bce")


def learning_curves(
    records: Iterable[Mapping], *, log: bool = False, theme: str = "light", styles: Mapping[str, Style] | None = None
) -> "Figure":
    """Train (thin) and validation (strong) loss per epoch of each record that was trained.

    Raises ValueError where the records were trained on different losses: their figures cannot share an axis.
    """
    records = [record for record in records if record.get("history")]
    kinds = {loss_key(record["recipe"]) for record in records}
    if len(kinds) > 1:
        raise ValueError(f"losses of different kinds cannot share an axis: {', '.join(sorted(kinds))}")
    styles = styles or line_styles({r["recipe"]["name"]: r["recipe"]["family"] for r in records})
    traces = [
        _line(
            [epoch["epoch"] for epoch in record["history"]],
            [epoch[part] for epoch in record["history"]],
            f"{record['recipe']['name']}, {part}",
            styles[record["recipe"]["name"]],
            theme,
            weak=part == "train",
        )
        for record in records
        for part in ("train", "validation")
    ]
    loss = ", ".join(filter(None, LOSSES.get(kinds.pop(), ("loss", "")))) if kinds else "loss"
    return _figure(traces, "epoch", loss, theme, log)


def quality_curves(
    rows: Sequence[Mapping],
    families: Mapping[str, str],
    *,
    metric: str = "psnr",
    unit: str = "PSNR, dB",
    theme: str = "light",
    styles: Mapping[str, Style] | None = None,
) -> "Figure":
    """`metric` against the noise factor, a line per model, from rows with model, noise_factor and the metric.

    `families` names the models to draw, in order; models without a row are left out.
    """
    styles = styles or line_styles(families)
    traces = []
    for name in families:
        points = sorted((r["noise_factor"], r[metric]) for r in rows if r["model"] == name and r[metric] is not None)
        if points:
            traces.append(_line(*map(list, zip(*points, strict=True)), name, styles[name], theme))
    return _figure(traces, "noise factor", unit, theme)


def _line(x: list[float], y: list[float], name: str, style: Style, theme: str, weak: bool = False):
    from plotly.graph_objects import Scatter

    dash = ",".join(f"{length}px" for length in style.dash.split()) or "solid"
    line = {"color": style.colour(theme), "dash": dash, "width": 1 if weak else 2}
    return Scatter(x=x, y=y, name=name, mode="lines", line=line, opacity=0.6 if weak else 1, legendgroup=name)


def _figure(traces: list, x_title: str, y_title: str, theme: str, log: bool = False) -> "Figure":
    from plotly.graph_objects import Figure

    place = THEMES.index(theme)
    axis = {"gridcolor": RULE[place], "linecolor": RULE[place], "zeroline": False}
    return Figure(
        traces,
        {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "Source Sans 3, system-ui, sans-serif", "size": 12, "color": FAINT[place]},
            "hovermode": "x unified",
            "height": 360,
            "margin": {"l": 56, "r": 16, "t": 16, "b": 44},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "xaxis": axis | {"title": {"text": x_title}},
            "yaxis": axis | {"title": {"text": y_title}, "type": "log" if log else "linear"},
        },
    )
