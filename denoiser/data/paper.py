"""Photos of handwritten rows on paper, composed from digits whose labels are known, the same for the same seed.

A row has 3 to 12 digits with a pen of its own, spacing, slant and size changes, touching pairs, and sometimes a decimal
point or a hyphen. It stands on plain, ruled, squared or boxed paper, which is photographed: tilted by up to 15 degrees,
unevenly lit, blurred, noisy, and compressed as JPEG.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..ink import digit_from_strokes
from .digits import SIDE, Digits
from .examples import parse
from .photograph import Pen, Rules, pen_of, photograph
from .synthetic_digits import vary_handwriting

PAPERS = ("plain", "ruled", "squared", "boxed")
PENS = ("pencil", "ballpoint", "marker")
NO_DIGITS = ("text", "face", "blank", "blot")
OTHER = "*"  # in a row's text: something that is no digit
UNIT = 20 / SIDE  # height of a framed digit's ink, as a share of its picture

# Letters that are not to be confused with digits, as strokes on a sheet of 100 x 100.
_LETTERS = (
    "50,12 25,88; 50,12 75,88; 34,60 66,60",
    "70,14 32,14 32,86 70,86; 32,50 62,50",
    "68,14 32,14 32,88; 32,48 60,48",
    "28,12 28,88; 72,12 72,88; 28,50 72,50",
    "30,12 30,88; 70,14 30,54 72,88",
    "22,88 26,12 50,62 74,12 78,88",
    "28,88 28,12 72,88 72,12",
    "32,88 32,12 60,16 66,32 56,48 32,50 72,88",
    "20,14 80,14; 50,14 50,88",
    "18,14 34,88 50,38 66,88 82,14",
    "26,12 74,88; 74,12 26,88",
    "26,12 50,48 74,12; 50,48 50,88",
    "32,10 32,88; 32,56 48,44 62,52 64,88",
    "20,50 20,88; 20,58 34,48 46,56 46,88; 46,58 60,48 74,56 74,88",
    "62,50 40,48 30,66 40,84 58,78 64,48 64,88 74,84",
    "30,66 66,62 60,50 42,48 30,66 38,84 66,80",
)
_TEXT = "ABCDEFHKLMNPRTUVWXYacdefhkmnprstuvwxyz&%#@?"  # printed


class Hand(NamedTuple):
    """Pictures to write with: float32 (N, 28, 28) in [0, 1], and the digit that each of them shows."""

    pictures: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Style:
    """What a row looks like; `size` is the height of a digit in pixels.

    `touching` is how many of the neighbours touch, as a share; `others` how many of the marks are no digits.
    """

    paper: str = "plain"
    pen: str = "ballpoint"
    count: int = 5
    size: float = 40
    touching: float = 0.0
    others: float = 0.0
    punctuation: bool = False


class PaperRow(NamedTuple):
    """A photo of a row: uint8 (h, w, 3), its text, and which mark (1, 2, ...) each pixel is ink of, int16 (h, w).

    `joined` has the positions of marks in the text that touch the next one.
    """

    picture: np.ndarray
    text: str
    owners: np.ndarray
    joined: tuple[int, ...]


def hand_of(digits: Digits) -> Hand:
    """Digits of a data set to write with."""
    return Hand(digits.floats()[:, 0].numpy(), digits.labels.numpy())


def random_style(rng: np.random.Generator, paper: str | None = None, touching: bool | None = None) -> Style:
    """A style as the benchmark draws them: all pens, 3 to 12 digits, every paper unless one is named."""
    paper = paper or str(rng.choice(PAPERS))
    if touching is None:
        touching = bool(rng.random() < 0.25)
    return Style(
        paper=paper,
        pen=str(rng.choice(PENS)),
        count=int(rng.integers(3, 13)),
        size=float(rng.uniform(28, 64)),
        touching=0.5 if touching and paper != "boxed" else 0.0,
        punctuation=bool(rng.random() < 0.2) and paper != "boxed",
    )


def compose_row(hand: Hand, style: Style, rng: np.random.Generator, text: str | None = None) -> PaperRow:
    """Write a row in a style and photograph it; `text`, of digits, ".", "-" and OTHER, is random by default."""
    text = _random_text(style, rng) if text is None else text
    size, pen = style.size, pen_of(style.pen, rng)
    slant = rng.uniform(-0.25, 0.25)
    glyphs = [_glyph(mark, hand, size, slant, pen, rng) for mark in text]
    pitch = size * rng.uniform(1.0, 1.45)  # of boxes
    places: list[tuple[int, int]] = []  # of the marks' tops and left sides
    joined: list[int] = []
    right = 0
    usual = rng.uniform(0.15, 0.45) * size
    for number, glyph in enumerate(glyphs):
        height, width = glyph.shape
        top = _top(text[number], height, size, rng)
        if style.paper == "boxed":
            left = round((number + 0.5) * pitch - width / 2 + rng.normal(0, 0.05) * size)
        elif number and rng.random() < style.touching and text[number - 1].isdigit() and text[number].isdigit():
            left, touches = _against(glyphs[number - 1], places[-1], glyph, top, size)
            joined += [number - 1] if touches else []
        else:
            left = right + round(max(0.1 * size, usual + rng.normal(0, 0.08) * size) if number else 0)
        places.append((top, left))
        right = max(right, left + width)
    margin = [round(size * rng.uniform(0.5, 1.6)) for _ in range(4)]
    shift = min(left for _, left in places)
    top_most = min(top for top, _ in places)
    baseline = margin[0] - top_most
    height = baseline + max(t + g.shape[0] for (t, _), g in zip(places, glyphs, strict=True)) + margin[2]
    width = margin[1] + right - shift + margin[3]
    ink, owners = np.zeros((height, width), np.float32), np.zeros((height, width), np.int16)
    for number, (glyph, (top, left)) in enumerate(zip(glyphs, places, strict=True)):
        area = (
            slice(baseline + top, baseline + top + glyph.shape[0]),
            slice(margin[1] + left - shift, margin[1] + left - shift + glyph.shape[1]),
        )
        owners[area] = np.where(glyph > np.maximum(ink[area], 0.4), number + 1, owners[area])
        ink[area] = np.maximum(ink[area], glyph)
    first = margin[1] - shift
    rules = _rules(style, (height, width), baseline, first, pitch, len(text), rng)
    photo, owners = photograph(ink, owners, rules, pen, size, rng)
    return PaperRow(photo, text, owners, tuple(joined))


def make_hand(count: int, seed: int) -> Hand:
    """Digits of our own: the example drawings in `count` simulated handwritings each."""
    from .examples import EXAMPLES

    generator = torch.Generator().manual_seed(seed)
    labels = np.arange(10 * count) % 10
    drawn = [digit_from_strokes(vary_handwriting(EXAMPLES[str(d)], generator))[0, 0].numpy() for d in labels]
    return Hand(np.stack(drawn), labels)


def _random_text(style: Style, rng: np.random.Generator) -> str:
    marks = [OTHER if rng.random() < style.others else str(rng.integers(10)) for _ in range(style.count)]
    text = "".join(marks)
    if style.punctuation and len(text) > 2:
        at = int(rng.integers(1, len(text)))
        text = text[:at] + str(rng.choice([".", "-"])) + text[at:]
    return text


# ---- marks ----


def _glyph(mark: str, hand: Hand, size: float, slant: float, pen: Pen, rng: np.random.Generator) -> np.ndarray:
    """The ink of one mark in [0, 1], cropped to it."""
    stroke = (0.2 - 0.16 * pen.threshold) * size
    if mark == ".":
        return _disc(max(1.5, stroke * rng.uniform(0.5, 0.75)))
    if mark == "-":
        return _bar(size * rng.uniform(0.28, 0.55), max(1.5, stroke), rng.uniform(-0.12, 0.12))
    picture = _other(rng) if mark == OTHER else hand.pictures[rng.choice(np.flatnonzero(hand.labels == int(mark)))]
    return _written(picture, size * rng.uniform(0.86, 1.14), slant + rng.normal(0, 0.04), pen.threshold)


def _written(picture: np.ndarray, size: float, slant: float, threshold: float) -> np.ndarray:
    """A 28 x 28 picture's strokes with crisp edges, `size` pixels high, slanted, cropped to the ink."""
    from scipy import ndimage

    zoom = size / (SIDE * UNIT)
    side = math.ceil(SIDE * zoom * 1.3)
    matrix = np.array([[1 / zoom, 0], [slant / zoom, 1 / zoom]])
    offset = np.full(2, (SIDE - 1) / 2) - matrix @ np.full(2, (side - 1) / 2)
    grey = ndimage.affine_transform(picture, matrix, offset, (side, side), order=3)
    gain = max(0.93 * zoom, 0.55 / threshold)  # so that paper stays free of ink
    ink = np.clip(0.5 + (grey - threshold) * gain, 0, 1).astype(np.float32)
    rows, columns = np.flatnonzero((ink > 0.1).any(1)), np.flatnonzero((ink > 0.1).any(0))
    if not len(rows):
        return np.ones((2, 2), np.float32)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _disc(radius: float) -> np.ndarray:
    index = np.arange(2 * math.ceil(radius) + 1) - math.ceil(radius)
    return np.clip(radius + 0.5 - np.hypot(index[:, None], index), 0, 1).astype(np.float32)


