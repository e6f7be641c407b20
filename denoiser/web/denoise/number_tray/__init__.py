"""The number in an uploaded picture, for the tray in which its digits are offered."""

from ....image_decoder import UPLOADS
from ....ink import BlankInk
from ....ink.image_files import pixels_of
from ....reading import Mark, NoDigits, ReadDigit, Reading, read_digits
from ....reading.result import clean
from ...i18n import Text, translatable
from ...parsing import MOST_SEGMENTS
from ...wire import encode_pixels
from ..schemas import MarkReply, NumberReply

SMALLEST = 56  # pixels on the longer side of a picture that may have several digits
LIKELY = 0.5  # probability of a digit that counts
MOST_DIGITS = 60
ALTERNATIVES = 3


def find_number(content: bytes) -> NumberReply | Text | None:
    """The number in a picture file if it has several digits; else None, or a sentence where it has none at all.

    Raises UnreadablePicture where there is no usable picture.
    """
    pixels = pixels_of(content, UPLOADS, page=True)
    if max(pixels.shape) < SMALLEST:
        return None
    try:
        reading = read_digits(pixels, most_segments=MOST_SEGMENTS)
    except NoDigits:
        return translatable("denoise.numberTray.none")
    except BlankInk:
        return None
    likely = [digit for digit in reading.digits if digit.probability >= LIKELY]
    return reply_of(reading) if len(likely) > 1 and len(reading.digits) <= MOST_DIGITS else None


def reply_of(reading: Reading) -> NumberReply:
    """A reading as the tray shows it."""
    clean(reading.digits)
    height, width = reading.paper.shape[:2]
    return NumberReply(
        reading.text,
        round(reading.probability, 4),
        [(other.text, round(other.probability, 4)) for other in reading.alternatives[:ALTERNATIVES]],
        (width, height),
        [[_mark(mark, width, height) for mark in row.marks] for row in reading.rows],
    )


def _mark(mark: Mark, width: int, height: int) -> MarkReply:
    box = mark.box
    shares = box.left / width, box.top / height, (box.right - box.left) / width, (box.bottom - box.top) / height
    reply = mark.name, round(mark.probability, 4), [round(share, 4) for share in shares]
    if not isinstance(mark, ReadDigit):
        return MarkReply(*reply)
    return MarkReply(*reply, encode_pixels(mark.framed), encode_pixels(mark.cleaned))
