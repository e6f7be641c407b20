"""The tables of README.md and docs/, as Markdown, from the stored results and the records.

A table stands in a text between `<!-- NAME -->` and `<!-- end -->`; TABLES has a function for each name.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ..checkpoint import list_models, load_record
from ..filters import FILTERS
from ..noise import NOISES
from ..posterior import BASELINE
from ..recipes import RECIPES
from .measure import FACTORS
from .subjects import ORACLE

HIGHLIGHTS = ("unet", "conv-32", "conv-64", "dense-16", "vae-2d-best", "tv", "median")
OUTSIDE_BESIDE = ("unet", "conv-32", "dense-64-noisy", "tv", "noisy")  # of ours, in the table of models from elsewhere
HALF = 0.5
UNMEASURED = "Not measured yet."


class Results:
    """Stored results: what `evaluate` returned, and what the benchmarks in the folder `benchmarks` wrote."""

    def __init__(self, evaluation: Path, benchmarks: Path) -> None:
        self.evaluation = json.loads(evaluation.read_text(encoding="utf-8"))
        self.rows = {(row["model"], row["noise"], row["noise_factor"]): row for row in self.evaluation["results"]}
        self.benchmarks = benchmarks

    def figure(self, key: str, name: str, kind: str, factor: float) -> float | None:
        """The figure `key` of a model under that noise; None where it was not measured."""
        return self.rows.get((name, kind, factor), {}).get(key)

    def psnr(self, name: str, kind: str, factor: float) -> float | None:
        """Mean PSNR in dB; None where it was not measured."""
        return self.figure("psnr", name, kind, factor)

    def trained(self) -> list[str]:
        """The models of RECIPES that are trained and measured.

        Variations of a recipe, which have a name of their own, are in no table.
        """
        return [name for name in list_models() if name in RECIPES and name in self.evaluation["models"]]

    def best_first(self, names: Sequence[str]) -> list[str]:
        """`names` by PSNR under Gaussian noise of 0.5, the highest first, those without at the end."""
        found = {name: self.psnr(name, "gaussian", HALF) for name in names}
        return sorted(names, key=lambda name: -math.inf if (psnr := found[name]) is None else psnr, reverse=True)

    def benchmark(self, name: str) -> dict:
        """What `bench NAME` wrote."""
        return json.loads((self.benchmarks / f"{name}.json").read_text(encoding="utf-8"))


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None, spec: str) -> str:
    """A figure as text by its format `spec`, "-" where it was not measured."""
    return "-" if value is None else format(value, spec)


def bold_best(values: Sequence[Sequence[float | None]], decimals: int) -> list[list[str]]:
    """Numbers as text with so many `decimals`, "-" for None; the largest of each column in bold."""
    best = [
        max((round(value, decimals) for value in column if value is not None), default=None)
        for column in zip(*values, strict=True)
    ]

    def cell(value: float | None, top: float | None) -> str:
        text = number(value, f".{decimals}f")
        return f"**{text}**" if value is not None and round(value, decimals) == top else text

    return [[cell(value, top) for value, top in zip(row, best, strict=True)] for row in values]


def denoisers(results: Results) -> list[str]:
    """The trained models that denoise."""
    return [name for name in results.trained() if RECIPES[name].task == "denoise"]


def seen_in_training(name: str) -> str:
    """The noise factor a model was trained on, in a few characters."""
    if name in FILTERS:
        return "-"
    low, high = RECIPES[name].noise_range
    return "clean" if not high else f"{low:g} to {high:g}" if low < high else f"{high:g}"


def vaes(results: Results) -> list[str]:
    """The trained VAEs."""
    return [name for name in results.trained() if RECIPES[name].family == "vae"]


def gaussian(results: Results) -> str:
    """PSNR under Gaussian noise by noise factor, and how many outputs the referee reads right, for all models."""
    return by_factor(results, list(dict.fromkeys([*denoisers(results), *vaes(results), *FILTERS])))


def summary(results: Results) -> str:
    """The same for a few models."""
    return by_factor(results, HIGHLIGHTS)


def by_factor(results: Results, models: Sequence[str]) -> str:
    """PSNR under Gaussian noise of these models and of doing nothing, and what the referee reads."""
    names = ["noisy", *results.best_first(models)]
    values = bold_best([[results.psnr(name, "gaussian", factor) for factor in FACTORS] for name in names], 2)
    rows = []
    for name, cells in zip(names, values, strict=True):
        right = [number(results.figure("accuracy", name, "gaussian", factor), ".1%") for factor in (0.5, 0.7)]
        words = "noisy, do nothing" if name == "noisy" else f"`{name}`"
        rows.append([words, "-" if name == "noisy" else seen_in_training(name), *cells, *right])
    return table(
        ["", "trained on", *(f"{f:.3g}" if f < 1 else "1.0" for f in FACTORS), "right at 0.5", "right at 0.7"], rows
    )


def pooled(results: Results, name: str, kind: str) -> float | None:
    """The PSNR of the mean squared error in dB; None where it was not measured.

    Block-out leaves some digits whole, which have no PSNR of their own.
    """
    mse = results.figure("mse", name, kind, HALF)
    return None if mse is None else -10 * math.log10(mse)


def kinds(results: Results) -> str:
    """Pooled PSNR under every kind of noise at 0.5; each filter also with the true noise known to it."""
    names = ["noisy", *results.best_first([*denoisers(results), *FILTERS, *(name + ORACLE for name in FILTERS)])]
    values = bold_best([[pooled(results, name, kind) for kind in NOISES] for name in names], 2)
    words = {name + ORACLE: f"`{name}`, told the noise" for name in FILTERS} | {"noisy": "noisy, do nothing"}
    rows = [[words.get(name, f"`{name}`"), *cells] for name, cells in zip(names, values, strict=True)]
    return table(["", *(noise.label for noise in NOISES.values())], rows)


def regularisers(results: Results) -> str:
    """The effect of each regulariser on the model with a flat code."""
    names = [name for name in denoisers(results) if RECIPES[name].network == "conv_flat"]
    rows = []
    for name in names:
        row, code = results.rows[name, "gaussian", HALF], results.evaluation["models"][name]["code"]
        last = load_record(name).history[-1]
        rows.append(
            [
                f"`{name}`",
                f"{row['psnr']:.2f}",
                f"{row['ssim']:.3f}",
                f"{row['mse']:.4f}",
                f"{row['accuracy']:.1%}",
                number(results.psnr(name, "gaussian", 0.7), ".2f"),
                f"{code['zero']:.0%}",
                f"{code['dead']} of {code['values']}",
                f"{code['small']:.0%}",
                f"{last.train:.4f} / {last.validation:.4f}",
            ]
        )
    head = ["", "PSNR at 0.5", "SSIM", "MSE", "right", "PSNR at 0.7", "zeros in the code", "never used"]
    return table([*head, "weights below 0.001", "loss, train / validation"], rows)


def checkerboards(results: Results) -> str:
    """The strength of a checkerboard of period 2, before and after training."""
    models = {name: about for name, about in results.evaluation["models"].items() if name in RECIPES}
    boards = {name: about["checkerboard"] for name, about in models.items() if "checkerboard" in about}
    views = next(iter(boards.values()))
    rows = [[f"`{name}`", *(f"{board[view][0]:+.1f}" for view in views)] for name, board in boards.items()]
    return table(["dB, period 2", *views], rows)


def minutes(seconds: float) -> str:
    """Seconds as rounded minutes."""
    return f"{seconds / 60:.0f} min" if seconds > 90 else "1 min" if seconds > 30 else "under 1 min"


def losses(results: Results) -> str:
    """The loss after the last epoch beside the figure of the recipe's source."""
    rows = []
    for name in (name for name in list_models() if name in RECIPES):
        record = load_record(name)
        last, recipe = record.history[-1], RECIPES[name]
        if not recipe.source:
            continue
        unit = {"bce": ""}.get(recipe.loss, f" ({recipe.loss.upper()})")
        unit = " (nats)" if recipe.family == "vae" else unit
        decimals = 2 if recipe.family == "vae" else 4
        ours = f"{last.train:.{decimals}f} / {last.validation:.{decimals}f}{unit}"
        rows.append([f"`{name}`", ours, recipe.headline or "no figure", minutes(record.seconds or 0)])
    return table(["recipe", "ours, train / validation", "its source", "training"], rows)


