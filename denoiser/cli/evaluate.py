"""denoiser evaluate"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from .. import settings
from ..data import Digits, split_validation
from ..errors import DenoiserError
from ..evaluation import (
    FACTORS,
    POSTERIOR,
    Subject,
    evaluate,
    external_subjects,
    format_page,
    format_report,
    galleries,
    get_subject,
    join_stored,
    plotly_script,
    posterior,
    reference_noise,
)
from ..files import write_atomically
from ..noise import NOISES
from ..posterior import BASELINE, SAMPLER
from ..runtime.versions import versions
from ..sweeps import NOISY
from .interrupts import Stopped
from .machine import pick_device
from .messages import warn
from .pictures import flags, load_pictures


def run(options: argparse.Namespace) -> int:
    """Measure models, print tables and write the figures to --json."""
    device = pick_device(options.device)
    kinds, factors = noises(options)
    if not options.timeout > 0:
        raise DenoiserError(f"--timeout is {options.timeout:g}, not above 0")
    if options.posterior:
        if options.external or options.callable:
            raise DenoiserError("--posterior is for samplers of this package")
        return _posterior(options, device, kinds)
    data, digits = load_pictures(options, "test", device)
    digits = digits[: options.limit]
    if options.report:
        plotly_script()  # raises before anything is measured
    start, cache = time.perf_counter(), settings.current.runs / "evaluation"
    external, failures = external_subjects(options.external, options.callable, len(digits), options.timeout)
    names = [] if options.models is None and (external or failures) else options.models
    try:
        report = evaluate(digits, names, kinds, factors, data=data, external=external, cache_folder=cache)
    except KeyboardInterrupt:
        raise Stopped("stopped; what is measured is kept, and the same command goes on from there") from None
    failures |= report.get("failures", {})
    if names == [] and data == "mnist" and options.limit is None:
        report = join_stored(report, settings.current.checkpoints / "evaluation.json")
    print(format_report(report))
    if options.report:
        write_atomically(options.report, _page(report, external, digits, options.json))
        print(f"\n{options.report}: the report as a page")
    for name, why in failures.items():
        warn(f"{name} is left out: {why}")
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
        kept = {POSTERIOR: old[POSTERIOR]} if POSTERIOR in (old := _results(options.json)) else {}
        write_atomically(options.json, json.dumps(about | report | kept, indent=1) + "\n")
    return 1 if failures else 0


def _page(report: dict, external: Sequence[Subject], digits: Digits, results: Path | None) -> str:
    """The report as a page, with galleries of all its models, and the samplers' figures that `results` holds."""
    theirs = {subject.name: subject for subject in external}
    names = [name for name in report["models"] if name != NOISY]
    device = digits.images.device
    subjects = [theirs[name] if name in theirs else get_subject(name, device) for name in names]
    samplers = _results(results).get(POSTERIOR, {}).get("originals", []) if results else []
    return format_page(
        report,
        {subject.name: subject.record for subject in subjects},
        galleries(subjects, digits, *reference_noise(report)),
        samplers,
    )


def noises(options: argparse.Namespace) -> tuple[list[str], tuple[float, ...]]:
    """The noise kinds and factors that --noise and --factors ask for; DenoiserError for bad ones, or a bad --limit."""
    if options.limit is not None and options.limit < 1:
        raise DenoiserError(f"--limit is {options.limit}, not 1 or more")
    kinds = list(NOISES) if "all" in options.noise else list(dict.fromkeys(options.noise))
    if unknown := [kind for kind in kinds if kind not in NOISES]:
        raise DenoiserError(f"unknown noise kind {unknown[0]!r}; there are {', '.join(NOISES)}")
    factors = tuple(dict.fromkeys(options.factors or FACTORS))
    if wrong := [factor for factor in factors if not 0 <= factor <= 1]:
        raise DenoiserError(f"noise factor {wrong[0]:g} is not within 0 to 1")
    return kinds, factors


def _posterior(options: argparse.Namespace, device: str, kinds: list[str]) -> int:
    """Measure how well samplers know what a noisy digit may have been, and how digit-like their dreams are."""
    _, everything = load_pictures(options, "train", device)
    training, held_out = split_validation(everything)
    digits = (held_out if options.validation else load_pictures(options, "test", device)[1])[: options.limit]
    if not digits.labelled:
        raise DenoiserError("votes are compared with labels, and the pictures of a folder have none")
    names = options.models or [SAMPLER, BASELINE]
    factors = tuple(dict.fromkeys(options.factors or posterior.FACTORS))
    about = {
        "command": _command(options),
        "versions": versions(),
        "device": torch.cuda.get_device_name(device) if device == "cuda" else "cpu",
    }
    found: dict[str, list[dict]] = {"originals": [], "dreams": []}
    with tqdm(unit="digit") as bar:
        for key, row in posterior.evaluate_samplers(
            names, digits, kinds, factors, options.originals, training, options.dreams, bar.update
        ):
            found[key].append(row)
            if options.json:  # at once: all of them take hours
                results = _results(options.json)
                results[POSTERIOR] = posterior.merge(results.get(POSTERIOR, {}), key, row | about)
                write_atomically(options.json, json.dumps(results, indent=1) + "\n")
    if found["originals"]:
        print(posterior.format_originals(found["originals"]))
    if found["dreams"]:
        print(posterior.format_dreams(found["dreams"]))
    return 0


def _results(path: Path) -> dict:
    """What an earlier evaluation wrote to `path`, empty where there is no such file; DenoiserError for another file.

    Figures of denoisers and, under POSTERIOR, of samplers are measured by separate commands and kept in one file.
    """
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DenoiserError(f"{path} cannot be read as earlier results: {error}") from error
    if not isinstance(found, dict):
        raise DenoiserError(f"{path} has no results of an evaluation, and is not overwritten")
    return found


def _command(options: argparse.Namespace) -> str:
    """The command line that asks for the same evaluation."""
    words = [f"python -m denoiser evaluate{flags(options)}", *map(str, options.external)]
    for name in ("callable", "noise", "factors", "models"):
        if values := getattr(options, name):
            words += [f"--{name}", *map(str, values)]
    if options.posterior:
        words += ["--posterior", f"--originals {options.originals}", f"--dreams {options.dreams}"]
        words += ["--validation"] if options.validation else []
    words += [f"--{name} {getattr(options, name)}" for name in ("limit", "json") if getattr(options, name)]
    return " ".join(words)
