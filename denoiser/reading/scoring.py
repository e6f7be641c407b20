"""Which digits of a composed row were found and read right."""

from collections.abc import Sequence

import numpy as np

from ..data.paper import PaperRow
from .ctc.decoding import middles
from .ctc.network import frame_log_probabilities, load_row_reader
from .ctc.strips import strip_of
from .examples import rows_of, segment_classes
from .result import ReadDigit
from .segments import find_segments

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


def cut_pairs(row: PaperRow) -> list[bool]:
    """For each pair of touching digits of a row, whether there is a segment for each of them, side by side."""
    cut = [False] * len(row.joined)
    for ink in rows_of(row):
        segments = find_segments(ink, middles(frame_log_probabilities(load_row_reader(), strip_of(ink))))
        for number, first in enumerate(row.joined):
            text = "".join({first: "1", first + 1: "2"}.get(position, "0") for position in range(len(row.text)))
            classes = segment_classes(row._replace(text=text), ink, segments)
            cut[number] |= bool(np.isin(segments.last[classes == 1] + 1, segments.first[classes == 2]).any())
    return cut


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """The area that two boxes share, as a share of the area that they cover together."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if min(width, height) <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(width * height / (sum(areas) - width * height))
