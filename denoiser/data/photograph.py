"""A photo of ink on paper: pen, printed lines, camera, light, noise and JPEG, all drawn from one generator."""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

MAX_TILT = math.radians(15)
FOCAL = 2.2  # distance of the camera, in widths of the paper


@dataclass(frozen=True)
class Pen:
    """`threshold` is the grey of MNIST's strokes that becomes the edge of the ink; `colour` reflects in [0, 1]."""

    threshold: float
    colour: np.ndarray
    grain: float


def pen_of(kind: str, rng: np.random.Generator) -> Pen:
    """A random "pencil", "ballpoint" or "marker"."""
    if kind == "pencil":
        return Pen(rng.uniform(0.38, 0.55), np.full(3, rng.uniform(0.25, 0.55)), rng.uniform(0.1, 0.35))
    dark = rng.uniform(0.02, 0.25)
    blue = np.array([0.5, 0.8, 2.5]) * rng.uniform(0.08, 0.28)
    red = np.array([0.75, 0.12, 0.15])
    colour = [np.full(3, dark), blue, red][int(rng.choice(3, p=[0.5, 0.4, 0.1]))]
    return Pen(rng.uniform(0.35, 0.55) if kind == "ballpoint" else rng.uniform(0.18, 0.3), colour, 0.05)


@dataclass(frozen=True)
class Rules:
    """Printed lines: how much of them covers each pixel (h, w), their colour, and how dark they are."""

    coverage: np.ndarray
    colour: np.ndarray
    strength: float


def photograph(
    ink: np.ndarray, owners: np.ndarray, rules: Rules | None, pen: Pen, size: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Ink (h, w) in [0, 1] on paper with rules as a photo, uint8 (h, w, 3), and its `owners` (h, w), moved alike.

    `size` is the height of a digit in pixels.
    """
    from scipy import ndimage

    height, width = ink.shape
    paper = rng.uniform(0.8, 1.0) * np.array([1, rng.uniform(0.95, 1), rng.uniform(0.85, 1)])
    sheet = np.broadcast_to(paper.astype(np.float32), (height, width, 3)).copy()
    if rules is not None:
        cover = (rules.strength * rules.coverage)[:, :, None]
        sheet = sheet * (1 - cover) + cover * rules.colour
    grain = 1 - pen.grain * np.clip(rng.normal(0.5, 0.6, ink.shape), 0, 1.5)
    cover = (ink * ndimage.gaussian_filter(grain, 0.02 * size))[:, :, None]
    sheet = sheet * (1 - cover) + cover * np.minimum(pen.colour, 0.9) * paper
    at = _camera(height, width, rng)
    picture = np.stack(
        [ndimage.map_coordinates(sheet[:, :, c], at, order=1, mode="nearest") for c in range(3)], axis=-1
    )
    owners = ndimage.map_coordinates(owners, at, order=0, mode="constant")
    light = _light(picture.shape[:2], rng)[:, :, None] * rng.uniform(0.95, 1.0, 3)
    blur = rng.uniform(0.0, 0.035) * size
    picture = ndimage.gaussian_filter(picture * light, (blur, blur, 0))
    picture += rng.normal(0, rng.uniform(0.003, 0.02), picture.shape)
    content = io.BytesIO()
    Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8)).save(
        content, "JPEG", quality=int(rng.integers(40, 93))
    )
    return np.asarray(Image.open(content)), owners


def _camera(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Where each pixel of the photo lies on the sheet, (2, h, w): a tilted sheet, turned a little."""
    tilt, pan = rng.uniform(-MAX_TILT, MAX_TILT, 2)
    turn = math.radians(rng.uniform(-3, 3))
    y, x = np.meshgrid(np.arange(height) - height / 2, np.arange(width) - width / 2, indexing="ij")
    distance = FOCAL * max(width, height)
    x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    # The ray through (x, y, distance) meets the plane through (0, 0, distance) with this normal.
    normal = np.array([math.sin(pan), math.sin(tilt) * math.cos(pan), math.cos(tilt) * math.cos(pan)])
    scale = normal[2] * distance / (normal[0] * x + normal[1] * y + normal[2] * distance)
    point = np.stack((x * scale, y * scale, distance * (scale - 1)))
    right = np.array([math.cos(pan), 0, -math.sin(pan)])
    down = np.cross(normal, right)
    columns, rows = np.tensordot(right, point, 1), np.tensordot(down, point, 1)
    return np.stack((rows + height / 2, columns + width / 2))


def _light(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """How brightly each pixel is lit: a slope, and in every second photo a shadow with a soft edge."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    slope = rng.uniform(-0.15, 0.15, 2)
    light = 0.85 + slope[0] * x + slope[1] * y
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * math.pi)
        across = math.cos(angle) * x + math.sin(angle) * y * shape[0] / shape[1] - rng.uniform(-0.6, 0.6)
        light = light * (1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-across / rng.uniform(0.04, 0.4))))
    return light
