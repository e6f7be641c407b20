"""denoiser read"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from ..reading import Reading, parse_range
from ..reading.files import NumbersFile, find_files, read_files
from .interrupts import Stopped
from .messages import one_line


def run(options: argparse.Namespace) -> int:
    """Read the numbers in photos, print them or append them to a CSV; says which files failed."""
    files = find_files(options.input)
    table = NumbersFile(options.csv) if options.csv else None
    single = len(files) == 1

    def show(file: Path, reading: Reading) -> None:
        if table is None:
            for row in reading.rows:
                name = "" if single else f"{file}: "
                print(one_line(f"{name}{row.text(reading.threshold)} ({row.probability:.1%})"))

    with tqdm(total=len(files), unit="file", disable=single or (table is None and sys.stdout.isatty())) as bar:
        try:
            outcome = read_files(
                files,
                table,
                options.cleaned,
                on_reading=show,
                on_failure=lambda line: bar.write(f"denoiser: {one_line(line)}", file=sys.stderr),
                progress=bar.update,
                length=options.length,
                threshold=options.threshold,
                luhn=options.luhn,
                range=parse_range(options.range) if options.range else None,
                not_below=options.not_below,
            )
        except KeyboardInterrupt:
            again = f"the same command goes on after the files in {options.csv}" if options.csv else "nothing is lost"
            raise Stopped(f"stopped; {again}") from None
    if table is not None:
        before = f", {outcome.skipped:,} had been before" if outcome.skipped else ""
        print(f"{options.csv}: {outcome.read:,} of {len(files):,} files read{before}")
    if outcome.failures:
        return 2 if single else 1
    return 0