def _bar(length: float, width: float, slope: float) -> np.ndarray:
    x = np.arange(math.ceil(length) + 2) - length / 2 - 0.5
    y = np.arange(math.ceil(width + abs(slope) * length) + 3)
    y = (y - y.mean())[:, None]
    across = width / 2 + 0.5 - np.abs(y - slope * x)
    return np.clip(np.minimum(across, length / 2 + 0.5 - np.abs(x)), 0, 1).astype(np.float32)


def _other(rng: np.random.Generator) -> np.ndarray:
    """Something that is no digit, 28 x 28: a written or printed letter, a scribble or a blot."""
    kind = rng.random()
    if kind < 0.4:
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        letter = parse(_LETTERS[int(rng.integers(len(_LETTERS)))])
        return digit_from_strokes(vary_handwriting(letter, generator))[0, 0].numpy()
    if kind < 0.75:
        return _printed(_TEXT[int(rng.integers(len(_TEXT)))])
    if kind < 0.9:
        points = 50 + np.cumsum(rng.normal(0, 22, (int(rng.integers(5, 14)), 2)), axis=0)
        points = 0.1 + 0.8 * (points - points.min(0)) / np.maximum(np.ptp(points, axis=0), 1)
        return digit_from_strokes([[(x, y) for x, y in points.tolist()]])[0, 0].numpy()
    return _blot(rng)


