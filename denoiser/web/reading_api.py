"""The endpoint for scripts that reads rows of digits in a photo, with its types."""

import base64
import io
from typing import TypedDict

import numpy as np
from PIL import Image

from ..image_decoder import UPLOADS
from ..reading import Mark, ReadDigit, Reading, parse_range, read_digits
from ..reading.cleaning import cleaned_page, cleaned_strip
from ..reading.result import clean
from . import parsing
from .parsing import MOST_SEGMENTS, BadRequest

MOST_CLEANED = 60  # digits whose pictures are in a reply


class ReadMark(TypedDict):
    """A digit, "." or "-" that was read, or "*" for what is none of these.

    `box` is left, top, right, bottom in pixels of the picture as it was read, whose width and height are in `size`.
    Of digits, `probabilities` are those of 0 to 9, and `framed` and `cleaned` PNGs of 28 x 28 as data URLs.
    """

    name: str
    probability: float
    box: list[float]
    probabilities: list[float] | None
    framed: str | None
    cleaned: str | None


class OtherReading(TypedDict):
    """Another reading, and its probability."""

    text: str
    probability: float


class ReadNumber(TypedDict):
    """The number in a photo; rows are separated by newlines. Pictures are PNGs as data URLs.

    `strip` has the cleaned digits side by side; `page` is the photo with its digits replaced by them, where asked for.
    """

    text: str
    probability: float
    alternatives: list[OtherReading]
    size: list[int]
    marks: list[ReadMark]
    strip: str
    page: str | None


class ReadingEndpoints:
    """What scripts may ask about rows of digits; each public method is an endpoint of its name."""

    def read(
        self,
        image: str,
        length: int = 0,
        threshold: float = 0.0,
        luhn: bool = False,
        range: str = "",
        page: bool = False,
    ) -> ReadNumber:
        """Read rows of handwritten digits in a photo of paper: a postcode, a meter, a form field.

        `length` is how many digits each row has, if known; digits less probable than `threshold` become "?". `luhn`
        says that the last digit is a check digit, `range` that the number lies in it: "0..100", "12.." or "..99". The
        photo with cleaned digits is in the reply if `page` is true.
        """
        if type(length) is not int or isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
            raise BadRequest("length is a whole number, and threshold a number within 0 and 1.")
        if not isinstance(range, str) or len(range) > 100:
            raise BadRequest('range is a text such as "0..100".')
        bounds = parse_range(range) if range else None
        if not 0 <= threshold <= 1:
            raise BadRequest("The threshold is a probability within 0 and 1.")
        reading = read_digits(
            content_of(image),
            length or None,
            threshold,
            luhn=luhn is True,
            range=bounds,
            limits=UPLOADS,
            most_segments=MOST_SEGMENTS,
        )
        return reply_of(reading, page is True)


def reply_of(reading: Reading, page: bool) -> ReadNumber:
    """What a reading looks like to a client."""
    pictured = len(reading.digits) <= MOST_CLEANED
    if pictured:
        clean(reading.digits)
    return {
        "text": reading.text,
        "probability": round(reading.probability, 4),
        "alternatives": [
            {"text": other.text, "probability": round(other.probability, 4)} for other in reading.alternatives
        ],
        "size": [reading.paper.shape[1], reading.paper.shape[0]],
        "marks": [_mark(mark, pictured) for mark in reading.marks],
        "strip": png_url((cleaned_strip(reading)[0, 0].numpy() * 255).round().astype(np.uint8)) if pictured else "",
        "page": png_url(cleaned_page(reading)) if page else None,
    }


def _mark(mark: Mark, pictured: bool) -> ReadMark:
    box = mark.box
    reply: ReadMark = {
        "name": mark.name,
        "probability": round(mark.probability, 4),
        "box": [round(edge, 1) for edge in (box.left, box.top, box.right, box.bottom)],
        "probabilities": None,
        "framed": None,
        "cleaned": None,
    }
    if isinstance(mark, ReadDigit):
        reply["probabilities"] = [round(value, 4) for value in mark.probabilities.tolist()]
        if pictured:
            reply["framed"], reply["cleaned"] = (
                png_url(picture[0, 0].mul(255).round().byte().numpy()) for picture in (mark.framed, mark.cleaned)
            )
    return reply


def content_of(text: object) -> bytes:
    """The picture file in a data URL or in base64; BadRequest where there is none."""
    if not isinstance(text, str) or len(text) > parsing.MOST_BASE64:
        raise BadRequest("A picture is a string: a data URL or base64 of a PNG or JPEG file, of at most 24 MB.")
    try:
        return bytes(parsing.decoded(text.partition("base64,")[2] or text))
    except BadRequest as error:
        raise BadRequest("That picture is no base64.") from error


def png_url(pixels: np.ndarray) -> str:
    """uint8 pixels (h, w) or (h, w, 3) as a PNG in a data URL."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
