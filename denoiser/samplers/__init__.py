"""Samplers: clean digits that a noisy picture may come from, completed from a part, or out of nothing."""

from .ancestral import AncestralSampler
from .contract import IMAGE, STEPS, Sampler, Trajectory, draw_fields
from .flow import FlowSampler, erase

__all__ = ["IMAGE", "STEPS", "AncestralSampler", "FlowSampler", "Sampler", "Trajectory", "draw_fields", "erase"]
