"""Test drawings of our own: handwriting variants of each digit, varied as people and cameras vary them.

`drawings(seed)` gives strokes, `photograph(strokes, seed)` the picture a phone would take of them on paper. All are
deterministic by seed. The variants are written on a sheet of 100 x 100, y downwards, with few points; a pointer's
dense path is made of them as a pen would leave it.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from denoiser.checkpoint import load_checkpoint
from denoiser.data.examples import parse
from denoiser.ink import digit_from_image, digit_from_strokes

Stroke = list[tuple[float, float]]

_WRITTEN: dict[int, dict[str, str]] = {
    0: {
        "round": "52,10 32,20 24,50 33,80 52,90 70,80 77,50 68,20 50,10",
        "narrow": "50,10 40,24 36,50 40,76 50,90 60,76 64,50 60,24 50,10",
        "open": "60,12 42,14 28,34 27,62 40,86 60,84 73,60 72,32 56,14",
        "crossing": "44,8 60,16 73,38 72,64 58,86 40,86 27,64 29,36 46,16 64,10",
        "wide": "48,22 28,30 18,50 28,72 50,80 72,72 82,50 72,30 46,22",
    },
    1: {
        "plain": "52,8 51,50 49,92",
        "slanted": "64,8 50,50 38,92",
        "flag": "38,28 48,20 55,9; 55,9 53,50 52,92",
        "flag in one": "42,24 56,9 54,50 50,92",
        "footed": "36,26 52,10 52,50 52,90; 34,90 52,90 70,90",
    },
    2: {
        "plain": "26,29 37,12 57,9 70,24 66,44 46,68 23,89 50,88 80,88",
        "loop": "28,26 42,10 62,12 70,30 60,54 42,76 28,86 24,78 34,72 50,82 66,90 80,82",
        "angular": "24,20 46,10 68,18 68,38 24,88; 24,88 52,86 78,90",
        "flat": "22,34 36,20 56,18 66,32 58,52 24,78 52,77 82,80",
        "swan": "30,32 34,16 50,9 64,18 65,36 52,58 30,84 44,80 62,90 78,84",
    },
    3: {
        "round": "27,17 45,8 66,14 69,31 57,43 43,47; 43,47 64,51 75,66 67,85 46,93 24,84",
        "in one": "30,16 48,9 66,18 64,36 44,46 66,54 72,74 54,90 28,84",
        "flat top": "26,12 68,12 46,42 64,48 74,66 62,86 42,91 24,82",
        "looped": "28,20 46,9 66,16 64,36 48,46 40,44 46,40 66,54 70,76 50,91 26,82",
        "wide": "22,24 46,12 72,24 50,46 76,66 52,88 20,78",
    },
    4: {
        "open": "34,12 28,34 25,54 50,56 78,54; 66,12 63,50 60,92",
        "closed": "60,92 60,50 62,9 40,36 20,62 50,62 82,60",
        "two strokes": "54,8 38,34 22,60 50,61 82,57; 64,34 61,64 58,93",
        "narrow": "42,10 36,34 32,52 48,54 68,50; 62,14 60,50 56,92",
        "in one": "36,12 30,34 27,52 44,56 62,50 68,14 64,50 60,92",
    },
    5: {
        "two strokes": "35,12 32,29 29,46 46,39 66,45 75,63 66,84 44,92 24,84; 35,12 54,10 75,9",
        "in one": "74,10 54,11 36,13 32,42 50,38 68,48 72,68 58,88 28,86",
        "angular": "72,12 34,12 32,44 60,44 72,58 70,78 56,88 28,88",
        "s-shaped": "70,12 50,12 36,24 36,40 56,48 70,62 64,82 46,90 28,84",
        "detached bar": "36,18 33,46 52,42 70,54 70,74 52,90 28,86; 42,12 60,10 78,10",
    },
    6: {
        "plain": "63,8 44,25 31,50 29,74 42,91 60,89 71,74 63,58 46,58 31,72",
        "straight": "52,8 40,36 32,66 40,88 58,90 68,74 58,58 40,64 33,76",
        "curled": "68,16 54,10 38,26 29,54 34,80 52,91 68,78 62,60 46,58 33,70",
        "open": "60,9 42,30 30,58 34,82 52,90 68,80 66,62 50,58 38,68",
        "narrow": "56,8 46,30 39,58 41,82 52,92 62,80 60,64 50,60 42,70",
    },
    7: {
        "plain": "21,15 48,13 78,11 64,36 52,62 45,92",
        "barred": "24,14 50,13 76,12 60,46 48,90; 38,50 54,49 72,48",
        "serif": "24,26 25,13 50,13 76,12 62,36 52,60 46,92",
        "curved": "24,20 38,13 56,17 74,12 62,34 54,60 52,92",
        "straight": "26,12 72,12 40,92",
    },
    8: {
        "s-start": "67,19 51,8 34,17 36,34 52,47 68,62 70,80 52,92 33,82 34,64 50,48 66,35 67,19",
        "open top": "70,16 52,9 36,18 40,36 58,52 68,72 54,90 36,80 42,60 58,44 72,22",
        "two rings": "50,9 37,16 35,30 50,44 65,30 63,16 49,9; 50,44 34,56 31,76 50,91 69,76 66,56 49,44",
        "slanted": "72,18 58,8 42,18 42,36 54,50 60,70 46,91 30,82 34,62 52,46 68,34 72,18",
        "narrow": "58,16 50,9 41,18 43,36 54,52 60,72 50,91 40,78 43,60 55,42 59,20",
    },
    9: {
        "straight": "71,27 57,10 37,16 31,34 42,48 60,45 71,27 69,58 61,92",
        "hooked": "68,28 54,9 36,18 34,38 50,48 66,36 69,24 69,56 60,82 44,91 30,84",
        "ring and stem": "66,14 46,9 32,24 38,44 56,46 68,30 66,14; 68,16 66,50 62,92",
        "slanted": "70,22 56,9 38,20 36,38 50,46 66,32 70,22 60,56 44,92",
        "open": "68,16 52,10 35,24 36,42 52,48 67,34 70,14 67,50 64,92",
    },
}

VARIANTS: dict[int, dict[str, list[Stroke]]] = {
    digit: {name: parse(text, side=1) for name, text in variants.items()} for digit, variants in _WRITTEN.items()
}


@dataclass(frozen=True)
class Drawing:
    """One drawing: the digit meant, its variant, what was done to it, and its strokes in units of the pad's side."""

    digit: int
    variant: str
    kind: str
    strokes: list[Stroke]


