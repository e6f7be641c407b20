"""denoiser tune"""

import argparse
import json

from tqdm import tqdm

from .. import filters
from ..data import load_mnist
from ..errors import DenoiserError
from ..files import write_atomically


def run(options: argparse.Namespace) -> int:
    """Tune the classical filters and write their table."""
    count = filters.table()["digits"] if options.digits is None else options.digits
    if not 1 <= count <= 55_000:
        raise DenoiserError(f"--digits is {count}, not within 1 to 55000")
    found = filters.tune(load_mnist("train")[:count].floats(), lambda rows: tqdm(rows, unit="filter"))
    write_atomically(filters.TABLE, json.dumps(found) + "\n")
    print(f"tuned on {count} digits: {filters.TABLE}")
    return 0
