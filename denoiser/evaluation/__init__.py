"""Figures of every model over a test set: measured, stored, reported, and as tables for the documentation.

Knows nothing of pages.
"""

from .charts import noise_kinds, quality_curves
from .gallery import galleries
from .measure import (
    FACTORS,
    FIGURES,
    PERIODS,
    SAMPLE,
    SPECTRUM_DIGITS,
    evaluate,
    measure_quality,
    milliseconds,
    noisy_batches,
)
from .page import format_page, plotly_script, reference_noise
from .report import format_report
from .stored import join_stored
from .subjects import ORACLE, EvaluationError, Subject, default_models, external_subjects, get_subject

POSTERIOR = "posterior"  # the key of the samplers' figures in the file of results

__all__ = [
    "FACTORS",
    "FIGURES",
    "ORACLE",
    "PERIODS",
    "POSTERIOR",
    "SAMPLE",
    "SPECTRUM_DIGITS",
    "EvaluationError",
    "Subject",
    "default_models",
    "evaluate",
    "external_subjects",
    "format_page",
    "format_report",
    "galleries",
    "get_subject",
    "join_stored",
    "measure_quality",
    "milliseconds",
    "noise_kinds",
    "noisy_batches",
    "plotly_script",
    "quality_curves",
    "reference_noise",
]