def _round(stroke: Stroke, spacing: float = 1.2) -> np.ndarray:
    """A dense path (n, 2) through a stroke's points as a pen would lead it, slower in the bends."""
    points = np.array(stroke, dtype=float)
    padded = np.concatenate((points[:1], points, points[-1:]))
    pieces = []
    for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        t = np.linspace(0, 1, max(2, int(np.hypot(*(c - b)) / spacing)), endpoint=False)[:, None]
        ways = [v / (np.hypot(*v) or 1) for v in (b - a, c - b, d - c)]
        length = np.hypot(*(c - b))
        # sharp turns are corners for the pen as well
        out = (ways[0] + ways[1]) / 2 if ways[0] @ ways[1] > 0.3 else ways[1]
        into = (ways[1] + ways[2]) / 2 if ways[1] @ ways[2] > 0.3 else ways[1]
        pieces.append(
            (2 * t**3 - 3 * t**2 + 1) * b
            + (t**3 - 2 * t**2 + t) * length * out
            + (3 * t**2 - 2 * t**3) * c
            + (t**3 - t**2) * length * into
        )
    return np.concatenate((*pieces, points[-1:]))


def _moved(stroke: Stroke, *, size=0.8, place=(0.5, 0.5), shear=0.0, degrees=0.0, stretch=1.0) -> np.ndarray:
    """A dense path in units of the pad, its sheet of 100 x 100 reduced to `size` around `place`."""
    path = (_round(stroke) - 50) / 100
    turn = math.radians(degrees)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = matrix @ np.array([[stretch, -shear], [0, 1]])
    return path @ matrix.T * size + place


