"""What all errors of this package have in common: a sentence for people."""


class DenoiserError(Exception):
    """An error whose message can be shown as it stands."""
