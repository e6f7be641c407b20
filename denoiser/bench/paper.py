"""bench paper: how well rows of digits are read from photos of paper, and how fast.

The photos are composed, with seeds, from MNIST's test digits and from our own strokes in handwritings that no training
row has. Everything that reads them was tuned on training digits.
"""

import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from ..data import load_mnist
from ..data.paper import NO_DIGITS, PAPERS, Hand, PaperRow, compose_row, hand_of, make_hand, no_digits, random_style
from ..errors import DenoiserError
from ..reading import Reading, read_digits
from ..reading.calibration import calibration_error
from ..reading.cleaning import cleaned_strip
from ..reading.scoring import cut_pairs, right_digits
from . import summary

ROWS = 40  # of each kind of paper, and of touching pairs
FIVES = 60  # rows of five digits, on all papers
PICTURES = 10  # of each kind without digits
OWN = 0.25  # share of rows in our own strokes
SURE = 0.9
GRAIN = (0.1, 0.2, 0.3)  # standard deviations of noise that is added to a photo, whose brightness is in [0, 1]
ROUNDS = 7
GOALS = {
    "plain": 0.97,
    "ruled": 0.97,
    "squared": 0.95,
    "boxed": 0.95,
    "touching pairs": 0.90,
    "rows of five": 0.88,
    "right of those sure": 0.95,
    "calibration error": 0.02,
    "seconds": 1.5,
}


def measure() -> dict:
    """Shares of digits and rows that are read right, calibration, and the seconds that a large photo takes."""
    hands = hand_of(load_mnist("test")), make_hand(20, seed=3)
    doubts: list[tuple[float, bool]] = []  # probability of each digit that was read, and whether it is right
    numbers: list[tuple[float, bool]] = []
    papers = {}
    for paper in PAPERS:
        rows = _rows(hands, ROWS, paper, some_touch=False)
        right, total = 0, 0
        for row, reading in _readings(rows, paper):
            found = _scored(row, reading, doubts)
            right, total = right + sum(found.values()), total + len(found)
            numbers.append(_number(row, reading))
        papers[paper] = {"digits": total, "right": round(right / total, 4)}
    pairs = _touching(hands, doubts, numbers)
    harder = {"all digits touch": _scores(_all_touching(hands), "all touch")}
    harder |= {f"grain of {grain:g}": _scores(_grainy(hands, grain), f"grain {grain:g}") for grain in GRAIN}
    fives = {}
    for length in (None, 5):
        results = []
        for row, reading in _readings(_rows(hands, FIVES, None, some_touch=None, count=5), "rows of five", length):
            results.append(_number(row, reading))
        if length is None:
            numbers += results
        fives["length known" if length else "length unknown"] = round(np.mean([right for _, right in results]), 4)
    sure = [right for probability, right in numbers if probability >= SURE]
    return {
        "goals": GOALS,
        "papers": papers,
        "touching pairs": pairs,
        "harder rows": harder,
        "rows of five": fives,
        "sure numbers": {
            "share": round(len(sure) / len(numbers), 4),
            "right": round(float(np.mean(sure)), 4) if sure else None,
        },
        "calibration error": round(calibration_error(doubts), 4),
        "no digits": _refused(),
        "ten digits in 12 megapixels": _seconds(hands[0]),
    }


def _rows(
    hands: Sequence[Hand], rows: int, paper: str | None, some_touch: bool | None, **changes: object
) -> Iterable[PaperRow]:
    """Rows in random styles with these `changes`, a share of them in our own strokes."""
    for number in range(rows):
        rng = np.random.default_rng((11, number, 0 if paper is None else 1 + PAPERS.index(paper)))
        style = replace(random_style(rng, paper, some_touch), **changes)  # type: ignore[arg-type]
        yield compose_row(hands[rng.random() < OWN], style, rng)


def _readings(
    rows: Iterable[PaperRow], title: str, length: int | None = None
) -> Iterable[tuple[PaperRow, Reading | None]]:
    """Each row and what is read in it; None where nothing is."""
    for row in tqdm(rows, desc=title, unit="row", mininterval=5):
        try:
            yield row, read_digits(row.picture, length)
        except DenoiserError:
            yield row, None


def _scored(row: PaperRow, reading: Reading | None, doubts: list[tuple[float, bool]]) -> dict[int, bool]:
    """Whether each digit of a row was read right, by its position; what was read goes to `doubts`."""
    digits = [] if reading is None else reading.digits
    right, read_right = right_digits(row, digits)
    doubts += [(digit.probability, hit) for digit, hit in zip(digits, read_right, strict=True)]
    return right


def _number(row: PaperRow, reading: Reading | None) -> tuple[float, bool]:
    """The probability of a row's number, 0 where none was read, and whether it is right."""
    return (0.0, False) if reading is None else (reading.probability, reading.text == row.text)


