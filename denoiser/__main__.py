"""python -m denoiser <verb>: train, measure and use the autoencoders of this package."""

import argparse
import os
import sys
from pathlib import Path

RUNS = Path("runs")  # states of unfinished trainings and evaluations; not committed
TUNING_DIGITS = 256
MOST_PIXELS = 2**21  # of a picture that is denoised as it is: the networks need some 600 bytes for each


class Stopped(KeyboardInterrupt):
    """Ctrl-C; the message says how to go on."""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code, 0 where all went well. Bad input is one line on stderr and exit code 2."""
    options = build_parser().parse_args(arguments)
    from .errors import DenoiserError

    try:
        options.run(options)
    except DenoiserError as error:
        print(f"denoiser: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"\ndenoiser: {stop if str(stop) else 'stopped'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All verbs and their options; imports nothing heavy, so that --help is quick."""
    from .bench import BENCHMARKS

    parser = argparse.ArgumentParser(prog="python -m denoiser", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(run, **options) -> argparse.ArgumentParser:
        help = run.__doc__.splitlines()[0].rstrip(".")
        added = verbs.add_parser(run.__name__.removeprefix("run_"), help=help, description=run.__doc__, **options)
        added.set_defaults(run=run)
        return added

    def add_device(to: argparse.ArgumentParser) -> None:
        to.add_argument("--device", help="cuda or cpu (default: cuda where there is one)")

    verb(run_list)

    train = verb(run_train)
    train.add_argument("recipes", nargs="*", metavar="RECIPE", help="`python -m denoiser list` names them")
    add_device(train)
    train.add_argument("--precision", choices=("float32", "bfloat16"), help="default: bfloat16 where it is faster")
    train.add_argument("--all", action="store_true", help="all that are not up to date, going on where one was cut off")
    train.add_argument(
        "--set", nargs="+", metavar="KEY=VALUE", help="another setting of the one recipe: batch_size=256"
    )
    train.add_argument("--as", dest="name", metavar="NAME", help="what a recipe with other settings is called")
    train.add_argument("--resume", action="store_true", help="go on where a training was cut off")

    tune = verb(run_tune)
    tune.add_argument("--digits", type=int, default=TUNING_DIGITS, help="how many to tune on (default: %(default)s)")

    evaluate = verb(run_evaluate)
    evaluate.add_argument("--noise", nargs="+", default=["gaussian"], metavar="KIND", help="noise kinds, or all")
    evaluate.add_argument("--factors", nargs="+", type=float, metavar="F", help="default: 0.1 0.25 0.5 0.7 1.0")
    evaluate.add_argument("--models", nargs="+", metavar="NAME", help="default: all; tv-oracle is tv told the noise")
    evaluate.add_argument("--limit", type=int, metavar="N", help="only the first N digits")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    add_device(evaluate)

    bench = verb(run_bench)
    bench.add_argument(
        "what", choices=BENCHMARKS, help="the page in a real browser, training against other ways, or the best possible"
    )
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")

    denoise = verb(run_denoise)
    denoise.add_argument("input", type=Path, metavar="IN", help="a picture, ink light on dark")
    denoise.add_argument("output", type=Path, metavar="OUT", help="where to write the denoised one")
    denoise.add_argument("--model", metavar="NAME", help="default: the best one on the test set that takes this size")
    denoise.add_argument("--fit", action="store_true", help="find a digit in any picture and frame it as MNIST does")
    denoise.add_argument("--noise", metavar="KIND", help="add noise first, and say what is gained (default: none)")
    denoise.add_argument("--factor", type=float, default=0.5, metavar="F", help="noise factor (default: %(default)s)")
    denoise.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise (default: %(default)s)")
    add_device(denoise)
    return parser


def run_list(options: argparse.Namespace) -> None:
    """Name what is trained, the classical filters, and the recipes that wait to be trained."""
    from .checkpoint import load_record, trained
    from .filters import FILTERS
    from .models import build, parameter_count
    from .recipes import RECIPES

    there = trained()
    names = [name for name in RECIPES if name in there] + [name for name in there if name not in RECIPES]
    rows = [("trained", load_record(name)) for name in names]
    rows += [("filter", filter.record()) for filter in FILTERS.values()]
    for name, recipe in RECIPES.items():
        if name not in there:
            model = build(recipe.network, recipe.settings)
            rows.append(("not trained", {"recipe": recipe.as_dict(), "parameters": parameter_count(model)}))

    lines = [("name", "state", "parameters", "task", "trained on", "title", "source")]
    lines += [_line(state, record) for state, record in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)]
        cells[2] = f"{line[2]:>{widths[2]}}"
        print("  ".join(cells).rstrip())


