"""What can go wrong in a training."""

from ..errors import DenoiserError


class TrainingError(DenoiserError, RuntimeError):
    """Training cannot go on; the message says at which step, and what has been saved."""