def planes(results: Results) -> str:
    """The VAEs on the clean test digits: likelihood, codes and coverage."""
    rows = []
    for name in vaes(results):
        about = results.evaluation["models"][name]
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


def ablated(results: Results, name: str, columns: Sequence[tuple[str, str, float, int]]) -> str:
    """A recipe's figures, and how much each changed choice moves them.

    `columns` are (key, heading, factor to show it by, decimals) of each figure.
    """
    found = results.benchmark("ablations")
    rows, base = [], None
    for words, row in found["recipes"][name].items():
        values = [row[key] * scale for key, _, scale, _ in columns]
        sign, change = ("", values) if base is None else ("+", [v - b for v, b in zip(values, base, strict=True)])
        cells = [f"{v:{sign}.{decimals}f}" for v, (*_, decimals) in zip(change, columns, strict=True)]
        base = base or values
        rows.append([words, f"{row['parameters']:,}", *cells])
    return table([f"{found['epochs'][name]} epochs", "parameters", *(heading for _, heading, *_ in columns)], rows)


def ablated_unet(results: Results) -> str:
    """The effect of each choice in the U-Net's recipe, on a small U-Net."""
    return ablated(results, "unet", [(str(factor), f"PSNR at {factor}, dB", 1, 2) for factor in (0.25, 0.5, 0.7, 1.0)])