def _line(state: str, record: dict) -> tuple[str, ...]:
    """One line of the list: name, state, parameters, task, what it was trained on, title, source."""
    recipe = record["recipe"]
    kinds, factor = recipe.get("noise") or (), recipe.get("noise_factor") or ""
    noise = "+".join(dict.fromkeys(kinds)) if len(kinds) < 3 else "several kinds"
    factor = "-".join(f"{f:g}" for f in factor) if isinstance(factor, list | tuple) else f"{factor}"
    source = recipe.get("source") or {}
    about = f"{source.get('title', '')}, {source.get('year', '')}".strip(", ") or "ours"
    return (
        recipe["name"],
        state,
        f"{record['parameters']:,}" if record["parameters"] else "-",
        recipe["task"],
        "-" if state == "filter" else f"{noise} {factor}".strip() or "clean digits",
        _shortened(recipe["title"], 44),
        _shortened(about, 48),
    )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def run_train(options: argparse.Namespace) -> None:
    """Train recipes on MNIST and write their checkpoints; under torchrun, several processes share every batch."""
    from .checkpoint import up_to_date
    from .data import load_mnist
    from .engine import Engine, Team
    from .errors import DenoiserError
    from .recipes import RECIPES, get_recipe, variation

    if options.all == bool(options.recipes):
        raise DenoiserError("name the recipes to train, or --all; `python -m denoiser list` names them")
    team = Team()
    digits = load_mnist("train", team.device(pick_device(options.device)))
    engine = Engine.fastest(digits.images.device, options.precision)
    recipes, command = [get_recipe(name) for name in options.recipes or RECIPES], None
    if options.set or options.name:
        if len(recipes) != 1 or not options.set or not options.name:
            raise DenoiserError("--set and --as go together, and change one recipe")
        recipes = [variation(recipes[0], options.name, read_settings(options.set))]
        command = f"python -m denoiser train {options.recipes[0]} --set {' '.join(options.set)} --as {options.name}"
    if options.all:
        recipes = [recipe for recipe in recipes if not up_to_date(recipe)]
        if not recipes:
            print("every recipe is trained as it stands")
    with team.gathered(digits.images.device):
        train_each(recipes, digits, engine, team, options.resume or options.all, command)


def read_settings(settings: list[str]) -> dict:
    """The values of KEY=VALUE words: JSON where they are, else text."""
    import json

    found: dict = {}
    for setting in settings:
        key, _, text = setting.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        found[key] = tuple(value) if isinstance(value, list) else value
    return found


def train_each(recipes: list, digits, engine, team, resume: bool, command: str | None) -> None:
    """Train and save one recipe after the other, under one progress bar; Stopped where Ctrl-C ends it.

    `command` stands in the record, where it is not the plain one.
    """
    from tqdm import tqdm

    from .checkpoint import save_model, up_to_date
    from .data import split_validation
    from .latent import has_plane, write_codes
    from .models import parameter_count
    from .training import fit, steps_of_epoch

    count = len(split_validation(digits)[0])
    total = sum(recipe.epochs * steps_of_epoch(recipe, count) for recipe in recipes)
    with tqdm(total=total, unit="step", smoothing=0.01, disable=not team.leads) as bar:
        for place, recipe in enumerate(recipes):
            state = RUNS / f"{recipe.name}.state.safetensors"
            if resume and not state.exists() and up_to_date(recipe):
                bar.write(f"{recipe.name}: is trained already; without --resume it is trained again")
                bar.update(recipe.epochs * steps_of_epoch(recipe, count))
                continue
            started_as = versions()
            try:
                model, outcome = fit(recipe, digits, state_file=state, resume=resume, engine=engine, bar=bar, team=team)
            except KeyboardInterrupt:
                rest = " ".join(recipe.name for recipe in recipes[place:])
                kept = "kept" if state.exists() else "no epoch of it is done"
                again = command or f"python -m denoiser train {rest}"
                raise Stopped(f"stopped in {recipe.name}, {kept}; to go on: {again} --resume") from None
            if not team.leads:
                continue
            record = {
                "recipe": recipe.as_dict(),
                "fingerprint": recipe.fingerprint(),
                "parameters": parameter_count(model),
                "seed": recipe.seed,
                "data": "MNIST training set: 55,000 digits to train, the last 5,000 to validate",
                "versions": started_as,
                "command": command or f"python -m denoiser train {recipe.name}",
                **outcome,
            }
            saved = save_model(model, record)
            state.unlink(missing_ok=True)
            if has_plane(model):
                write_codes(recipe.name)
            bar.write(f"{recipe.name}: validation {saved['history'][-1]['validation']:.4f}, {saved['seconds']:.0f} s")


