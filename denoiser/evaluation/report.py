"""The report of an evaluation as plain text, at most 120 columns wide."""

from collections.abc import Iterator, Mapping

from ..data import DATASETS, data_title
from ..inspection import SMALL_WEIGHT
from ..noise import NOISES
from .measure import Figure, stored_figures

WIDTH = 120  # columns of a printed table


def format_report(report: dict) -> str:
    """The result of `evaluate` as text: per noise kind every figure by noise factor, then facts about the models."""
    names = list(report["models"])
    margin = max(map(len, names)) + 1
    blocks = [*_about_data(report)]
    for kind in dict.fromkeys(row["noise"] for row in report["results"]):
        rows = {(row["model"], row["noise_factor"]): row for row in report["results"] if row["noise"] == kind}
        blocks.append(f"{NOISES[kind].label} noise, {next(iter(rows.values()))['images']:,} digits")
        blocks += ["\n".join(line.rstrip() for line in table) for table in _tables(rows, names, margin)]
        if exact := sum(row["exact"] > 0 for row in rows.values()):
            blocks.append(f"In {exact} of these cells some pictures equal the clean digit; their PSNR is left out.")
    return "\n\n".join([*blocks, *_about_models(report["models"], margin)])


def _tables(rows: dict[tuple[str, float], dict], names: list[str], margin: int) -> list[list[str]]:
    """Tables as lines of text, as many side by side as fit: one line per model, one table per figure.

    `rows` are the results of one noise kind by model and noise factor; the names of models are `margin` wide.
    """
    factors = list(dict.fromkeys(factor for _, factor in rows))
    tables: list[list[str]] = []
    for key, figure in stored_figures(rows.values()).items():
        if all(row.get(key) is None and not _infinite(row, key) for row in rows.values()):
            continue
        column = max(7, figure.decimals + 4)
        per_table = max(1, (WIDTH - margin - 2) // column)
        for part in (factors[i : i + per_table] for i in range(0, len(factors), per_table)):
            table = [f"  {figure.title}", "  " + "".join(f"{f:>{column}g}" for f in part)]
            table += ["  " + "".join(f"{_cell(rows[n, f], key, figure):>{column}}" for f in part) for n in names]
            table = [line.ljust(max(map(len, table))) for line in table]
            if tables and len(tables[-1][1]) + len(table[1]) <= WIDTH:
                tables[-1] = [left + right for left, right in zip(tables[-1], table, strict=True)]
            else:
                heads = ["", "noise factor", *names]
                tables.append([f"{left:<{margin}}{right}" for left, right in zip(heads, table, strict=True)])
    return tables


def _about_data(report: dict) -> Iterator[str]:
    """What was measured on, where that is not MNIST, and which models were trained on something else or just that."""
    here = report["data"]
    if here != "mnist":
        yield f"Measured on {data_title(here)}."
    for data in dict.fromkeys(about["data"] for about in report["models"].values()):
        names = ", ".join(name for name, about in report["models"].items() if about["data"] == data)
        if data not in (None, here):
            yield f"Trained on {data_title(data)}, not on what is measured here: {names}."
        elif data and data not in DATASETS:
            yield f"Trained on these very pictures: {names}."


def _about_models(models: dict[str, dict], margin: int) -> Iterator[str]:
    """Blocks of lines on what does not depend on the noise: sizes and times, checkerboards, codes, likelihoods."""
    heads = f"{'parameters':>12}{'file, kB':>10}{'ms, batch 1':>13}{'batch 256':>11}  per picture{'21 at once':>12}"
    lines = [" " * margin + heads]
    for name, about in models.items():
        line = f"{name:<{margin}}{about['parameters']:>12,}{about['bytes'] / 1000:>10,.0f}"
        columns = (("ms_batch_1", 13, 3), ("ms_batch_256", 11, 3), ("ms_sweep", 25, 2))
        lines.append(line + "".join(_milliseconds(about[key], width, decimals) for key, width, decimals in columns))
    yield "\n".join(lines)
    boards = {name: about["checkerboard"] for name, about in models.items() if "checkerboard" in about}
    if boards:
        lines = [f"{'':<{margin}}checkerboards of period 2 / 4, in dB over the spectrum around them"]
        for name, board in boards.items():
            cells = (f"{view} {' / '.join(f'{value:+.1f}' for value in found)}" for view, found in board.items())
            lines.append(f"{name:<{margin}}{', '.join(cells)}")
        yield "\n".join(lines)
    sparse = {name: about["code"] for name, about in models.items() if about.get("code", {}).get("zero")}
    if sparse:
        line = "{zero:.0%} of the {values:,} values of its code are 0, {dead} always; {small:.0%} of its weights below"
        yield "\n".join(f"{name:<{margin}}{line.format(**code)} {SMALL_WEIGHT:g}" for name, code in sparse.items())
    for name, about in models.items():
        if "negative_elbo" in about:
            yield f"{name}, clean digits: {_likelihood(about)}"


def _likelihood(about: dict) -> str:
    """What is known of a VAE's likelihood and codes."""
    parts = ["negative ELBO {negative_elbo:.2f} nats = recon {recon:.2f} + KL {kl:.2f}"]
    if "nll" in about:
        parts.append("exact negative log-likelihood {nll:.2f}")
    if about.get("coverage") is not None:
        parts.append("{coverage:.0%} of 20 x 20 tiles over the prior read surely")
    if "neighbour_accuracy" in about:
        parts.append("10 nearest other codes read {neighbour_accuracy:.1%} right")
    return "; ".join(parts).format(**about)


def _milliseconds(value: float | None, width: int, decimals: int) -> str:
    return f"{'-' if value is None else format(value, f'.{decimals}f'):>{width}}"


def _infinite(row: Mapping, key: str) -> bool:
    """Whether the figure is a PSNR of pictures that all equal the clean digit."""
    return key == "psnr" and row[key] is None and row["exact"] > 0


def _cell(row: Mapping, key: str, figure: Figure) -> str:
    """The figure `key` of a row as text, "-" where the row lacks it."""
    if (value := row.get(key)) is None:
        return "inf" if _infinite(row, key) else "-"
    return f"{value * figure.scale:.{figure.decimals}f}"