def ablated_plane(results: Results) -> str:
    """The effect of each choice in the recipe of `vae-2d-best`."""
    columns = [("negative_elbo", "negative ELBO", 1, 2), ("recon", "reconstruction", 1, 2), ("kl", "KL", 1, 2)]
    return ablated(results, "vae-2d-best", [*columns, ("neighbour_accuracy", "10-NN, %", 100, 1)])


def training(results: Results) -> str:
    """Digits per second with every way to train, and the ratio to the tutorials' way with its range over the turns."""
    recipes = results.benchmark("training")["recipes"]
    ways = list(dict.fromkeys(words for rows in recipes.values() for words in rows))

    def cells(row: dict | None) -> list[str]:
        if not row:
            return ["-", "-"]
        ratio = f"{row['ratio']:.2f}"
        if "lowest" in row:
            ratio += f" ({row['lowest']:.2f} to {row['highest']:.2f})"
        return [f"{row['digits_per_second']:,}", ratio]

    rows = [[words, *(cell for rows in recipes.values() for cell in cells(rows.get(words)))] for words in ways]
    return table(["", *(cell for name in recipes for cell in (f"`{name}`, digits / s", "ratio"))], rows)


def outside(results: Results) -> str:
    """Models trained with other libraries, beside some of ours: how each was handed over, and its PSNR."""
    found = results.benchmark("outside")
    rows = {(row["model"], row["noise_factor"]): row for row in found["results"] if row["noise"] == "gaussian"}
    others = [name for name, about in found["models"].items() if about.get("external")]
    names = sorted([*others, *OUTSIDE_BESIDE], key=lambda name: -rows[name, HALF]["psnr"])
    values = bold_best([[rows[name, factor]["psnr"] for factor in FACTORS] for name in names], 2)
    lines = []
    for name, cells in zip(names, values, strict=True):
        row, door = rows[name, HALF], "-" if name == "noisy" else "ours"
        if name in others:
            door = found["models"][name]["title"]
        lines.append([f"`{name}`", door, *cells, f"{row['ssim']:.3f}", f"{row['accuracy']:.1%}"])
    return table(["", "measured as", *(f"{factor:g}" for factor in FACTORS), "SSIM at 0.5", "right at 0.5"], lines)


def exported(results: Results) -> str:
    """Size and, where it was measured, time of every network in PyTorch and as ONNX files, and what these cost."""
    found = results.benchmark("export")["models"]
    timed = all("ms" in form for forms in found.values() for form in forms.values())
    rows = []
    for name, forms in found.items():
        sizes = [f"{form['bytes'] / 1000:,.0f}" for form in forms.values()]
        times = [f"{form['ms']:.2f}" for form in forms.values()] if timed else []
        errors = [f"{forms['onnx']['difference']:.0e}", f"{-forms['int8']['lost']:+.3f}"]
        rows.append([f"`{name}`", *sizes, *times, *errors])
    times = ["PyTorch, ms", "ONNX", "8-bit"] if timed else []
    head = ["", "PyTorch, kB", "ONNX", "8-bit", *times, "ONNX: largest difference", "8-bit: PSNR, dB"]
    return table(head, rows)