def run_tune(options: argparse.Namespace) -> None:
    """Tune the classical filters' strengths on digits of the training set and write denoiser/filters.json."""
    import json

    from tqdm import tqdm

    from .data import load_mnist
    from .errors import DenoiserError
    from .files import write_atomically
    from .filters import TABLE, tune

    if not 1 <= options.digits <= 55_000:
        raise DenoiserError(f"--digits is {options.digits}, not within 1 to 55000")
    found = tune(load_mnist("train")[: options.digits].floats(), lambda filters: tqdm(filters, unit="filter"))
    write_atomically(TABLE, json.dumps(found) + "\n")
    print(f"tuned on {options.digits} digits: {TABLE}")


def run_evaluate(options: argparse.Namespace) -> None:
    """Measure models on MNIST's test digits, the noise seeded per digit; goes on where it was cut off."""
    import json
    import time

    import torch

    from .data import load_mnist
    from .errors import DenoiserError
    from .evaluation import FACTORS, evaluate, tables
    from .files import write_atomically
    from .noise import NOISES

    device = pick_device(options.device)
    if options.limit is not None and options.limit < 1:
        raise DenoiserError(f"--limit is {options.limit}, not 1 or more")
    kinds = list(NOISES) if "all" in options.noise else list(dict.fromkeys(options.noise))
    factors = tuple(dict.fromkeys(options.factors or FACTORS))
    digits = load_mnist("test", device)[: options.limit]
    start = time.perf_counter()
    try:
        report = evaluate(digits, options.models, kinds, factors, cache_folder=RUNS / "evaluation")
    except KeyboardInterrupt:
        raise Stopped("stopped; what is measured is kept, and the same command goes on from there") from None
    print(tables(report))
    if options.json:
        about = {
            "command": command(options),
            "versions": versions(),
            "device": torch.cuda.get_device_name(device) if device == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "seconds": round(time.perf_counter() - start, 1),
            "limit": options.limit,
            "digits": len(digits),
            "noise_seeds": "each digit's place in the test set",
        }
        try:
            write_atomically(options.json, json.dumps(about | report, indent=1) + "\n")
        except OSError as error:
            raise DenoiserError(f"{options.json} cannot be written: {error}") from error


def command(options: argparse.Namespace) -> str:
    """The command line that asks for the same evaluation."""
    words = ["python -m denoiser evaluate"]
    for name in ("noise", "factors", "models"):
        if values := getattr(options, name):
            words += [f"--{name}", *map(str, values)]
    words += [f"--{name} {getattr(options, name)}" for name in ("limit", "json") if getattr(options, name)]
    return " ".join(words)


def run_bench(options: argparse.Namespace) -> None:
    """Measure speed: serving (pen-up to cards, the slider, start, memory) or training (against the tutorials' way)."""
    from .bench import main

    main(options.what, options.json)


def run_denoise(options: argparse.Namespace) -> None:
    """Denoise a picture: 28 x 28 as it is, other sizes with models that take them, or any picture with --fit."""
    import torch

    from .errors import DenoiserError
    from .metrics import psnr
    from .noise import add_noise, draw_noise

    device = pick_device(options.device)
    if not 0 <= options.factor <= 1:
        raise DenoiserError(f"noise factor {options.factor:g} is not within 0 to 1")
    if options.fit:
        from .ink import digit_from_image

        clean = digit_from_image(options.input)
    else:
        clean = read_grey(options.input)
    noisy = clean = clean.to(device)
    if options.noise:
        try:
            noisy = add_noise(clean, draw_noise(options.noise, clean.shape, options.seed, device), options.factor)
        except ValueError as error:
            raise DenoiserError(str(error)) from error
    name, model = pick_model(options.model, noisy)
    with torch.inference_mode():
        x_hat = denoise_any_size(model, noisy)
    write_grey(x_hat, options.output)
    gain = f", PSNR {psnr(noisy, clean).item():.2f} -> {psnr(x_hat, clean).item():.2f} dB" if options.noise else ""
    print(f"{options.output}: {x_hat.shape[3]} x {x_hat.shape[2]} by {name}{gain}")


