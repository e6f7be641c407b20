"""Which digits of a composed row were found and read right."""

from collections.abc import Sequence

import numpy as np

from ..data.paper import PaperRow
from .result import ReadDigit

OVERLAP = 0.3  # of the area that two boxes cover together, from which they are of the same digit


def right_digits(row: PaperRow, found: Sequence[ReadDigit]) -> tuple[dict[int, bool], list[bool]]:
    """For each digit's position in the row's text whether it was read right; and of each found digit, whether it is."""
    used: set[int] = set()
    right = {}
    for number, name in enumerate(row.text):
        if not name.isdigit():
            continue
        rows, columns = np.nonzero(row.owners == number + 1)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else (0, 0, 0, 0)
        overlaps = [_overlap(box, (d.box.left, d.box.top, d.box.right, d.box.bottom)) for d in found]
        best = int(np.argmax(overlaps)) if overlaps else -1
        right[number] = bool(best >= 0 and overlaps[best] > OVERLAP and best not in used and found[best].name == name)
        if right[number]:
            used.add(best)
    return right, [number in used for number in range(len(found))]


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """The area that two boxes share, as a share of the area that they cover together."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if min(width, height) <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(width * height / (sum(areas) - width * height))
