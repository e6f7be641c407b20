"""The model card of a repository: README.md with metadata that the Hub reads, made from the models' configurations."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..data import data_title
from ..noise import NOISES
from ..record import Record

RESULTS = "results"  # the key of a configuration's rows of figures
HALF = 0.5
METRICS = {"psnr": "PSNR in dB", "ssim": "SSIM", "accuracy": "read correctly by a classifier"}
DATASETS = {"mnist": "ylecun/mnist"}  # the names that the Hub has for them
TEXT = """# {title}

Denoisers of 28 x 28 pictures of handwritten digits, trained and measured with the Python package `denoiser-app`.

## Use

```python
from denoiser import add_noise, digit_from_image, draw_noise, load_model

model, record = load_model("hf://{repository}/{first}")
x = digit_from_image("photo.jpg")  # float32 (1, 1, 28, 28) in [0, 1]: ink is 1, background 0
noisy = add_noise(x, draw_noise("gaussian", x.shape, seed=0), 0.5)
x_hat = model(noisy)
```

Each model has a folder: `config.json` is its record, `model.safetensors` its weights, whose SHA-256 the record holds.

{models}

## How it was measured

On 10,000 test digits of MNIST, unless a table says otherwise. A noise factor from 0 to 1 sets the strength of each kind
of noise. The noise of each digit is seeded with its position, so that all models see the same. PSNR (dB) and SSIM are
computed per picture, then averaged; "read" is the share of outputs in which a separate classifier reads the label.

## Limits

- The input is one digit as MNIST frames it: 28 x 28, light ink on dark. Other content is made to look like digits.
- Trained and measured on one data set. Figures say nothing about other handwriting, scans or photographs.
- A model that saw one kind or strength of noise in training does worse on others.
- Strong noise leaves several digits possible. The output is then one plausible digit, or a mixture, and may be another
  digit than the one written: do not use it as evidence of what was there.

## Licence

MIT. The weights come from MNIST: Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*,
1998.
"""


def model_card(repository: str, configs: Sequence[Mapping[str, Any]]) -> str:
    """The card of a `repository` (USER/NAME) with these models, whose configurations are records with RESULTS.

    Raises RecordError if one is no record.
    """
    from huggingface_hub.utils import yaml_dump

    records = [Record.from_dict(config) for config in configs]
    rows = [config.get(RESULTS) or [] for config in configs]
    text = TEXT.format(
        title=repository.partition("/")[2],
        repository=repository,
        first=records[0].recipe.name,
        models="\n\n".join(map(_section, records, rows)),
    )
    return f"---\n{yaml_dump(metadata(records, rows))}---\n\n{text}"


def metadata(records: Sequence[Record], rows: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """What the Hub reads of a card; `rows` are the results of each model."""
    from huggingface_hub import EvalResult, ModelCardData
    from huggingface_hub.repocard_data import eval_results_to_model_index

    index = []
    for record, results in zip(records, rows, strict=True):
        measured = [
            EvalResult(
                task_type="image-to-image",
                task_name="Denoising",
                dataset_type=DATASETS["mnist"],
                dataset_name=f"MNIST under {NOISES[row['noise']].label} noise of {row['noise_factor']:g}",
                dataset_config=f"{row['noise']}-{row['noise_factor']:g}",
                dataset_split="test",
                metric_type=key,
                metric_name=name,
                metric_value=round(row[key], 4),
            )
            for row in results
            for key, name in METRICS.items()
            if row["noise"] in NOISES and row[key] is not None
        ]
        index += eval_results_to_model_index(record.recipe.name, measured) if measured else []
    data = ModelCardData(
        license="mit",
        library_name="denoiser-app",
        pipeline_tag="image-to-image",
        tags=["denoising", "autoencoder", "mnist", "pytorch", *sorted({r.recipe.family for r in records})],
        datasets=sorted({DATASETS[r.recipe.data] for r in records if r.recipe.data in DATASETS}) or None,
        metrics=list(METRICS),
    )
    return data.to_dict() | ({"model-index": index} if index else {})


def _section(record: Record, rows: Sequence[Mapping[str, Any]]) -> str:
    """What the card says of one model."""
    recipe = record.recipe
    source = f"{recipe.source.title}, {recipe.source.year}. {recipe.source.address}" if recipe.source else recipe.note
    low, high = recipe.noise_range
    noise = ", ".join(NOISES[kind].label for kind in dict.fromkeys(recipe.noise))
    factors = f"{high:g}" if low == high else f"{low:g} to {high:g}"
    facts = {
        "Source": source.strip(),
        "Data": record.data or data_title(recipe.data),
        "Noise in training": f"{noise}; factor {factors}" if noise else "none: it reconstructs clean digits",
        "Parameters": f"{record.parameters:,}",
        "Training": _training(record),
        "SHA-256 of the weights": f"`{record.sha256}`",
    }
    listed = "\n".join(f"- **{name}:** {text}" for name, text in facts.items())
    return "\n\n".join([f"## {recipe.name}", f"{recipe.title}.", listed, *_tables(rows)])


def _training(record: Record) -> str:
    """How long and on what a model was trained."""
    last = record.history[-1] if record.history else None
    parts = [f"{len(record.history)} epochs"] if last else []
    parts += [f"{record.seconds:,.0f} s"] if record.seconds else []
    parts += [f"on {record.device}"] if record.device else []
    parts += [f"validation loss {last.validation:.4f} ({record.recipe.loss})"] if last else []
    return ", ".join(parts) or "unknown"


def _tables(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A model's figures as a table, where there are any."""
    known = [row for row in rows if row["noise"] in NOISES]
    if not known:
        return ["No figures were measured with these weights."]
    lines = ["| noise | factor | PSNR | SSIM | read |", "|---|---|---|---|---|"]
    for row in known:
        psnr = "-" if row["psnr"] is None else f"{row['psnr']:.2f}"
        read = "-" if row["accuracy"] is None else f"{row['accuracy']:.1%}"
        label = NOISES[row["noise"]].label
        lines.append(f"| {label} | {row['noise_factor']:g} | {psnr} | {row['ssim']:.3f} | {read} |")
    return ["\n".join(lines)]
