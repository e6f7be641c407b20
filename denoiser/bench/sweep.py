"""bench sweep: the processor time of a sweep, what each way of shortening it saves, and what is left, by stage.

In one thread of this process. All alternatives take turns, and of each the shortest time counts: other work on the
machine lengthens it least.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn
from tqdm import tqdm

from ..checkpoint import load_checkpoint, load_model
from ..data.examples import EXAMPLES
from ..ink import digit_from_strokes
from ..metrics import CARD_METRICS, METRICS
from ..models.inference import prepare
from ..referee import FAST_REFEREE, REFEREE
from ..runtime.malloc import DEFAULT_LIMIT, keep_freed_memory
from ..sweeps import SweepRequest, noisy_pictures, sweep_all
from .serving import board

ROUNDS = 20
GOAL = 45  # ms of the sweep, at most
AS_TRAINED, AS_SERVED = "as trained, the first referee", "as served"
WAYS: dict[str, tuple[str, str]] = {  # the precision that networks are prepared for, empty for as they are; the referee
    AS_TRAINED: ("", REFEREE),
    "the fast referee": ("", FAST_REFEREE),
    "batch normalisation folded": ("float32", REFEREE),
    "bfloat16, and folded": ("bfloat16", REFEREE),
    "the fast referee, folded, float32": ("float32", FAST_REFEREE),
    AS_SERVED: ("bfloat16", FAST_REFEREE),
}


@torch.inference_mode()
def measure(rounds: int = ROUNDS) -> dict:
    """Milliseconds of the cards and of the sweep in each way, and of the sweep as served by stage.

    `as served` is what a processor that is fast in bfloat16 computes; `the fast referee, folded, float32` any other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_freed_memory(DEFAULT_LIMIT)  # as the page does
    names, _ = board()
    models = {name: load_model(name)[0].to(memory_format=torch.channels_last) for name in names}
    referees = {
        name: load_checkpoint(name)[0].to(memory_format=torch.channels_last) for name in (REFEREE, FAST_REFEREE)
    }
    x = digit_from_strokes(EXAMPLES["7"])
    requests = {"cards": SweepRequest(x, "gaussian", 1, (0.5,)), "sweep": SweepRequest(x, "gaussian", 1)}
    calls: dict[tuple[str, str], Callable[[], object]] = {}
    for way, (precision, referee) in WAYS.items():
        networks = {name: prepare(model, precision) if precision else model for name, model in models.items()}
        reader = prepare(referees[referee], precision) if precision else referees[referee]
        calls |= {(way, what): partial(sweep_all, [request], networks, reader) for what, request in requests.items()}
        if way == AS_SERVED:
            calls |= {("stages", name): call for name, call in stages(requests["sweep"], networks, reader).items()}
    times = {key: float("inf") for key in calls}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for key, call in calls.items():
            start = time.thread_time()
            call()
            if number:  # the first round chooses kernels
                times[key] = min(times[key], 1000 * (time.thread_time() - start))
    torch.set_num_threads(threads)
    figures: dict[str, dict[str, float]] = {}
    for (way, what), value in times.items():
        figures.setdefault(way, {})[what] = round(value, 1)
    by_stage = figures.pop("stages")
    return {"models": names, "rounds": rounds, "goal": GOAL, "ways": figures, "stages": by_stage}


def stages(
    request: SweepRequest, models: Mapping[str, nn.Module], reader: nn.Module
) -> dict[str, Callable[[], object]]:
    """What a sweep does, one function for each model, for reading all pictures and for the figures."""
    noisy = noisy_pictures(request)
    pictures = torch.cat([noisy, *(model(noisy).clamp(0, 1) for model in models.values())])
    target = request.x.expand(len(pictures), -1, -1, -1)
    return {
        **{name: partial(model, noisy) for name, model in models.items()},
        "reading": partial(reader, pictures),
        "PSNR and SSIM": lambda: [METRICS[key].function(pictures, target) for key in CARD_METRICS],
    }


def show(figures: dict) -> None:
    """Print the figures of `measure`: milliseconds, the ratio to networks as they were trained, and the stages."""
    usual = figures["ways"][AS_TRAINED]["sweep"]
    print(f"processor time in one thread, ms, the shortest of {figures['rounds']}: {', '.join(figures['models'])}")
    print(f"{'':36}{'cards':>8}{'sweep':>8}{'ratio':>8}")
    for way, row in figures["ways"].items():
        print(f"{way:36}{row['cards']:8.1f}{row['sweep']:8.1f}{row['sweep'] / usual:8.2f}")
    print(f"{'goal, at most':36}{'':8}{figures['goal']:8}")
    print("of the sweep as served: " + ", ".join(f"{stage} {value:g}" for stage, value in figures["stages"].items()))