def _trembled(path: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """A path with a hand's slow wobble and a device's fast jitter, both of `amount` of the pad's side."""
    t = np.arange(len(path))
    slow = sum(
        rng.normal(size=2) * np.sin(2 * math.pi * t[:, None] / period + rng.uniform(0, 6.3, 2)) for period in (17, 41)
    )
    return path + amount * (0.7 * slow + 0.5 * rng.normal(size=path.shape))


def _varied(kind: str, strokes: list[Stroke], rng: np.random.Generator) -> list[Stroke]:
    """The strokes as `kind` changes them, in units of the pad's side."""
    settings: dict = {}
    tremble, keep = 0.0, 1
    if kind == "tiny":
        settings = {"size": 0.15, "place": tuple(rng.uniform(0.15, 0.85, 2))}
    elif kind == "huge":
        settings = {"size": 1.05}
    elif kind == "off-centre":
        settings = {"size": 0.4, "place": tuple(rng.choice([0.25, 0.75], 2))}
    elif kind == "sheared":
        settings = {"shear": rng.choice([-0.12, 0.2, 0.35])}
    elif kind == "rotated":
        settings = {"degrees": rng.choice([-14, -9, 9, 14])}
    elif kind == "stretched":
        settings = {"stretch": rng.choice([0.75, 1.3])}
    elif kind == "shaky":
        tremble = 0.009
    elif kind == "fast":
        keep = 7  # a fast hand: the pointer reports few points
    paths = [_moved(stroke, **settings) for stroke in strokes]
    if tremble:
        paths = [_trembled(path, tremble, rng) for path in paths]
    if keep > 1:
        paths = [np.concatenate((path[:-1:keep], path[-1:])) for path in paths]
    return [[(float(x), float(y)) for x, y in path] for path in paths]


KINDS = ("plain", "tiny", "huge", "off-centre", "sheared", "rotated", "stretched", "shaky", "fast")


def drawings(seed: int = 0) -> Iterator[Drawing]:
    """Every variant of every digit in every kind: 450 drawings."""
    rng = np.random.default_rng(seed)
    for digit, variants in VARIANTS.items():
        for variant, strokes in variants.items():
            for kind in KINDS:
                yield Drawing(digit, variant, kind, _varied(kind, strokes, rng))


def rendered(strokes: list[Stroke], side: int = 280, width: float = 0.05, ink=0, paper=255, mode="L") -> Image.Image:
    """The strokes as a plain picture, anti-aliased, its pen `width` sides of the picture wide."""
    big = side * 3
    cover = Image.new("L", (big, big), 0)
    draw = ImageDraw.Draw(cover)
    radius = width * big / 2
    for stroke in strokes:
        points = [(x * big, y * big) for x, y in stroke]
        draw.line(points, fill=255, width=max(1, round(2 * radius)), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    cover = cover.resize((side, side), Image.Resampling.BOX)
    return Image.composite(Image.new(mode, cover.size, ink), Image.new(mode, cover.size, paper), cover)


def _cloud(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth random hills (h, w) with about `cells` of them across, deviation 1."""
    coarse = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
    hills = np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC))
    return (hills - hills.mean()) / (hills.std() + 1e-9)


PICTURE_KINDS = {  # what `rendered` takes
    "thin": {"width": 0.018},
    "thick": {"width": 0.12},
    "white on black": {"ink": 255, "paper": 0},
    "dark grey on grey": {"ink": 70, "paper": 150},
    "colour on colour": {"ink": (190, 30, 40), "paper": (150, 200, 235), "mode": "RGB"},
}


def pictures(seed: int = 0) -> Iterator[tuple[Drawing, str, Image.Image]]:
    """Every variant of every digit as a plain picture in each of the kinds: 250 pictures."""
    for drawing in drawings(seed):
        if drawing.kind == "plain":
            for kind, settings in PICTURE_KINDS.items():
                yield drawing, kind, rendered(drawing.strokes, **settings)


PHOTO_KINDS = (
    "even",
    "lamp",
    "shadow",
    "rough paper",
    "strong JPEG",
    "pencil",
    "marker",
    "blackboard",
    "specks",
    "desk",
    "blurred",
    "coloured",
)


def photograph(strokes: list[Stroke], kind: str, seed: int) -> bytes:
    """The JPEG a phone takes of the strokes: paper texture, uneven light, noise, and what `kind` adds to them."""
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.choice([(480, 640), (640, 480), (600, 600), (900, 1200)]))
    pen = {"pencil": 0.022, "marker": 0.11}.get(kind, rng.uniform(0.03, 0.06))
    side = int(min(height, width) * rng.uniform(0.55, 0.85))
    drawn = np.asarray(rendered(strokes, side, pen, ink=255, paper=0), dtype=float) / 255
    cover = np.zeros((height, width))
    top, left = int(rng.uniform(0.15, 0.85) * (height - side)), int(rng.uniform(0.15, 0.85) * (width - side))
    cover[top : top + side, left : left + side] = drawn

    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    light = 1 + 0.03 * _cloud((height, width), 5, rng)
    slope = {"lamp": 0.45, "shadow": 0.2, "even": 0.05}.get(kind, 0.2)
    angle = rng.uniform(0, 2 * math.pi)
    light *= 1 + slope * (x * math.cos(angle) + y * math.sin(angle)) / math.sqrt(2)
    if kind == "lamp":
        light *= 1.15 - 0.35 * (x * x + y * y) / 2
    if kind == "shadow":  # of a hand or the phone: soft, across the picture
        across = x * math.cos(angle + 1) + y * math.sin(angle + 1) - rng.uniform(-0.3, 0.3)
        light *= 1 - 0.45 / (1 + np.exp(-across / 0.06))
    paper, ink = np.array([0.80, 0.78, 0.73]), np.array([0.13, 0.13, 0.2])
    if kind == "pencil":
        ink = np.array([0.42, 0.42, 0.43])
    if kind == "blackboard":
        paper, ink = np.array([0.16, 0.22, 0.19]), np.array([0.78, 0.8, 0.76])
    if kind == "coloured":
        paper = np.array([0.85, 0.78, 0.45])
        ink = np.array([(0.75, 0.15, 0.15), (0.1, 0.25, 0.75), (0.1, 0.5, 0.2)][rng.integers(3)])
    rough = 4 if kind == "rough paper" else 1
    texture = rough * 0.012 * _cloud((height, width), 90, rng) + rough * 0.01 * _cloud((height, width), 300, rng)
    cover = cover * (1 - 0.12 * np.abs(_cloud((height, width), 60, rng))).clip(0.5, 1)
    scene = (paper + texture[:, :, None]) * (1 - cover[:, :, None]) + ink * cover[:, :, None]
    if kind == "specks":
        for _ in range(14):
            row, column, radius = rng.integers(height), rng.integers(width), rng.uniform(1.5, 5)
            near = np.hypot(y * height / 2 + height / 2 - row, x * width / 2 + width / 2 - column) < radius
            if not cover[max(0, row - 9) : row + 9, max(0, column - 9) : column + 9].any():
                scene[near] = ink * 1.2
    scene = scene * light[:, :, None]
    if kind == "desk":  # the sheet ends within the picture, a dark desk behind it
        edge = x * 0.15 + y if rng.random() < 0.5 else x + y * 0.1
        scene[edge < -0.97 + 0.05 * rng.random()] = (0.25, 0.17, 0.12)
        scene[edge > 1.0] = (0.27, 0.19, 0.13)
    scene = scene + rng.normal(0, 0.018, scene.shape)
    image = Image.fromarray((scene.clip(0, 1) * 255).astype(np.uint8))
    if kind == "blurred":
        image = image.filter(ImageFilter.GaussianBlur(side / 130))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(8, 16) if kind == "strong JPEG" else rng.integers(55, 90)))
    return file.getvalue()


@cache
def photographs(seed: int = 0) -> tuple[tuple[Drawing, str, bytes], ...]:
    """Every variant of every digit, photographed in six of the twelve kinds: 300 pictures with what they mean.

    Cached: making them takes longer than reading them.
    """
    return tuple(_photographs(seed))


def _photographs(seed: int) -> Iterator[tuple[Drawing, str, bytes]]:
    rng = np.random.default_rng(seed)
    number = 0
    for drawing in drawings(seed):
        for _ in range({"plain": 4, "shaky": 2}.get(drawing.kind, 0)):
            kind = PHOTO_KINDS[number % len(PHOTO_KINDS)]
            yield drawing, kind, photograph(drawing.strokes, kind, int(rng.integers(2**31)))
            number += 1


CROPPED_KINDS = {  # margin around the ink, as a share of its longer side; whether it is light on dark; uneven light
    "cut at the ink": (0.0, False, False),
    "cut at the ink, white on black": (0.0, True, False),
    "a hair of margin": (0.02, False, False),
    "a hair of margin, white on black": (0.02, True, False),
    "cut at the ink, uneven light": (0.0, False, True),
    "cut at the ink, uneven light, blackboard": (0.0, True, True),
    "narrow margin, uneven light": (0.1, False, True),
    "narrow margin, uneven light, blackboard": (0.1, True, True),
}


def cropped(strokes: list[Stroke], kind: str, seed: int) -> Image.Image:
    """The strokes as a picture that ends where the ink does, or hardly beyond it, under even or uneven light."""
    rng = np.random.default_rng(seed)
    margin, light_ink, uneven = CROPPED_KINDS[kind]
    sheet = rendered(strokes, int(rng.integers(120, 500)), rng.uniform(0.04, 0.16), ink=255, paper=0)
    left, top, right, bottom = sheet.getbbox()
    room = round(margin * max(right - left, bottom - top))
    cover = np.pad(np.asarray(sheet, dtype=float)[top:bottom, left:right] / 255, room)
    paper, ink = (0.15, 0.85) if light_ink else (0.85, 0.15)
    scene = paper + (ink - paper) * cover
    if uneven:
        y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in cover.shape), indexing="ij")
        angle = rng.uniform(0, 2 * math.pi)
        scene *= 1 + 0.35 * (x * math.cos(angle) + y * math.sin(angle))
        scene += rng.normal(0, 0.015, scene.shape)
    return Image.fromarray((scene.clip(0, 1) * 255).astype(np.uint8))


def cropped_pictures(seed: int = 0) -> Iterator[tuple[Drawing, str, Image.Image]]:
    """Every variant of every digit, cut tightly in half of the kinds in turn: 200 pictures."""
    rng = np.random.default_rng(seed)
    for number, drawing in enumerate(drawing for drawing in drawings(seed) if drawing.kind == "plain"):
        for kind in list(CROPPED_KINDS)[number % 2 :: 2]:
            yield drawing, kind, cropped(drawing.strokes, kind, int(rng.integers(2**31)))


@cache
def fitted(seed: int = 0) -> dict[str, list[tuple[str, int, Tensor]]]:
    """Our drawings as the models get them: {"strokes" and the like: [(kind, digit, picture (1, 1, 28, 28))]}."""
    return {
        "strokes": [(d.kind, d.digit, digit_from_strokes(d.strokes)) for d in drawings(seed)],
        "pictures": [(kind, d.digit, digit_from_image(image)) for d, kind, image in pictures(seed)],
        "cropped": [(kind, d.digit, digit_from_image(image)) for d, kind, image in cropped_pictures(seed)],
        "photographs": [(kind, d.digit, digit_from_image(jpeg)) for d, kind, jpeg in photographs(seed)],
    }


@torch.inference_mode()
def misreadings(seed: int = 0, name: str = "referee") -> dict[str, dict[str, tuple[int, int]]]:
    """How many of our drawings the referee `name` reads as meant: {"strokes" and the like: {kind: (right, all)}}."""
    referee, _ = load_checkpoint(name)

    def counted(items: list[tuple[str, int, Tensor]]) -> dict[str, tuple[int, int]]:
        found = referee(torch.cat([x for _, _, x in items])).argmax(1).tolist()
        counts: dict[str, tuple[int, int]] = {}
        for (kind, digit, _), read in zip(items, found, strict=True):
            right, total = counts.get(kind, (0, 0))
            counts[kind] = (right + (read == digit), total + 1)
        return counts

    return {way: counted(items) for way, items in fitted(seed).items()}


DISTORTIONS = {  # the kinds, by what is different in them
    "style": ("plain",),
    "size": ("tiny", "huge"),
    "position": ("off-centre",),
    "slant and proportion": ("sheared", "rotated", "stretched"),
    "the hand": ("shaky", "fast"),
    "stroke width": ("thin", "thick", "pencil", "marker"),
    "polarity and colour": ("white on black", "dark grey on grey", "colour on colour", "blackboard", "coloured"),
    "paper texture": ("rough paper", "specks"),
    "uneven light": ("even", "lamp", "shadow"),
    "what else is in the picture": ("desk",),
    "focus": ("blurred",),
    "JPEG": ("strong JPEG",),
    "cut tightly": tuple(kind for kind, (_, _, uneven) in CROPPED_KINDS.items() if not uneven),
    "cut tightly under uneven light": tuple(kind for kind, (_, _, uneven) in CROPPED_KINDS.items() if uneven),
}


def table(counts: dict[str, dict[str, tuple[int, int]]]) -> str:
    """What `misreadings` counts as Markdown, a row for each distortion, given in each way."""
    lines = ["| given as | what is different | read as meant |", "| --- | --- | --- |"]
    for way, kinds in counts.items():
        for name, members in DISTORTIONS.items():
            found = {kind: kinds[kind] for kind in members if kind in kinds}
            if found:
                right, total = (sum(numbers) for numbers in zip(*found.values(), strict=True))
                lines.append(f"| {way} | {name}: {', '.join(found)} | {right} of {total} |")
        right, total = (sum(numbers) for numbers in zip(*kinds.values(), strict=True))
        lines.append(f"| {way} | all | **{right} of {total}** |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(misreadings()))
