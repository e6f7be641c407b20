"""The base class of this package's errors."""


class DenoiserError(Exception):
    """An error whose message is a sentence for people and can be shown to them unchanged."""