def _blot(rng: np.random.Generator) -> np.ndarray:
    y, x = np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    angle = np.arctan2(y, x)
    radius = 0.62 + sum(rng.uniform(-0.07, 0.07) * np.cos(k * angle + rng.uniform(0, 6)) for k in range(1, 6))
    return np.clip((radius - np.hypot(x, y)) * 10, 0, 1).astype(np.float32)


@cache
def _printed(letter: str) -> np.ndarray:
    sheet = Image.new("L", (96, 96))
    ImageDraw.Draw(sheet).text((24, 12), letter, fill=255, font=ImageFont.load_default(size=60))
    ink = sheet.crop(sheet.getbbox())
    scale = 20 / max(ink.size)
    ink = ink.resize([max(1, round(side * scale)) for side in ink.size], Image.Resampling.BOX)
    framed = Image.new("L", (SIDE, SIDE))
    framed.paste(ink, ((SIDE - ink.width) // 2, (SIDE - ink.height) // 2))
    return np.asarray(framed, np.float32) / 255


# ---- places ----


def _against(before: np.ndarray, place: tuple[int, int], glyph: np.ndarray, top: int, size: float) -> tuple[int, bool]:
    """Where a mark begins whose ink reaches a little into that of the one before, and whether it does so there.

    It is moved no further than a third of a digit's height into the other's box.
    """
    first, last = max(top, place[0]), min(top + glyph.shape[0], place[0] + before.shape[0])
    nearest = place[1] + before.shape[1] - round(size / 3)
    if last <= first:
        return nearest, False
    ours, theirs = glyph[first - top : last - top] > 0.5, before[first - place[0] : last - place[0]] > 0.5
    both = ours.any(1) & theirs.any(1)
    if not both.any():
        return nearest, False
    ends = theirs.shape[1] - 1 - np.argmax(theirs[:, ::-1], axis=1)
    starts = np.argmax(ours, axis=1)
    touching = place[1] - int((starts - ends)[both].min()) + 1 - max(1, round(0.02 * size))
    return max(nearest, touching), touching >= nearest


def _top(mark: str, height: int, size: float, rng: np.random.Generator) -> int:
    """Where a mark's top lies above (negative) the baseline."""
    if mark == "-":
        return round(-0.5 * size - height / 2 + rng.normal(0, 0.05) * size)
    return round(-height + rng.normal(0, 0.04) * size)


def _rules(
    style: Style, shape: tuple[int, int], baseline: int, first: int, pitch: float, count: int, rng: np.random.Generator
) -> Rules | None:
    """The paper's lines; `first` is where the first box begins, `pitch` the distance of boxes."""
    if style.paper == "plain":
        return None
    size = style.size
    width = max(0.8, size * rng.uniform(0.02, 0.055))
    coverage = np.zeros(shape, np.float32)

    def stripe(at: float, axis: int, start: float = -1e9, stop: float = 1e9) -> None:
        across = np.clip(width / 2 + 0.5 - np.abs(np.arange(shape[axis]) - at), 0, 1)
        other = np.arange(shape[1 - axis])
        along = ((other >= start - width / 2) & (other <= stop + width / 2)).astype(np.float32)
        np.maximum(coverage, np.outer(across, along) if axis == 0 else np.outer(along, across), out=coverage)

    if style.paper == "boxed":
        tall = size * rng.uniform(1.3, 1.75)
        top = baseline - size / 2 - tall / 2 + rng.normal(0, 0.04) * size
        gap = 0.0 if rng.random() < 0.6 else pitch * rng.uniform(0.04, 0.12)
        for box in range(count):
            left, right = first + box * pitch + gap / 2, first + (box + 1) * pitch - gap / 2
            for at in (top, top + tall):
                stripe(at, 0, left, right)
            for at in (left, right):
                stripe(at, 1, top, top + tall)
    else:
        spacing = size * (rng.uniform(1.35, 2.2) if style.paper == "ruled" else rng.uniform(0.5, 1.2))
        start = baseline + rng.uniform(-0.05, 0.2) * size
        for at in np.arange(start % spacing - spacing, shape[0], spacing):
            stripe(at, 0)
        if style.paper == "squared":
            for at in np.arange(rng.uniform(-spacing, 0), shape[1], spacing):
                stripe(at, 1)
    colours = np.array([[0.45, 0.6, 0.9], [0.5, 0.5, 0.5], [0.1, 0.1, 0.1], [0.9, 0.5, 0.45], [0.4, 0.75, 0.55]])
    chosen = int(rng.choice(5, p=[0.35, 0.25, 0.2, 0.1, 0.1]))
    return Rules(coverage, colours[chosen], rng.uniform(0.5, 1.0))


def compose_rows(hand: Hand, count: int, seed: int, **style: object) -> Sequence[PaperRow]:
    """`count` rows in random styles; `style` fixes fields of Style for all of them."""
    rows = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        rows.append(compose_row(hand, replace(random_style(rng), **style), rng))  # type: ignore[arg-type]
    return rows


# ---- what is no row of digits ----


def no_digits(kind: str, seed: int) -> np.ndarray:
    """A picture without a row of digits, uint8 (h, w, 3): of NO_DIGITS, "text", "face", "blank" or "blot"."""
    rng = np.random.default_rng((seed, NO_DIGITS.index(kind)))
    sheet = Image.new("L", (480, 320))
    draw = ImageDraw.Draw(sheet)
    if kind == "text":
        size = int(rng.integers(18, 44))
        for line in range(int(rng.integers(1, 5))):
            letters = ["".join(rng.choice(list(_TEXT[:-4]), int(rng.integers(3, 9)))) for _ in range(4)]
            draw.text((40, 40 + 1.6 * size * line), " ".join(letters), fill=255, font=ImageFont.load_default(size=size))
    elif kind == "face":
        width, height = rng.uniform(70, 110), rng.uniform(100, 140)
        draw.ellipse((240 - width, 160 - height, 240 + width, 160 + height), outline=255, width=6)
        for x in (240 - 0.45 * width, 240 + 0.45 * width):
            draw.ellipse((x - 14, 118, x + 14, 134), outline=255, width=4)
            draw.ellipse((x - 5, 121, x + 5, 131), fill=255)
            draw.arc((x - 24, 92, x + 24, 122), 200, 340, fill=255, width=4)
        draw.line((240, 138, 228, 182, 246, 186), fill=255, width=4)
        draw.arc((200, 180, 280, 230), 20, 160, fill=255, width=5)
    elif kind == "blot":
        blot = (255 * _blot(rng)).astype(np.uint8)
        sheet.paste(Image.fromarray(blot).resize((120, 120), Image.Resampling.BICUBIC), (180, 100))
    ink = np.asarray(sheet, np.float32) / 255
    return photograph(ink, np.zeros(ink.shape, np.int16), None, pen_of("ballpoint", rng), 40, rng)[0]
