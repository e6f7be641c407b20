"""Write the tables of README.md, docs/results.md and docs/performance.md anew: python docs/figures.py

The results are checkpoints/evaluation.json, and docs/ablations.json and docs/training.json, which
`python -m denoiser bench ablations --json docs/ablations.json` and the like write. A table stands between
`<!-- NAME -->` and `<!-- end -->`; what a name stands for is a function below.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from denoiser.checkpoint import list_models, load_record  # noqa: E402
from denoiser.evaluation import FACTORS, ORACLE  # noqa: E402
from denoiser.filters import FILTERS  # noqa: E402
from denoiser.noise import NOISES  # noqa: E402
from denoiser.recipes import get_recipe  # noqa: E402

FILES = (ROOT / "README.md", ROOT / "docs" / "results.md", ROOT / "docs" / "performance.md")
HIGHLIGHTS = ("unet", "conv-32", "conv-64", "dense-16", "vae-2d-best", "tv", "median")
HALF = 0.5


class Report:
    """evaluation.json, by model, noise kind and noise factor."""

    def __init__(self):
        self.whole = json.loads((ROOT / "checkpoints" / "evaluation.json").read_text(encoding="utf-8"))
        self.rows = {(row["model"], row["noise"], row["noise_factor"]): row for row in self.whole["results"]}

    def psnr(self, name: str, kind: str, factor: float) -> float:
        """Mean PSNR in dB."""
        return self.rows[name, kind, factor]["psnr"]

    def best_first(self, names: Sequence[str]) -> list[str]:
        """By PSNR under Gaussian noise of 0.5."""
        return sorted(names, key=lambda name: -self.psnr(name, "gaussian", HALF))


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def marked(values: list[list[float]], decimals: int) -> list[list[str]]:
    """Numbers as text, the best of each column in bold."""
    best = [max(round(value, decimals) for value in column) for column in zip(*values, strict=True)]

    def cell(value: float, top: float) -> str:
        text = f"{value:.{decimals}f}"
        return f"**{text}**" if round(value, decimals) == top else text

    return [[cell(value, top) for value, top in zip(row, best, strict=True)] for row in values]


def denoisers() -> list[str]:
    """The trained models that denoise."""
    return [name for name in list_models() if name not in FILTERS and get_recipe(name).task == "denoise"]


def seen_in_training(name: str) -> str:
    """The noise factor a model was trained on, in a few characters."""
    if name in FILTERS:
        return "-"
    low, high = get_recipe(name).noise_range
    return "clean" if not high else f"{low:g} to {high:g}" if low < high else f"{high:g}"


def variational() -> list[str]:
    """The trained models with a Gaussian code."""
    return [name for name in list_models() if name not in FILTERS and get_recipe(name).family == "vae"]


def gaussian(report: Report) -> str:
    """PSNR by noise factor, and what the referee reads."""
    return by_factor(report, list(dict.fromkeys([*denoisers(), *variational(), *FILTERS])))


def summary(report: Report) -> str:
    """The same of a few."""
    return by_factor(report, HIGHLIGHTS)


def by_factor(report: Report, models: Sequence[str]) -> str:
    """PSNR under Gaussian noise of these models and of doing nothing, and what the referee reads."""
    names = ["noisy", *report.best_first(models)]
    values = marked([[report.psnr(name, "gaussian", factor) for factor in FACTORS] for name in names], 2)
    rows = []
    for name, cells in zip(names, values, strict=True):
        right = [f"{report.rows[name, 'gaussian', factor]['accuracy']:.1%}" for factor in (0.5, 0.7)]
        words = "noisy, do nothing" if name == "noisy" else f"`{name}`"
        rows.append([words, "-" if name == "noisy" else seen_in_training(name), *cells, *right])
    return table(
        ["", "trained on", *(f"{f:.3g}" if f < 1 else "1.0" for f in FACTORS), "right at 0.5", "right at 0.7"], rows
    )


def pooled(report: Report, name: str, kind: str) -> float:
    """The PSNR of the mean squared error in dB: block-out leaves some digits whole, which have no PSNR of their own."""
    return -10 * math.log10(report.rows[name, kind, HALF]["mse"])


def kinds(report: Report) -> str:
    """Pooled PSNR under every kind of noise at 0.5; the filters also as told the noise."""
    names = ["noisy", *report.best_first([*denoisers(), *FILTERS, *(name + ORACLE for name in FILTERS)])]
    values = marked([[pooled(report, name, kind) for kind in NOISES] for name in names], 2)
    words = {name + ORACLE: f"`{name}`, told the noise" for name in FILTERS} | {"noisy": "noisy, do nothing"}
    rows = [[words.get(name, f"`{name}`"), *cells] for name, cells in zip(names, values, strict=True)]
    return table(["", *(noise.label for noise in NOISES.values())], rows)


def regularisers(report: Report) -> str:
    """What each way to regularise the flat code buys."""
    names = [name for name in denoisers() if get_recipe(name).network == "conv_flat"]
    rows = []
    for name in names:
        row, code = report.rows[name, "gaussian", HALF], report.whole["models"][name]["code"]
        record = load_record(name)["history"][-1]
        rows.append(
            [
                f"`{name}`",
                f"{row['psnr']:.2f}",
                f"{row['ssim']:.3f}",
                f"{row['mse']:.4f}",
                f"{row['accuracy']:.1%}",
                f"{report.psnr(name, 'gaussian', 0.7):.2f}",
                f"{code['zero']:.0%}",
                f"{code['dead']} of {code['values']}",
                f"{code['small']:.0%}",
                f"{record['train']:.4f} / {record['validation']:.4f}",
            ]
        )
    head = ["", "PSNR at 0.5", "SSIM", "MSE", "right", "PSNR at 0.7", "zeros in the code", "never used"]
    return table([*head, "weights below 0.001", "loss, train / validation"], rows)


def checkerboards(report: Report) -> str:
    """How far a checkerboard of period 2 sticks out of the spectrum, before and after training."""
    boards = {n: about["checkerboard"] for n, about in report.whole["models"].items() if "checkerboard" in about}
    stages = next(iter(boards.values()))
    rows = [[f"`{name}`", *(f"{board[stage][0]:+.1f}" for stage in stages)] for name, board in boards.items()]
    return table(["dB, period 2", *stages], rows)


def minutes(seconds: float) -> str:
    """Rounded, for people."""
    return f"{seconds / 60:.0f} min" if seconds > 90 else "1 min" if seconds > 30 else "under 1 min"


def losses(report: Report) -> str:
    """The loss after the last epoch beside what the source says."""
    rows = []
    for name in (name for name in list_models() if name not in FILTERS):
        record = load_record(name)
        last, recipe = record["history"][-1], get_recipe(name)
        if not recipe.source:
            continue
        unit = {"bce": ""}.get(recipe.loss, f" ({recipe.loss.upper()})")
        unit = " (nats)" if recipe.family == "vae" else unit
        decimals = 2 if recipe.family == "vae" else 4
        ours = " / ".join(f"{last[part]:.{decimals}f}" for part in ("train", "validation")) + unit
        rows.append([f"`{name}`", ours, recipe.headline or "no figure", minutes(record["seconds"])])
    return table(["recipe", "ours, train / validation", "its source", "training"], rows)


def planes(report: Report) -> str:
    """What the models with a Gaussian code know of the clean digits."""
    rows = []
    for name in variational():
        about = report.whole["models"][name]
        rows.append(
            [
                f"`{name}`",
                f"{about['parameters']:,}",
                f"{about['negative_elbo']:.2f}",
                f"{about['recon']:.2f} + {about['kl']:.2f}",
                f"{about['nll']:.2f}",
                f"{about['neighbour_accuracy']:.1%}",
                f"{about['coverage']:.0%}",
            ]
        )
    head = ["", "parameters", "negative ELBO", "= reconstruction + KL", "exact NLL", "10-NN", "read surely"]
    return table(head, rows)


def benchmark(name: str) -> dict:
    """What that benchmark wrote."""
    return json.loads((ROOT / "docs" / f"{name}.json").read_text(encoding="utf-8"))


def ablated(name: str, columns: Sequence[tuple[str, str, float, int]]) -> str:
    """A recipe's figures, and by how much each changed choice moves them; (key, heading, scale, decimals) of each."""
    found = benchmark("ablations")
    rows, base = [], None
    for words, row in found["recipes"][name].items():
        values = [row[key] * scale for key, _, scale, _ in columns]
        sign, change = ("", values) if base is None else ("+", [v - b for v, b in zip(values, base, strict=True)])
        cells = [f"{v:{sign}.{decimals}f}" for v, (*_, decimals) in zip(change, columns, strict=True)]
        base = base or values
        rows.append([words, f"{row['parameters']:,}", *cells])
    return table([f"{found['epochs'][name]} epochs", "parameters", *(heading for _, heading, *_ in columns)], rows)


