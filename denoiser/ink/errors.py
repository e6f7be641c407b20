"""What cannot become a digit, with sentences for people."""

from ..errors import DenoiserError

NOTHING_DRAWN = "Nothing is drawn yet."
NO_INK = "There is no ink to be seen in that picture."
NO_PICTURE = "That file is not a picture we can read. Try a PNG or JPEG."


class InkError(DenoiserError, ValueError):
    """Strokes or a picture that no digit can be made of."""


class BlankInk(InkError):
    """There is no ink."""


class UnreadablePicture(InkError):
    """Not a picture, damaged, or of a size we cannot use."""
