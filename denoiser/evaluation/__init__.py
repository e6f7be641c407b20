"""Figures of every model over a test set: measured, stored, reported, and as tables for the documentation.

Knows nothing of pages.
"""

from .measure import (
    FACTORS,
    PERIODS,
    SAMPLE,
    SPECTRUM_DIGITS,
    evaluate,
    measure_quality,
    milliseconds,
    noisy_batches,
)
from .report import format_report
from .subjects import ORACLE, EvaluationError, default_models, get_subject

POSTERIOR = "posterior"  # the key of the samplers' figures in the file of results

__all__ = [
    "FACTORS",
    "ORACLE",
    "PERIODS",
    "POSTERIOR",
    "SAMPLE",
    "SPECTRUM_DIGITS",
    "EvaluationError",
    "default_models",
    "evaluate",
    "format_report",
    "get_subject",
    "measure_quality",
    "milliseconds",
    "noisy_batches",
]
