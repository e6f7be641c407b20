"""Example drawings of our own: the ten digits and a letter, as strokes in units of the pad's side, y downwards.

A stroke has few points: `digit_from_strokes` draws a smooth curve through them and treats a sharp turn as a corner.
"""

Stroke = list[tuple[float, float]]


def parse(text: str, side: float = 100) -> list[Stroke]:
    """Strokes from "x,y x,y ...; x,y ..." in units of a sheet whose side is `side`."""

    def point(pair: str) -> tuple[float, float]:
        x, y = pair.split(",")
        return float(x) / side, float(y) / side

    return [[point(pair) for pair in stroke.split()] for stroke in text.split(";")]


_WRITTEN = {
    "0": "60,13 48,14 36,27 29,47 28,66 34,81 46,86 58,80 68,64 72,45 70,27 61,15 52,12",
    "1": "43,29 52,22 61,11 57,36 52,62 48,88",
    "2": "32,31 38,19 50,12 63,15 68,27 63,42 51,57 37,71 25,83 38,79 52,82 64,86 77,80",
    "3": "33,22 43,13 57,12 67,20 66,32 56,42 44,47 58,48 69,56 70,69 61,81 46,87 29,82",
    "4": "44,13 40,29 33,45 26,58 42,58 59,55 77,52; 66,32 62,50 58,69 55,90",
    "5": "41,17 38,31 34,46 46,41 60,42 69,51 69,65 61,78 47,86 30,82; 40,16 55,15 74,11",
    "6": "65,11 53,21 42,36 34,53 32,70 39,83 52,86 63,78 67,66 61,56 50,56 40,64 34,75",
    "7": "28,21 41,18 57,17 74,13 66,30 57,47 50,66 45,88; 40,53 53,50 67,49",
    "8": "67,22 60,13 48,13 40,23 43,34 53,43 62,54 64,68 56,82 43,86 33,78 34,65 44,54 56,43 66,32 68,20",
    "9": "68,24 60,14 48,15 38,25 36,38 44,46 55,42 64,32 69,20 66,42 61,64 53,89",
    "A": "53,12 45,35 36,61 25,88; 53,12 60,36 67,62 74,88; 35,63 50,60 69,61",
}

EXAMPLES: dict[str, list[Stroke]] = {name: parse(text) for name, text in _WRITTEN.items()}
