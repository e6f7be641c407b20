"""What a model's record says, in plain words: every phrase stands alone, so that it can be translated."""

from collections.abc import Mapping
from dataclasses import asdict

from ...losses import LOSS_TITLES, loss_title_key
from ...noise import NOISES
from ...recipe import Method, Recipe
from ...record import Record

OPTIMIZERS = {"adadelta": "Adadelta", "adam": "Adam", "adamw": "AdamW"}
PENALTIES = {
    "code_l1": "L1 on the code",
    "weight_l1": "L1 on the weights",
    "kl": "weight of the KL term",
    "smoothing": "labels softened by",
}


def noise_text(method: Method) -> str:
    """What the model saw in training: clean digits, or which noise at which factor; empty for what is not trained."""
    if not isinstance(method, Recipe):
        return ""
    low, high = method.noise_range
    if not high:
        return "clean digits"
    kinds = list(dict.fromkeys(method.noise))
    label = NOISES[kinds[0]].label if len(kinds) == 1 and kinds[0] in NOISES else f"{len(kinds)} kinds"
    return f"{label} {high:g}" if low == high else f"{label} {low:g}–{high:g}"


def facts(record: Record) -> list[tuple[str, list[str]]]:
    """The settings in plain words, as (what, how), the second in phrases that stand alone."""
    recipe = record.recipe
    if not isinstance(recipe, Recipe):
        return []
    drawn = {"once": "drawn once for the whole training", "each batch": "drawn afresh for each batch"}
    change = asdict(recipe.augmentation) if recipe.augmentation else {}
    grown = (recipe.grown_from or {}).items()
    parts = {"degrees": "turned up to {:g}°", "shift": "shifted up to {:g} px", "scale": "scaled by up to {:.0%}"}
    rows = [
        ("Task", [{"denoise": "denoise", "reconstruct": "reconstruct clean digits", "read": "read"}[recipe.task]]),
        ("Input", [noise_text(recipe), drawn[recipe.noise_drawn] if recipe.noise else ""]),
        ("Augmented", [words.format(change[key]) for key, words in parts.items() if change.get(key)]),
        ("Loss", [*LOSS_TITLES.get(loss_title_key(recipe.family, recipe.loss), (recipe.loss, "")),
                  *(f"{PENALTIES.get(name, name)} {weight:g}" for name, weight in recipe.penalties.items())]),
        ("Optimiser", [OPTIMIZERS.get(recipe.optimizer, recipe.optimizer),
                       f"learning rate {recipe.learning_rate:g}",
                       *(f"{name.replace('_', ' ')} {value:g}" for name, value in recipe.optimizer_settings.items()),
                       "" if recipe.schedule == "constant" else f"{recipe.schedule} schedule",
                       f"gradient cut at {recipe.clip:g}" if recipe.clip else "",
                       f"running mean of the weights {recipe.ema:g}" if recipe.ema else ""]),
        ("Batches", [f"{recipe.epochs} epochs", f"{recipe.batch_size} digits a batch"]),
        *(("Refined", [f"{r.epochs} epochs", f"learning rate {r.learning_rate:g}"]) for r in recipe.refinements),
        ("Network", [f"{name.replace('_', ' ')} {setting_text(value)}" for name, value in recipe.settings.items()]),
        ("Grown from", [f"{name.replace('_', ' ')} {setting_text(value)}" for name, value in grown]),
        ("Trained", [duration_text(record.seconds), record.device, record.precision, f"seed {recipe.seed}"]),
        ("Again", [record.command]),
    ]  # fmt: skip
    found = [(what, [phrase for phrase in how if phrase]) for what, how in rows]
    return [(what, how) for what, how in found if how]


def setting_text(value: object) -> str:
    """A setting's value: `64`, or `500-300-100` for several."""
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def duration_text(seconds: float | None) -> str:
    """`48 s`, `12 min`, `1.5 h`."""
    if seconds is None:
        return "some time"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def sparsity_text(code: Mapping | None) -> list[tuple[str, list[str]]]:
    """How sparse a code is over the test digits, as a fact; nothing where it is not."""
    if not code or not code["zero"]:
        return []
    dead = [f"{code['dead']} of them always"] if code["dead"] else []
    return [("Code", [f"{code['values']:,} values", f"over the test digits {code['zero']:.0%} are 0", *dead])]
