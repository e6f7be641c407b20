"""Example drawings of our own: the ten digits and a letter, as strokes in units of the pad's side, y downwards.

Few points each; `digit_from_strokes` leads a curve through them and takes a sharp turn for a corner.
"""

Stroke = list[tuple[float, float]]


def parse(text: str, side: float = 100) -> list[Stroke]:
    """Strokes from "x,y x,y ...; x,y ...", written on a sheet of `side` x `side`."""
    return [
        [tuple(float(number) / side for number in point.split(",")) for point in stroke.split()]
        for stroke in text.split(";")
    ]


_WRITTEN = {
    "0": "54,14 42,17 33,30 29,50 32,70 42,84 54,84 65,73 70,54 68,34 60,19 50,14",
    "1": "41,28 49,22 56,12 54,38 52,62 50,87",
    "2": "31,32 36,20 48,13 61,17 66,30 61,44 49,60 36,74 27,84 40,82 56,84 74,82",
    "3": "31,21 42,14 56,14 65,23 63,35 54,43 43,47 56,49 67,58 68,71 59,82 45,86 30,80",
    "4": "45,13 40,30 33,45 27,57 44,57 60,55 76,53; 62,30 60,50 57,70 56,89",
    "5": "37,16 35,30 32,45 44,40 57,42 67,52 67,67 59,79 46,85 30,80; 37,16 52,15 70,13",
    "6": "62,12 49,24 38,41 32,59 35,75 46,85 58,83 66,73 65,61 56,53 45,56 36,66",
    "7": "28,19 42,19 57,17 71,15 64,31 56,48 49,66 44,87",
    "8": "64,24 56,14 44,15 38,26 43,37 54,46 64,57 66,71 58,83 45,85 36,76 37,63 46,52 57,42 65,32 64,22",
    "9": "66,27 57,15 44,17 35,29 36,42 46,49 57,43 65,30 66,26 65,45 61,66 56,88",
    "A": "50,12 43,35 35,62 26,88; 50,12 58,36 66,62 75,87; 34,62 50,60 67,61",
}

EXAMPLES: dict[str, list[Stroke]] = {name: parse(text) for name, text in _WRITTEN.items()}
