"""denoiser originals"""

import argparse
import json

import torch

from ..checkpoint import load_checkpoint
from ..data import SIDE
from ..errors import DenoiserError
from ..files import write_atomically
from ..images import picture_format, read_picture, write_picture
from ..ink import digit_from_image
from ..noise import NOISES, add_noise, draw_noise
from ..posterior import BASELINE, SAMPLER, find_sampler, pool, possible_originals, read_probabilities, votes
from ..referee import REFEREE
from .machine import pick_device

MOST = 1_000
COLUMNS = 6  # of the sheet


def run(options: argparse.Namespace) -> int:
    """Draw clean digits that a noisy one may come from, write them as one sheet and print what they read as."""
    device = pick_device(options.device)
    if not 1 <= options.count <= MOST:
        raise DenoiserError(f"--count is {options.count}, not within 1 to {MOST}")
    if not 0 <= options.factor <= 1:
        raise DenoiserError(f"--factor is {options.factor:g}, not within 0 to 1")
    if options.noise and options.noise not in NOISES:
        raise DenoiserError(f"unknown noise kind {options.noise!r}; there are {', '.join(NOISES)}")
    picture_format(options.output)  # raises before the work is done
    x = digit_from_image(options.input) if options.fit else read_picture(options.input)
    if x.shape[2:] != (SIDE, SIDE):
        height, width = x.shape[2:]
        raise DenoiserError(f"originals are of 28 x 28 pixels, {options.input} has {width} x {height}: use --fit")
    noisy = x.to(device)
    if options.noise:
        noisy = add_noise(noisy, draw_noise(options.noise, x.shape, options.seed, device), options.factor)
    name = options.model or find_sampler(device)[0]
    if name == BASELINE and options.noise not in (None, "gaussian"):
        raise DenoiserError(f"{BASELINE} is made for Gaussian noise; {SAMPLER!r} is made for all kinds")
    originals = possible_originals(noisy, options.count, options.seed, name=name)
    probabilities = read_probabilities(originals, load_checkpoint(REFEREE, device)[0])
    readings = probabilities.argmax(dim=2)
    write_picture(_sheet(originals[:, 0].cpu()), options.output)
    shares = votes(readings)[0]
    counts = {digit: round(share * options.count) for digit, share in enumerate(shares.tolist()) if share}
    ranking = sorted(counts.items(), key=lambda pair: -pair[1])
    print(f"{options.output}: {', '.join(f'{count} of {options.count} read {digit}' for digit, count in ranking)}")
    if options.json:
        figures = {
            "sampler": name,
            "count": options.count,
            "seed": options.seed,
            "readings": readings[:, 0].tolist(),
            "votes": {str(digit): count for digit, count in ranking},
            "probabilities": [round(share, 4) for share in pool(probabilities)[0].tolist()],
        }
        write_atomically(options.json, json.dumps(figures, indent=1) + "\n")
    return 0


def _sheet(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (N, 1, H, W) side by side, in rows of COLUMNS, the last filled up with black: (1, 1, ...)."""
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    filled = torch.zeros(rows * columns, *pictures.shape[1:])
    filled[: len(pictures)] = pictures
    return filled.view(rows, columns, SIDE, SIDE).permute(0, 2, 1, 3).reshape(1, 1, rows * SIDE, columns * SIDE)
