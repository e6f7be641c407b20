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
from .stored import join_stored
from .subjects import ORACLE, EvaluationError, default_models, external_subjects, get_subject

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
    "external_subjects",
    "format_report",
    "get_subject",
    "join_stored",
    "measure_quality",
    "milliseconds",
    "noisy_batches",
]