def ablated_unet(report: Report) -> str:
    """What each choice in the U-Net's recipe is worth to a small one."""
    return ablated("unet", [(str(factor), f"PSNR at {factor}, dB", 1, 2) for factor in (0.25, 0.5, 0.7, 1.0)])


def ablated_plane(report: Report) -> str:
    """What each choice in the better plane's recipe is worth."""
    columns = [("negative_elbo", "negative ELBO", 1, 2), ("recon", "reconstruction", 1, 2), ("kl", "KL", 1, 2)]
    return ablated("vae-2d-best", [*columns, ("neighbour_accuracy", "10-NN, %", 100, 1)])


def training(report: Report) -> str:
    """Digits a second by every way to train, and the ratio to the tutorials' way."""
    recipes = benchmark("training")["recipes"]
    ways = list(dict.fromkeys(words for rows in recipes.values() for words in rows))

    def cells(row: dict | None) -> list[str]:
        return [f"{row['digits_per_second']:,}", f"{row['ratio']:.2f}"] if row else ["-", "-"]

    rows = [[words, *(cell for rows in recipes.values() for cell in cells(rows.get(words)))] for words in ways]
    return table(["", *(cell for name in recipes for cell in (f"`{name}`, digits / s", "ratio"))], rows)


TABLES: dict[str, Callable[[Report], str]] = {
    f.__name__: f
    for f in (
        summary,
        planes,
        training,
        gaussian,
        kinds,
        ablated_unet,
        ablated_plane,
        regularisers,
        checkerboards,
        losses,
    )
}


def rendered(text: str, report: Report) -> str:
    """`text` with each of its tables as it is now."""
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = pattern.sub(lambda found, make=make: f"{found[1]}\n{make(report)}\n\n{found[2]}", text)
    return text


if __name__ == "__main__":
    for file in FILES:
        file.write_text(rendered(file.read_text(encoding="utf-8"), Report()), encoding="utf-8")
