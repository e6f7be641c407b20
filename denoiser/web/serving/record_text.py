"""What a model's record says: every phrase is a text of its own."""

from collections.abc import Mapping
from dataclasses import asdict

from ...losses import LOSS_TITLES, loss_title_key
from ...noise import NOISES
from ...recipe import Method, Recipe
from ...record import Record
from ..i18n import ENGLISH, Text, english, find_text, translatable

OPTIMIZERS = {"adadelta": "Adadelta", "adam": "Adam", "adamw": "AdamW"}
DRAWN = {"once": "record.noiseDrawn.once", "each batch": "record.noiseDrawn.eachBatch"}
Fact = tuple[Text, list[Text]]  # what, and how in phrases


def noise_text(method: Method) -> Text:
    """What the model saw in training: clean digits, or which noise at which factor; empty for what is not trained."""
    if not isinstance(method, Recipe):
        return ""
    low, high = method.noise_range
    if not high:
        return translatable("record.noise.clean")
    factors = f"{high:g}" if low == high else f"{low:g}–{high:g}"
    kinds = list(dict.fromkeys(method.noise))
    if len(kinds) == 1 and kinds[0] in NOISES:
        return translatable("record.noise.one", find_text("noise", NOISES[kinds[0]].label), factors)
    return translatable("record.noise.kinds", len(kinds), factors)


def facts(record: Record) -> list[Fact]:
    """The settings in plain words."""
    recipe = record.recipe
    if not isinstance(recipe, Recipe):
        return []
    change = asdict(recipe.augmentation) if recipe.augmentation else {}
    rows: list[tuple[str, list[Text]]] = [
        ("task", [translatable(f"record.task.{recipe.task}")]),
        ("input", [noise_text(recipe), translatable(DRAWN[recipe.noise_drawn]) if recipe.noise else ""]),
        ("augmented", [translatable(f"record.augmentation.{part}", f"{100 * by if part == 'scale' else by:g}")
                       for part in ("degrees", "shift", "scale") if (by := change.get(part))]),
        ("loss", [*(find_text("loss", part) for part in loss_title(recipe)),
                  *(named("penalty", name, f"{weight:g}") for name, weight in recipe.penalties.items())]),
        ("optimizer", [OPTIMIZERS.get(recipe.optimizer, recipe.optimizer),
                       translatable("record.optimizer.learningRate", f"{recipe.learning_rate:g}"),
                       *(named("setting", name, f"{value:g}") for name, value in recipe.optimizer_settings.items()),
                       "" if recipe.schedule == "constant" else translatable(f"record.schedule.{recipe.schedule}"),
                       translatable("record.optimizer.clip", f"{recipe.clip:g}") if recipe.clip else "",
                       translatable("record.optimizer.ema", f"{recipe.ema:g}") if recipe.ema else ""]),
        ("batches", [translatable("record.batches.epochs", recipe.epochs),
                     translatable("record.batches.size", recipe.batch_size)]),
        *(("refined", [translatable("record.batches.epochs", refinement.epochs),
                       translatable("record.optimizer.learningRate", f"{refinement.learning_rate:g}")])
          for refinement in recipe.refinements),
        ("network", [named("setting", name, setting_text(value)) for name, value in recipe.settings.items()]),
        ("grownFrom", [named("setting", name, setting_text(value))
                       for name, value in (recipe.grown_from or {}).items()]),
        ("trained", [duration_text(record.seconds), record.device, record.precision,
                     translatable("record.trained.seed", recipe.seed)]),
        ("again", [record.command]),
    ]  # fmt: skip
    found = [(translatable(f"record.fact.{what}"), [phrase for phrase in how if phrase]) for what, how in rows]
    return [(what, how) for what, how in found if how]


def loss_title(recipe: Recipe) -> tuple[str, str]:
    """What the loss of a recipe is called, and its unit."""
    return LOSS_TITLES.get(loss_title_key(recipe.family, recipe.loss), (recipe.loss, ""))


def named(section: str, name: str, value: Text) -> Text:
    """A value with the name of its setting or penalty; a name without a text stands there as it is in the recipe."""
    key = f"record.{section}.{name}"
    if key in ENGLISH:
        return translatable(key, value)
    return f"{name.replace('_', ' ')} {english(value)}"


def setting_text(value: object) -> Text:
    """A setting's value: `64`, `500-300-100` for several, or a word with a text, such as "nearest"."""
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else find_text("layer", str(value))


def duration_text(seconds: float | None) -> Text:
    """`48 s`, `12 min`, `1.5 h`; empty if it is not known."""
    if seconds is None:
        return ""
    if seconds < 100:
        return translatable("record.trained.seconds", f"{seconds:.0f}")
    if seconds < 5400:
        return translatable("record.trained.minutes", f"{seconds / 60:.0f}")
    return translatable("record.trained.hours", f"{seconds / 3600:.1f}")


def sparsity_text(code: Mapping | None) -> list[Fact]:
    """How sparse a code is over the test digits, as a fact; nothing where it is not."""
    if not code or not code["zero"]:
        return []
    dead = [translatable("record.code.dead", code["dead"])] if code["dead"] else []
    zero = f"{code['zero']:.0%}"
    phrases = [translatable("record.code.values", f"{code['values']:,}"), translatable("record.code.zero", zero), *dead]
    return [(translatable("record.fact.code"), phrases)]
