"""denoiser bench"""

import argparse

from ..bench import main


def run(options: argparse.Namespace) -> int:
    """Run a benchmark, print its figures and write them to --json."""
    names = ("visitors", "seconds", "soak", "originals", "address", "minutes", "out", "rehearse")
    given = {name: getattr(options, name) for name in names}
    main(options.what, options.json, **given)
    return 0