def samplers(results: Results) -> dict[str, list[dict]]:
    """What was measured of samplers: rows of `originals` and of `dreams`; no rows where nothing was."""
    found = results.evaluation.get("posterior", {})
    return {key: found.get(key, []) for key in ("originals", "dreams")}


def originals(results: Results) -> str:
    """How good possible originals are, by sampler, noise kind and factor."""
    rows = []
    kinds = list(NOISES)
    found = samplers(results)["originals"]
    for row in sorted(found, key=lambda r: (r["count"], r["sampler"] == BASELINE, kinds.index(r["kind"]), r["factor"])):
        gain, vote = row["gain"], row["votes"]
        likelihood = row["log_likelihood"]
        rows.append(
            [
                f"`{row['sampler']}`",
                NOISES[row["kind"]].label,
                f"{row['factor']:g}",
                f"{row['digits']:,} x {row['count']}",
                f"{row['spread_over_error']:.3f}",
                f"{row['coverage']:.3f}",
                *(f"{gain[size]:.2f}" if size in gain else "-" for size in ("1", "8", "64")),
                f"{vote['accuracy']:.1%}",
                f"{row['denoiser_accuracy']:.1%}",
                f"{vote['calibration_error']:.3f}",
                "-" if likelihood is None else f"{likelihood:+.1f}",
                f"{row['milliseconds']:.0f}",
            ]
        )
    head = ["", "noise", "factor", "digits, originals", "spread / error", "coverage", "one, dB", "mean of 8", "of 64"]
    head += ["votes right", "`unet` right", "calibration error", "log-likelihood", "ms"]
    return table(head, rows) if rows else UNMEASURED


def votes(results: Results) -> str:
    """How far votes of 16 originals, and their pooled readings, can be trusted."""
    found = [row for row in samplers(results)["originals"] if "pooled" in row]
    rows = [
        [
            NOISES[row["kind"]].label,
            f"{row['factor']:g}",
            f"{row['digits']:,}",
            *(f"{row[by]['accuracy']:.1%}" for by in ("votes", "pooled")),
            f"{row['denoiser_accuracy']:.1%}",
            *(
                f"{row[by][key]:.3f}"
                for by in ("votes", "pooled")
                for key in ("calibration_error", "calibration_floor")
            ),
        ]
        for row in sorted(found, key=lambda row: (list(NOISES).index(row["kind"]), row["factor"]))
    ]
    head = ["noise", "factor", "digits", "votes right", "pooled right", "`unet` right", "calibration error of votes"]
    return table([*head, "by chance", "of pooled", "by chance"], rows) if rows else UNMEASURED


def dreams(results: Results) -> str:
    """How much dreams are like test digits, by sampler."""
    rows = [
        [
            f"`{row['sampler']}`",
            f"{row['dreams']:,}",
            f"{row['sure']:.1%}",
            f"{row['total_variation']:.3f}",
            f"{row['frechet']:.2f}",
            f"{row['frechet_floor']:.2f}",
            f"{row['nearest']:.2f}",
            f"{row['nearest_test']:.2f}",
        ]
        for row in samplers(results)["dreams"]
    ]
    head = ["", "dreams", "read surely", "classes, total variation", "Fréchet distance", "of training digits"]
    return table([*head, "nearest training digit", "of a test digit"], rows) if rows else UNMEASURED


TABLES: dict[str, Callable[[Results], str]] = {
    f.__name__: f
    for f in (
        summary,
        planes,
        training,
        outside,
        exported,
        gaussian,
        kinds,
        ablated_unet,
        ablated_plane,
        regularisers,
        checkerboards,
        losses,
        originals,
        votes,
        dreams,
    )
}


def render(text: str, results: Results) -> str:
    """`text` with each of its tables written anew."""
    for name, make in TABLES.items():
        pattern = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
        if pattern.search(text):
            table = make(results).replace("\\", r"\\")
            text = pattern.sub(f"\n{table}\n\n", text)
    return text