def _touching(hands: Sequence[Hand], doubts: list[tuple[float, bool]], numbers: list[tuple[float, bool]]) -> dict:
    """Of the pairs of digits that touch on plain and ruled paper, how many are both read right, and how many are cut
    so that both have a segment."""
    right, total, cut = 0, 0, 0
    for paper in ("plain", "ruled"):
        for row, reading in _readings(_rows(hands, ROWS // 2, paper, some_touch=True), f"touching, {paper}"):
            found = _scored(row, reading, doubts)
            numbers.append(_number(row, reading))
            right += sum(found[first] and found[first + 1] for first in row.joined)
            total += len(row.joined)
            cut += sum(cut_pairs(row))
    return {"pairs": total, "right": round(right / total, 4), "cut right": round(cut / total, 4)}


def _all_touching(hands: Sequence[Hand]) -> Iterable[PaperRow]:
    """Rows on plain and ruled paper in which each digit touches the next one."""
    for paper in ("plain", "ruled"):
        yield from _rows(hands, ROWS // 2, paper, some_touch=True, touching=1.0, punctuation=False)


def _grainy(hands: Sequence[Hand], grain: float) -> Iterable[PaperRow]:
    """Rows on plain paper under Gaussian noise, the same in all three colours."""
    for number, row in enumerate(_rows(hands, ROWS, "plain", some_touch=False)):
        noise = np.random.default_rng((12, number)).standard_normal(row.picture.shape[:2])[:, :, None]
        noisy = (row.picture + 255 * grain * noise).clip(0, 255).round().astype(np.uint8)
        yield row._replace(picture=noisy)


def _scores(rows: Iterable[PaperRow], title: str) -> dict:
    """How many rows are not refused, digits that are right, and the calibration error of those that are read."""
    doubts: list[tuple[float, bool]] = []
    read, right, total, count = 0, 0, 0, 0
    for row, reading in _readings(rows, title):
        found = _scored(row, reading, doubts)
        read += reading is not None
        right += sum(found.values())
        total += len(found)
        count += 1
    error = round(calibration_error(doubts), 4) if doubts else None
    return {"rows": count, "read": read, "digits": total, "right": round(right / total, 4), "calibration error": error}


def _refused() -> dict:
    """Of pictures without digits, the share in which a number is read all the same."""
    wrong = {}
    for kind in NO_DIGITS:
        given = 0
        for seed in range(PICTURES):
            try:
                read_digits(no_digits(kind, seed))
                given += 1
            except DenoiserError:
                pass
        wrong[kind] = given / PICTURES
    return wrong


def large_photo(hand: Hand, seed: int = 0, count: int = 10) -> bytes:
    """A JPEG of 4000 x 3000 pixels with one row of digits on plain paper."""
    rng = np.random.default_rng(seed)
    style = replace(random_style(rng, "plain", False), pen="ballpoint", size=60, count=count, punctuation=False)
    row = Image.fromarray(compose_row(hand, style, rng).picture)
    paper = Image.new("RGB", (4000, 3000), tuple(int(v) for v in np.median(np.asarray(row), axis=(0, 1))))
    row = row.resize((3000, round(row.height * 3000 / row.width)), Image.Resampling.BICUBIC)
    paper.paste(row, (500, 1000))
    content = io.BytesIO()
    paper.save(content, "JPEG", quality=90)
    return content.getvalue()


def _seconds(hand: Hand) -> dict:
    """Seconds from the bytes of a photo of 12 megapixels with ten digits to the number, and to the cleaned digits."""
    photo = large_photo(hand)
    times: dict[str, list[float]] = {"read": [], "cleaned": []}
    for number in range(ROUNDS + 1):
        start = time.perf_counter()
        reading = read_digits(photo)
        middle = time.perf_counter()
        cleaned_strip(reading)
        if number:
            times["read"].append(1000 * (middle - start))
            times["cleaned"].append(1000 * (time.perf_counter() - start))
    return {"threads": torch.get_num_threads()} | {name: summary(values) for name, values in times.items()}


def show(figures: dict) -> None:
    """Print the figures of `measure` beside their goals."""
    goals = figures["goals"]
    for paper, found in figures["papers"].items():
        print(f"{paper:34}{found['right']:>8.1%} of {found['digits']} digits (goal: {goals[paper]:.0%})")
    pairs = figures["touching pairs"]
    print(f"{'touching pairs':34}{pairs['right']:>8.1%} of {pairs['pairs']} (goal: {goals['touching pairs']:.0%})")
    print(f"{'touching pairs with a right cut':34}{pairs['cut right']:>8.1%}")
    for name, found in figures["harder rows"].items():
        error = "-" if found["calibration error"] is None else f"{found['calibration error']:.3f}"
        print(
            f"{name:34}{found['right']:>8.1%} of {found['digits']} digits, "
            f"{found['read']} of {found['rows']} rows read, calibration error {error}"
        )
    for name, share in figures["rows of five"].items():
        print(f"{f'rows of five, {name}':34}{share:>8.1%} (goal: {goals['rows of five']:.0%})")
    sure = figures["sure numbers"]
    right = "none" if sure["right"] is None else f"{sure['right']:.1%}"
    print(f"{'numbers given with 90 % or more':34}{sure['share']:>8.1%}, of which {right} right (goal: 95%)")
    print(
        f"{'calibration error of digits':34}{figures['calibration error']:>8.3f} (goal: {goals['calibration error']})"
    )
    for kind, share in figures["no digits"].items():
        print(f"{f'a number read in: {kind}':34}{share:>8.1%}")
    for name, times in figures["ten digits in 12 megapixels"].items():
        if name != "threads":
            print(f"{f'12 megapixels, {name}':34}{times['p50'] / 1000:>8.2f} s (goal: {goals['seconds']} s)")
