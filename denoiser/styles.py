"""How a model is shown wherever it appears: its family's label and colour, and the line style that is its own.

Colours are CSS: `var(--dense)` and the like, whose values for light and dark are the page's design tokens. All of the
page takes its line styles from here, so that a model looks the same on every tab.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

FAMILY_LABELS = {"dense": "Dense", "conv": "Conv", "recurrent": "LSTM", "vae": "VAE", "unet": "U-Net"}
SOLID = ""
DASHES = (SOLID, "7 3", "2 3", "9 3 2 3", "13 3", "5 2 1 2 1 2")  # pixels: line and gap in turn, as in SVG
FAMILY_DASH = {"dense": "7 3", "vae": "2 3", "filter": "9 3 2 3", "recurrent": "13 3"}  # the others' is solid
SHADES = (0.0, 0.45, -0.3)  # share of ink mixed into the family's colour; below 0, of the background


@dataclass(frozen=True)
class Style:
    """The line of a model: its family's colour, a dash pattern, and how far the colour is mixed with another.

    `dash` is an SVG stroke-dasharray, empty for a solid line. `shade` is the share of ink in the colour, or below 0,
    of the background.
    """

    family: str
    dash: str
    shade: float

    @property
    def colour(self) -> str:
        """The colour as CSS."""
        base = f"var(--{self.family})"
        if not self.shade:
            return base
        other = "var(--ink)" if self.shade > 0 else "var(--bg)"
        return f"color-mix(in oklab, {base}, {other} {abs(self.shade):.0%})"

    def css(self) -> dict[str, str]:
        """The style as the page draws with it: `colour` and `dash`."""
        return {"colour": self.colour, "dash": self.dash}


NOISY_STYLE = Style("noisy", "1 3", 0.0)  # of the noisy picture itself


def family_style(family: str, number: int) -> Style:
    """The style of model `number`, counted from 0, of a family: the dashes vary first, then the shade."""
    first = DASHES.index(FAMILY_DASH.get(family, SOLID))
    dash = DASHES[(first + number) % len(DASHES)]
    return Style(family, dash, SHADES[number // len(DASHES) % len(SHADES)])


def line_styles(families: Mapping[str, str], featured: Collection[str] = ()) -> dict[str, Style]:
    """A style for each model, given the family of each by name; the `featured` ones get the first of their family."""
    counts: dict[str, int] = {}
    styles = {}
    for name in sorted(families, key=lambda name: name not in featured):  # stable: else in the order given
        family = families[name]
        counts[family] = number = counts.get(family, -1) + 1
        styles[name] = family_style(family, number)
    return {name: styles[name] for name in families}