def read_grey(path: Path):
    """A picture file as it is, in grey: float (1, 1, H, W) in [0, 1]; DenoiserError where it cannot be read."""
    import warnings

    import numpy as np
    import torch
    from PIL import Image, ImageOps

    from .errors import DenoiserError

    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            if image.width * image.height > MOST_PIXELS:
                raise DenoiserError(f"{path} has {image.width} x {image.height} pixels; {MOST_PIXELS:,} are the most")
            image = ImageOps.exif_transpose(image)
            deep = image.mode.startswith("I")
            pixels = np.asarray(image if deep else image.convert("L"), dtype=np.float32) / (65535 if deep else 255)
    except DenoiserError:
        raise
    except FileNotFoundError:
        raise DenoiserError(f"there is no file {path}") from None
    except Exception as error:  # Pillow's decoders raise whatever their formats' parsers happen to
        raise DenoiserError(f"{path} cannot be read as a picture: {error}") from error
    return torch.from_numpy(pixels.clip(0, 1)).view(1, 1, *pixels.shape)


def write_grey(x, path: Path) -> None:
    """`x` (1, 1, H, W) in [0, 1] as a picture of 8 bits; DenoiserError where that format or place is none."""
    import io

    from PIL import Image

    from .errors import DenoiserError
    from .files import write_atomically

    content = io.BytesIO()
    try:
        format = Image.registered_extensions().get(path.suffix.lower())
        if format is None:
            raise DenoiserError(f"{path}: {path.suffix or 'no ending'!r} names no picture format; try .png")
        Image.fromarray(x[0, 0].mul(255).round().byte().cpu().numpy()).save(content, format=format)
        write_atomically(path, content.getvalue())
    except (OSError, KeyError, ValueError) as error:
        raise DenoiserError(f"{path} cannot be written: {error}") from error


def denoise_any_size(model, x):
    """`model` on `x` (1, 1, H, W), padded to a multiple of 4 by reflection and cropped; RuntimeError if it cannot."""
    from torch.nn.functional import pad

    height, width = x.shape[2:]
    down, right = -height % 4, -width % 4
    padded = pad(x, (0, right, 0, down), mode="reflect" if down < height and right < width else "replicate")
    x_hat = model(padded).clamp(0, 1)
    if x_hat.shape != padded.shape:
        raise RuntimeError(f"pictures of {tuple(padded.shape[2:])} come out as {tuple(x_hat.shape[2:])}")
    return x_hat[..., :height, :width]


def pick_model(name: str | None, x):
    """The model of that name, or the best one that takes pictures of the size of `x`: (name, model).

    Best is the highest PSNR under Gaussian noise of 0.5 in checkpoints/evaluation.json; without that file, the first
    that denoises. DenoiserError where the named one does not take this size.
    """
    import json

    import torch

    from .checkpoint import FOLDER, list_models, load_model
    from .errors import DenoiserError

    def takes(model, x) -> bool:
        try:
            with torch.inference_mode():
                denoise_any_size(model, x)
        except RuntimeError:
            return False
        return True

    small = x.new_zeros(1, 1, *(side if side <= 28 else 32 + side % 4 for side in x.shape[2:]))
    if name:
        model, record = load_model(name, x.device)
        if record["recipe"]["task"] == "read":
            raise DenoiserError(f"{name!r} reads pictures and denoises none")
        if takes(model, small):
            return name, model
        others = [other for other in list_models() if takes(load_model(other, x.device)[0], small)]
        size = f"{x.shape[3]} x {x.shape[2]}"
        raise DenoiserError(f"{name} takes 28 x 28 only, this is {size}: use --fit, or one of {', '.join(others)}")
    try:
        rows = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))["results"]
        quality = {r["model"]: r["psnr"] for r in rows if (r["noise"], r["noise_factor"]) == ("gaussian", 0.5)}
    except (OSError, ValueError, KeyError, TypeError):
        quality = {}
    for candidate in sorted(list_models(), key=lambda name: -(quality.get(name) or 0)):
        model, record = load_model(candidate, x.device)
        if record["recipe"]["task"] == "denoise" and takes(model, small):
            return candidate, model
    raise DenoiserError("no model takes pictures of this size")


def pick_device(name: str | None) -> str:
    """`name`, or cuda where there is one, else cpu; DenoiserError where this machine has no such device."""
    import torch

    from .errors import DenoiserError

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DenoiserError(f"there is no device {name!r} here: {str(error).splitlines()[0]}") from error
    return name


def versions() -> dict[str, str]:
    """What a training or an evaluation ran on."""
    import platform
    import subprocess

    import torch

    quiet = {"capture_output": True, "text": True, "check": False}
    try:
        git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, **quiet)
        commit = git.stdout.strip()
    except OSError:  # no git here
        commit = ""
    return {"python": platform.python_version(), "torch": torch.__version__, "commit": commit}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))
    sys.exit(main())
