"""denoiser evaluate"""

import argparse
import json
import time

import torch

from .. import settings
from ..errors import DenoiserError
from ..evaluation import FACTORS, evaluate, format_report
from ..files import write_atomically
from ..noise import NOISES
from .interrupts import Stopped
from .machine import pick_device, versions
from .pictures import flags, load_pictures


def run(options: argparse.Namespace) -> int:
    """Measure models, print tables and write the figures to --json."""
    device = pick_device(options.device)
    if options.limit is not None and options.limit < 1:
        raise DenoiserError(f"--limit is {options.limit}, not 1 or more")
    kinds = list(NOISES) if "all" in options.noise else list(dict.fromkeys(options.noise))
    factors = tuple(dict.fromkeys(options.factors or FACTORS))
    data, digits = load_pictures(options, "test", device)
    digits = digits[: options.limit]
    start, cache = time.perf_counter(), settings.current.runs / "evaluation"
    try:
        report = evaluate(digits, options.models, kinds, factors, data=data, cache_folder=cache)
    except KeyboardInterrupt:
        raise Stopped("stopped; what is measured is kept, and the same command goes on from there") from None
    print(format_report(report))
    if options.json:
        about = {
            "command": _command(options),
            "versions": versions(),
            "device": torch.cuda.get_device_name(device) if device == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "seconds": round(time.perf_counter() - start, 1),
            "limit": options.limit,
            "digits": len(digits),
            "noise_seeds": "each digit's place in the test set",
        }
        write_atomically(options.json, json.dumps(about | report, indent=1) + "\n")
    return 0


def _command(options: argparse.Namespace) -> str:
    """The command line that asks for the same evaluation."""
    words = [f"python -m denoiser evaluate{flags(options)}"]
    for name in ("noise", "factors", "models"):
        if values := getattr(options, name):
            words += [f"--{name}", *map(str, values)]
    words += [f"--{name} {getattr(options, name)}" for name in ("limit", "json") if getattr(options, name)]
    return " ".join(words)
