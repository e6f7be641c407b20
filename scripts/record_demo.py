"""Records the README's animated picture of the running page: python scripts/record_demo.py

Headless Chromium draws a 3 with the mouse and moves the noise slider; a frame is taken once the page has answered. The
playing speed is ours, the pictures are the page's. MNIST is hidden from the page: none of its digits gets into a frame.
"""

import io
import math
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from denoiser.bench.browser import DESKTOP, browser_page, served_page  # noqa: E402

FILE = ROOT / "docs" / "images" / "demo.webp"
MOST_BYTES = 2_000_000
WIDTH = 960  # pixels of a frame
DRAWING, SLIDING, RESTING = 120, 110, 1600  # milliseconds that a frame is shown
STROKE_FRAMES = 12
FACTORS = [step / 20 for step in (*range(10, 21), *range(19, -1, -1), *range(1, 11))]  # up, down, and back to 0.5
SETTLE = 400  # milliseconds for an answer and its drawing


def arc(x: float, y: float, radius: float, start: float, end: float, points: int) -> list[tuple[float, float]]:
    """Points on a circle around (x, y), from one angle in degrees to another, clockwise on the screen."""
    angles = [math.radians(start + (end - start) * i / (points - 1)) for i in range(points)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


THREE = [*arc(0.48, 0.33, 0.16, -150, 90, 24), *arc(0.48, 0.68, 0.19, -90, 150, 28)[1:]]  # in units of the pad's side


def frames(page) -> list[tuple[Image.Image, int]]:
    """The pictures in turn, each with the milliseconds it is shown."""
    found = []

    def shoot(milliseconds: int) -> None:
        page.wait_for_timeout(SETTLE)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        found.append((picture.resize((WIDTH, round(picture.height * WIDTH / picture.width))), milliseconds))

    pad = page.locator("#pad .paper")
    box = pad.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in THREE]
    page.mouse.move(*points[0])
    page.mouse.down()
    for i, point in enumerate(points[1:], 1):
        page.mouse.move(*point)
        if i % (len(points) // STROKE_FRAMES) == 0:
            shoot(DRAWING)
    page.mouse.up()
    page.wait_for_timeout(2 * SETTLE)  # until all noise factors have been answered
    shoot(RESTING)
    slider = page.locator("#noise_slider input[type=range]").first
    for factor in FACTORS:
        slider.evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); }",
            str(factor),
        )
        shoot(RESTING if factor in (0, 1) else SLIDING)
    return found


def main() -> None:
    """Record, and write the picture."""
    with (
        tempfile.TemporaryDirectory() as nothing,
        served_page(DENOISER_DATA=nothing) as (address, _),
        browser_page(address, DESKTOP | {"locale": "en", "color_scheme": "light"}) as page,
    ):
        page.wait_for_timeout(5 * SETTLE)
        pictures, durations = zip(*frames(page), strict=True)
    FILE.parent.mkdir(exist_ok=True)
    pictures[0].save(FILE, save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=60, method=6)
    size = FILE.stat().st_size
    print(f"{FILE.relative_to(ROOT)}: {len(pictures)} frames, {size / 1024:.0f} kB")
    if size >= MOST_BYTES:
        sys.exit(f"that is more than {MOST_BYTES / 1e6:g} MB")


if __name__ == "__main__":
    main()
