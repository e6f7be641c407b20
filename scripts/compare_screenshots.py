"""Compare two folders of screenshots: python scripts/compare_screenshots.py BEFORE AFTER

Prints, for each pair of pictures of the same name, the share of pixels that differ and the rectangle around them, and
saves what differs, in red over the later picture, as AFTER/NAME.difference.png. Exits with 1 if any picture differs.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

VISIBLE = 8  # levels of 255 in any channel; fonts are not always smoothed alike
RED = (220, 0, 40)


def differing(before: Image.Image, after: Image.Image) -> np.ndarray:
    """Which pixels (h, w) differ visibly, as large as the larger picture; a pixel outside one of them differs."""
    height, width = max(before.height, after.height), max(before.width, after.width)
    layers = np.full((2, height, width, 3), np.nan, dtype=np.float32)
    for layer, picture in zip(layers, (before, after), strict=True):
        layer[: picture.height, : picture.width] = np.asarray(picture.convert("RGB"))
    return ~(np.abs(layers[0] - layers[1]).max(axis=-1) <= VISIBLE)


def compare(before: Path, after: Path) -> bool:
    """Whether two pictures look the same; prints where they do not, and saves it."""
    pictures = Image.open(before), Image.open(after)
    different = differing(*pictures)
    if not different.any():
        print(f"{after.name}: the same")
        return True
    rows, columns = (np.flatnonzero(different.any(axis=axis)) for axis in (1, 0))
    where = f"x {columns[0]} to {columns[-1]}, y {rows[0]} to {rows[-1]}"
    sizes = [f"{picture.width} x {picture.height}" for picture in pictures]
    size = "" if sizes[0] == sizes[1] else f"; {sizes[0]} before, {sizes[1]} after"
    print(f"{after.name}: {different.mean():.3%} of the pixels differ, {where}{size}")
    shown = Image.new("RGB", different.shape[::-1], "white")
    shown.paste(pictures[1])
    shown.paste(RED, mask=Image.fromarray(different))
    shown.save(after.with_suffix(".difference.png"))
    return False


def main(before: Path, after: Path) -> int:
    """Compare all pictures; 0 if each is in both folders and looks the same."""
    names = [
        {path.name for path in folder.glob("*.png") if not path.name.endswith(".difference.png")}
        for folder in (before, after)
    ]
    same = [compare(before / name, after / name) for name in sorted(names[0] & names[1])]
    for name in sorted(names[0] ^ names[1]):
        print(f"{name}: only {'before' if name in names[0] else 'after'}")
    return int(not all(same) or names[0] != names[1])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
