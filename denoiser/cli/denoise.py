"""denoiser denoise"""

import argparse
import sys
import time
from statistics import fmean

from tqdm import tqdm

from ..batch import FileDenoiser, Job, Outcome, Request, find_jobs
from ..files import make_folder, remove_leftovers
from ..images import is_stack
from .machine import pick_device
from .messages import one_line, warn


def run(options: argparse.Namespace) -> int:
    """Denoise files and say what came of it; 1 if some of several files failed, 2 if the only one did."""
    names = ("model", "noise", "factor", "seed", "fit", "precision")
    request = Request(device=pick_device(options.device), **{name: getattr(options, name) for name in names})
    jobs, single = find_jobs(options.input, options.output)
    if not jobs:
        warn(f"there is no file to denoise in {options.input}")
        return 1
    if not single:
        make_folder(options.output)
        remove_leftovers(options.output)
    start = time.perf_counter()
    outcome = _denoised(request, jobs, single)
    if single:
        for failure in outcome.failures:
            warn(failure)
        if not outcome.files:
            return 2
    seconds = "" if single and outcome.pictures == 1 else f", {time.perf_counter() - start:.1f} s"
    print(f"{jobs[0].target if single else options.output}: {_summary(outcome, jobs, single)}{seconds}")
    return 1 if outcome.failures else 0


def _denoised(request: Request, jobs: list[Job], single: bool) -> Outcome:
    """Denoise under a progress bar, which a single file shows only if it takes more than a second."""
    layout = "{l_bar}{bar}| {elapsed}<{remaining}"
    with tqdm(total=len(jobs), bar_format=layout, delay=1 if single else 0) as bar:

        def warn_above_bar(line: str) -> None:
            bar.write(f"denoiser: {one_line(line)}", file=sys.stderr)

        return FileDenoiser(
            request,
            progress=lambda share: bar.update(share) if not single or share < 1 else None,  # one step needs no bar
            on_failure=warn_above_bar if not single else lambda line: None,
            on_warning=warn_above_bar if not single else warn,  # above a hidden bar it leaves empty lines
        ).run(jobs)


def _summary(outcome: Outcome, jobs: list[Job], single: bool) -> str:
    """How many pictures, by which models, and what was gained where noise was added."""
    what = f"{outcome.files:,} of {len(jobs):,} files"
    if single:
        count = f"{outcome.pictures:,} pictures of " if is_stack(jobs[0].source) else ""
        what = f"{count}{outcome.size[1]} x {outcome.size[0]}"
    by = f" by {', '.join(outcome.models)}" if outcome.models else ""
    gain = f", PSNR {fmean(outcome.before):.2f} -> {fmean(outcome.after):.2f} dB" if outcome.before else ""
    return f"{what}{by}{gain}"
