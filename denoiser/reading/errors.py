"""Why nothing is read in a picture."""

from ..ink import InkError

NO_DIGITS = "There is no row of digits to be seen in that picture."
TOO_MUCH = "There is too much in that picture to look for digits. Crop it to the number."


class NoDigits(InkError):
    """There is no row of digits, or none that the rules allow."""
