"""Denoising files and pictures of any size."""

from .file_denoiser import BatchError, FileDenoiser, Job, Outcome, Request, find_jobs

__all__ = ["BatchError", "FileDenoiser", "Job", "Outcome", "Request", "find_jobs"]
