"""The page's first picture: markup in the page itself, with the recorded answers, before any script has loaded."""

import json
import re
from pathlib import Path

from ....data.examples import Stroke
from ...components import INLINE_STYLES
from ...i18n import CHINESE, ENGLISH
from ...static_files import FOLDER
from .recording import recording

HERE = Path(__file__).parent
CARDS = (  # the family and its name: a text's key, or what it is called in every language
    ("noisy", "common.noisy"),
    ("dense", "family.dense"),
    ("conv", "family.conv"),
    ("vae", "VAE"),
    ("unet", "U-Net"),
)
LATENT = {"dense": 16, "vae": 2}
TERM = re.compile(r"\[\w+\|([^\]]+)\]")
SAYS = re.compile(r'(<(\w+)[^>]* data-say="([\w.]+)"[^>]*>)(</\2>)')


def head() -> str:
    """The styles of the first picture; the tokens and the measures among them hold for the whole page."""
    return f"<style>{''.join((FOLDER / name).read_text(encoding='utf-8') for name in INLINE_STYLES)}</style>"


def body() -> str:
    """The markup of the first picture, its data and its script."""
    template = (HERE / "first_paint.html").read_text(encoding="utf-8")
    stored = recording()
    markup = template.replace("{0}", ink(stored["strokes"])).replace("{1}", "".join(map(card, range(len(CARDS)))))
    markup = SAYS.sub(lambda match: f"{match[1]}{said(ENGLISH, match[3])}{match[4]}", markup)
    markup = markup.replace(
        '<div class="cells">', '<div class="cells">' + "<i></i>" * len(stored["moments"][0]["code"])
    )
    keys = sorted(set(re.findall(r'data-say="([\w.]+)"', markup)))
    data = {"moments": stored["moments"], "chinese": {key: said(CHINESE, key) for key in keys}}
    pictures = "".join(
        f"--{name}:url(data:image/png;base64,{stored[key]});" for name, key in (("sheet", "sheet"), ("strip", "film"))
    )
    markup = re.sub(r"\n\s*", "", markup)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f"<style>#first-paint{{--m:0;{pictures}}}</style>{markup}"
        f'<script type="application/json" id="first-paint-data">{text}</script>'
        f"<script>{(HERE / 'first_paint.js').read_text(encoding='utf-8')}</script>"
    )


def said(texts: dict[str, str], key: str) -> str:
    """A text without the marks of its terms."""
    family = key.rsplit(".", 1)[-1]
    return TERM.sub(r"\1", texts[key]).replace("{0}", str(LATENT.get(family, "")))


def card(row: int) -> str:
    """The card of a row: its name, what its network is, its picture, and the digit read in it."""
    family, label = CARDS[row]
    name = f'<b data-say="{label}"></b>' if label in ENGLISH else f"<b>{label}</b>"
    return (
        f'<li style="--c:var(--{family})">{name}<span data-say="visit.idea.{family}"></span>'
        f'<i class="s px" style="--r:{row}"></i><em></em></li>'
    )


def ink(strokes: list[Stroke]) -> str:
    """The strokes as SVG paths in units of the pad's side, smooth as the pad paints them."""
    return "".join(f'<path pathLength="1" d="{smooth(stroke)}"/>' for stroke in strokes)


def smooth(stroke: Stroke) -> str:
    """A path through the middles between a stroke's points."""
    (x, y), *rest = stroke
    parts = [f"M{x} {y}"]
    for (x0, y0), (x1, y1) in zip(stroke, rest[:-1], strict=False):
        parts.append(f"Q{x0} {y0} {(x0 + x1) / 2:.4f} {(y0 + y1) / 2:.4f}")
    (x0, y0), (x1, y1) = stroke[-2:]
    return "".join([*parts, f"Q{x0} {y0} {x1} {y1}"])
