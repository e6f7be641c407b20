"""denoiser noisy"""

import argparse

from ..evaluation import noisy_batches
from ..external import write_noisy
from .evaluate import noises
from .pictures import load_pictures


def run(options: argparse.Namespace) -> int:
    """Write a stack of noisy digits for each noise kind and factor, and say how to measure what becomes of them."""
    kinds, factors = noises(options)
    digits = load_pictures(options, "test", "cpu")[1][: options.limit]
    for kind in kinds:
        for factor in factors:
            path = write_noisy(options.out, kind, factor, noisy_batches(digits, kind, factor), len(digits))
            print(f"{path}: {len(digits):,} pictures")
    print(
        "Write your model's outputs under the same names to another folder, and `denoiser evaluate FOLDER` measures it."
    )
    return 0
