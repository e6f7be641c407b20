"""bench pages: what is lost on a page of many digits, against the same digits denoised alone.

Pages are composed, with seeds, of MNIST's test digits; finding digits on a page was tuned on training digits.
"""

import time
from itertools import product
from statistics import mean

import torch
from torch import Tensor
from tqdm import tqdm

from ..batch.pages import restore_page
from ..batch.tiles import restore
from ..checkpoint import load_model
from ..data import SIDE, Digits, load_mnist
from ..metrics import psnr
from ..noise import add_noise, draw_noise

MODEL = "unet"
KINDS = ("gaussian", "salt-and-pepper")
FACTORS = (0.3, 0.5, 0.7)
PAGES = 3
ACROSS = 8  # digits in a row, and rows
LAYOUTS = {"edge to edge": (SIDE, 0), "scattered": (40, 6)}  # pixels from digit to digit, and how far each may be off
GOAL = 0.3  # dB


def compose_page(digits: Digits, pitch: int, jitter: int, seed: int) -> tuple[Tensor, list[tuple[slice, slice]]]:
    """A clean page (1, 1, H, W) of ACROSS rows of as many random digits, and the frame of each of them."""
    generator = torch.Generator().manual_seed(seed)
    chosen = digits[torch.randperm(len(digits), generator=generator)[: ACROSS**2]].floats()[:, 0]
    side = ACROSS * pitch + 2 * jitter
    page, frames = torch.zeros(1, 1, side, side), []
    for number, digit in enumerate(chosen):
        off = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
        top, left = (jitter + place * pitch + shift for place, shift in zip(divmod(number, ACROSS), off, strict=True))
        frame = slice(top, top + SIDE), slice(left, left + SIDE)
        page[0, 0][frame] = torch.maximum(page[0, 0][frame], digit)
        frames.append(frame)
    return page, frames


def measure(digits: Digits | None = None, pages: int = PAGES) -> dict:
    """PSNR of whole pages, by layout with kind of noise, and by noise factor, denoised in three ways.

    `page` finds the digits. `alone` is told where they are, denoises each frame by itself and leaves the paper between
    them blank: what single digits come to, in the same pixels. `whole` runs the network over the whole page. `digits`
    is the mean PSNR of the single digits, which weighs each of them alike: it is above that of their mean error. `ms`
    is the processor time of `page`, in milliseconds per digit, and `time` its ratio to that of single digits.
    """
    digits = digits or load_mnist("test")
    model = load_model(MODEL)[0]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (layout, (pitch, jitter)), kind in product(LAYOUTS.items(), KINDS):
        name = f"{layout}, {kind}"
        found[name] = {}
        for factor in FACTORS:
            decibels: dict[str, list[float]] = {way: [] for way in ("page", "alone", "whole", "digits")}
            seconds, seconds_alone, count = 0.0, 0.0, 0
            for seed in tqdm(range(pages), desc=f"{name}, {factor:g}", unit="page"):
                page, frames = compose_page(digits, pitch, jitter, seed)
                noisy = add_noise(page, draw_noise(kind, page.shape, 1000 + seed), factor)
                given = torch.cat([noisy[..., rows, columns] for rows, columns in frames])
                restore(model, given)  # the first time takes longer
                started = time.process_time()
                single = restore(model, given)
                seconds_alone += time.process_time() - started
                started = time.process_time()
                restored = restore_page(model, noisy)
                seconds += time.process_time() - started
                count += len(frames)
                alone = torch.zeros_like(page)
                for frame, digit in zip(frames, single[:, 0], strict=True):
                    alone[0, 0][frame] = torch.maximum(alone[0, 0][frame], digit)
                truth = torch.cat([page[..., rows, columns] for rows, columns in frames])
                decibels["digits"] += psnr(single, truth).tolist()
                decibels["page"] += psnr(restored, page).tolist()
                decibels["alone"] += psnr(alone, page).tolist()
                decibels["whole"] += psnr(restore(model, noisy), page).tolist()
            found[name][str(factor)] = {
                **{way: round(mean(values), 2) for way, values in decibels.items()},
                "time": round(seconds / seconds_alone, 1),
                "ms": round(1000 * seconds / count, 1),
            }
    return {"model": MODEL, "pages": pages, "digits": ACROSS**2, "goal": GOAL, "layouts": found}


def show(figures: dict) -> None:
    """Print a line for each layout and noise factor."""
    print(f"{figures['model']}, {figures['pages']} pages of {figures['digits']} digits; PSNR in dB")
    print(f"{'':36}{'page':>8}{'alone':>8}{'lost':>8}{'whole':>8}{'mean of digits':>16}{'time':>7}{'ms a digit':>12}")
    for name, factors in figures["layouts"].items():
        for factor, row in factors.items():
            lost = row["alone"] - row["page"]
            line = f"{f'{name} {factor}':36}{row['page']:>8.2f}{row['alone']:>8.2f}{lost:>8.2f}"
            print(f"{line}{row['whole']:>8.2f}{row['digits']:>16.2f}{row['time']:>7.1f}{row['ms']:>12.1f}")
    print(f"goal: at most {figures['goal']} dB lost")
