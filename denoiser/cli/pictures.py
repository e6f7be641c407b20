"""The pictures that --dataset, --data and --resize ask for."""

import argparse
import shlex

from .. import data
from ..data import Digits
from ..errors import DenoiserError


def load_pictures(options: argparse.Namespace, split: str, device: str) -> tuple[str, Digits]:
    """The pictures to train on or to measure, and what a recipe's `data` calls them."""
    if options.data:
        return data.load_folder(options.data, device, options.resize)
    if options.resize:
        raise DenoiserError("--resize is for the pictures of --data")
    if options.dataset not in data.DATASETS:
        raise DenoiserError(f"there is no data set {options.dataset!r}; there are {', '.join(data.DATASETS)}")
    return options.dataset, data.load_dataset(options.dataset, split, device)


def flags(options: argparse.Namespace) -> str:
    """The options of a command line that decide what a training or evaluation gives, each after a space."""
    words = ["--dataset", options.dataset] if options.dataset != "mnist" else []
    words += ["--data", str(options.data)] if options.data else []
    words += ["--resize"] if options.resize else []
    words += ["--set", *options.set] if getattr(options, "set", None) else []
    words += ["--as", options.name] if getattr(options, "name", None) else []
    return "".join(f" {shlex.quote(word)}" for word in words)
