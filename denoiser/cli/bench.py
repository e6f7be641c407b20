"""denoiser bench"""

import argparse

from ..bench import main


def run(options: argparse.Namespace) -> int:
    """Run a benchmark, print its figures and write them to --json."""
    given = {name: getattr(options, name) for name in ("visitors", "seconds", "soak", "address")}
    main(options.what, options.json, **given)
    return 0
