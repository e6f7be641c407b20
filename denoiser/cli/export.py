"""denoiser export"""

import argparse

from .. import data
from ..checkpoint import list_models
from ..data.synthetic_digits import make_synthetic_digits
from ..errors import DenoiserError
from ..export import CHECKED, ExportError, export_onnx
from ..files import make_folder
from ..filters import FILTERS
from .messages import warn


def run(options: argparse.Namespace) -> int:
    """Write trained models as ONNX files and print how each compares with PyTorch; 1 if one could not be exported."""
    if options.all == bool(options.models):
        raise DenoiserError("name the models to export, or --all; `python -m denoiser list` names them")
    names = [name for name in list_models() if name not in FILTERS] if options.all else options.models
    own = not data.has_mnist()
    digits = make_synthetic_digits(CHECKED) if own else data.load_mnist("test")[:CHECKED]
    make_folder(options.out)
    print(f"compared with PyTorch on {len(digits):,} {'digits of our own' if own else 'MNIST test digits'}")
    print(f"{'':32}{'kB':>8}{'difference':>12}{'PSNR, dB':>10}{'PyTorch':>9}{'ms':>8}{'PyTorch':>9}")
    failed = 0
    for name in dict.fromkeys(names):
        path = options.out / f"{name}{'-int8' if options.int8 else ''}.{options.format}"
        try:
            made = export_onnx(name, path, digits, options.int8)
        except ExportError as error:
            if len(names) == 1:
                raise
            warn(error)
            failed += 1
            continue
        quality = f"{made.psnr_after:>10.3f}{made.psnr_before:>9.3f}"
        times = f"{made.ms_after:>8.2f}{made.ms_before:>9.2f}"
        print(f"{path!s:<32}{made.bytes / 1000:>8,.0f}{made.difference:>12.1e}{quality}{times}")
    return 1 if failed else 0
