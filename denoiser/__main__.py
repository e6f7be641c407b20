"""python -m denoiser <verb>: train, measure and use the autoencoders of this package."""

import argparse
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from statistics import fmean

RUNS = Path("runs")  # states of unfinished trainings and evaluations; not committed
TUNING_DIGITS = 256
DENOISE_CODES = (
    "Exit code: 0 where all is done; 1 where some, all or none of several files failed; 2 for other bad input."
)


class Stopped(KeyboardInterrupt):
    """Ctrl-C; the message says how to go on."""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code, 0 where all went well. Bad input is one line on stderr and exit code 2."""
    from .errors import DenoiserError

    try:
        with stopping_at_once():
            options = build_parser().parse_args(arguments)
            import_module(".evaluation", __package__)  # and with it torch
        return options.run(options) or 0
    except DenoiserError as error:
        print(f"denoiser: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"\ndenoiser: {stop if str(stop) else 'stopped'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


@contextmanager
def stopping_at_once() -> Iterator[None]:
    """Ctrl-C ends the process at once meanwhile.

    For imports, which are nothing to clean up after, and some of which turn the interruption into errors of their own.
    """

    def stop(*_) -> None:
        os.write(sys.stderr.fileno(), b"\ndenoiser: stopped\n")
        os._exit(130)

    if threading.current_thread() is not threading.main_thread():  # only that one receives signals
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def build_parser() -> argparse.ArgumentParser:
    """All verbs and their options; imports nothing heavy, so that --help is quick."""
    from .bench import BENCHMARKS
    from .data import DATASETS
    from .deploy import HARDWARE

    parser = argparse.ArgumentParser(prog="python -m denoiser", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(run, **options) -> argparse.ArgumentParser:
        help = run.__doc__.splitlines()[0].rstrip(".")
        added = verbs.add_parser(run.__name__.removeprefix("run_"), help=help, description=run.__doc__, **options)
        added.set_defaults(run=run)
        return added

    def add_device(to: argparse.ArgumentParser) -> None:
        to.add_argument("--device", help="cuda or cpu (default: cuda where there is one)")

    def add_precision(to: argparse.ArgumentParser) -> None:
        to.add_argument("--precision", choices=("float32", "bfloat16"), help="default: bfloat16 where it is faster")

    def add_data(to: argparse.ArgumentParser) -> None:
        pictures = to.add_mutually_exclusive_group()
        pictures.add_argument("--dataset", choices=DATASETS, default="mnist", help="downloaded where it is missing")
        pictures.add_argument(
            "--data", type=Path, metavar="DIR", help="a folder of 28 x 28 pictures, ink light on dark"
        )
        to.add_argument("--resize", action="store_true", help="scale the folder's pictures to 28 x 28; all of one size")

    verb(run_list, epilog="Exit code: 1 where a checkpoint is damaged.")

    train = verb(run_train)
    train.add_argument("recipes", nargs="*", metavar="RECIPE", help="`python -m denoiser list` names them")
    add_device(train)
    add_precision(train)
    train.add_argument("--all", action="store_true", help="all that are not up to date, going on where one was cut off")
    train.add_argument(
        "--set", nargs="+", metavar="KEY=VALUE", help="another setting of the one recipe: batch_size=256"
    )
    train.add_argument("--as", dest="name", metavar="NAME", help="what a recipe with other settings or data is called")
    train.add_argument("--resume", action="store_true", help="go on where a training was cut off")
    add_data(train)

    tune = verb(run_tune)
    tune.add_argument("--digits", type=int, default=TUNING_DIGITS, help="how many to tune on (default: %(default)s)")

    evaluate = verb(run_evaluate)
    evaluate.add_argument("--noise", nargs="+", default=["gaussian"], metavar="KIND", help="noise kinds, or all")
    evaluate.add_argument("--factors", nargs="+", type=float, metavar="F", help="default: 0.1 0.25 0.5 0.7 1.0")
    evaluate.add_argument("--models", nargs="+", metavar="NAME", help="default: all; tv-oracle is tv told the noise")
    evaluate.add_argument("--limit", type=int, metavar="N", help="only the first N digits")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    evaluate.add_argument("--posterior", action="store_true", help="measure samplers: sampler and unet-ancestral")
    evaluate.add_argument("--originals", type=int, default=16, metavar="N", help="posterior: of each digit (16)")
    evaluate.add_argument("--dreams", type=int, default=0, metavar="N", help="posterior: measure so many (0)")
    evaluate.add_argument("--validation", action="store_true", help="posterior: on the digits held out from training")
    add_data(evaluate)
    add_device(evaluate)

    bench = verb(run_bench)
    bench.add_argument(
        "what",
        choices=BENCHMARKS,
        help="the page or its maps in a real browser, many visitors, training against other ways, or the best possible",
    )
    bench.add_argument("--visitors", nargs="+", type=int, metavar="N", help="load: how many at once (1 10 50 100)")
    bench.add_argument("--seconds", type=float, metavar="S", help="load: how long each number of them stays (30)")
    bench.add_argument(
        "--soak", type=float, metavar="MINUTES", help="load: the most of them for long; does memory grow?"
    )
    bench.add_argument("--address", metavar="URL", help="load: of a page that runs on this machine already")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")

    denoise = verb(run_denoise, epilog=DENOISE_CODES)
    denoise.add_argument("input", type=Path, metavar="IN", help="ink light on dark, of any size")
    denoise.add_argument("output", type=Path, metavar="OUT", help="a file, of the same format for a stack; or a folder")
    denoise.add_argument("--model", metavar="NAME", help="default: the best one on the test set that takes the size")
    denoise.add_argument("--fit", action="store_true", help="find a digit in any picture and frame it as MNIST does")
    denoise.add_argument("--noise", metavar="KIND", help="add noise first, and say what is gained (default: none)")
    denoise.add_argument("--factor", type=float, default=0.5, metavar="F", help="noise factor (default: %(default)s)")
    denoise.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise (default: %(default)s)")
    add_precision(denoise)
    add_device(denoise)

    deploy = verb(run_deploy)
    deploy.add_argument("space", nargs="?", metavar="USER/NAME", help="created where there is none")
    deploy.add_argument("--private", action="store_true", help="for your eyes only, where it is created")
    deploy.add_argument("--hardware", choices=HARDWARE, default=HARDWARE[0], help="default: %(default)s")
    instead = deploy.add_mutually_exclusive_group()
    instead.add_argument("--dry-run", action="store_true", help="only list what would be uploaded")
    instead.add_argument("--to", type=Path, metavar="FOLDER", help="only write what would be uploaded to a new folder")
    return parser


def run_list(options: argparse.Namespace) -> int:
    """Name what is trained, the classical filters, and the recipes that wait to be trained."""
    from .checkpoint import CheckpointError, misnamed, read_checkpoint, trained
    from .filters import FILTERS
    from .models import build, parameter_count
    from .recipes import RECIPES

    there = trained()
    names = [name for name in RECIPES if name in there] + [name for name in there if name not in RECIPES]
    rows, problems = [], [f"{file}: a name has letters, digits and hyphens only" for file in misnamed()]
    for name in names:
        try:
            rows.append(("trained", read_checkpoint(name)[0]))
        except CheckpointError as error:
            problems.append(str(error))
            recipe = RECIPES[name].as_dict() if name in RECIPES else {"name": name, "title": "", "task": "-"}
            rows.append(("damaged", {"recipe": recipe, "parameters": None}))
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
    for problem in problems:
        print(f"denoiser: {one_line(problem)}", file=sys.stderr)
    return 1 if problems else 0


def one_line(words: object) -> str:
    """`words` in one line that a terminal shows as it is."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(words).split()))


def _line(state: str, record: dict) -> tuple[str, ...]:
    """One line of the list: name, state, parameters, task, what it was trained on, title, source."""
    from .data import data_title

    recipe = record["recipe"]
    kinds, factor = recipe.get("noise") or (), recipe.get("noise_factor") or ""
    noise = "+".join(dict.fromkeys(kinds)) if len(kinds) < 3 else "several kinds"
    factor = "-".join(f"{f:g}" for f in factor) if isinstance(factor, list | tuple) else f"{factor}"
    seen, data = f"{noise} {factor}".strip() or "clean digits", recipe.get("data", "mnist")
    source = recipe.get("source") or {}
    about = f"{source.get('title', '')}, {source.get('year', '')}".strip(", ") or "ours"
    return (
        recipe["name"],
        state,
        f"{record['parameters']:,}" if record["parameters"] else "-",
        recipe["task"],
        "-" if state == "filter" else f"{seen}, {data_title(data)}" if data != "mnist" else seen,
        _shortened(recipe["title"], 44),
        _shortened(about, 48),
    )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def run_train(options: argparse.Namespace) -> None:
    """Train recipes on MNIST or other pictures; under torchrun, several processes share every batch."""
    from .checkpoint import training_lock, up_to_date
    from .data import training_words
    from .engine import Engine, Team
    from .errors import DenoiserError
    from .files import sweep
    from .recipes import RECIPES, get_recipe, variation

    if options.all == bool(options.recipes):
        raise DenoiserError("name the recipes to train, or --all; `python -m denoiser list` names them")
    team = Team()
    plan = {name: get_recipe(name) for name in options.recipes or RECIPES}
    other = options.data is not None or options.dataset != "mnist"
    alone = bool(options.set) != bool(options.name) and not (other and options.name)
    if alone or (options.name and len(plan) > 1):
        raise DenoiserError("--set and --as go together, and change one recipe")
    if options.data and not options.name:
        raise DenoiserError("what is trained on --data needs a name: --as NAME")
    data, digits = load_pictures(options, "train", team.device(pick_device(options.device)))
    engine = Engine.fastest(digits.images.device, options.precision)
    if options.set or other:
        settings = read_settings(options.set or [])
        plan = {n: variation(recipe, options.name or f"{n}-{data}", settings, data) for n, recipe in plan.items()}
    if not digits.labelled and (reading := [name for name, recipe in plan.items() if recipe.task == "read"]):
        raise DenoiserError(f"{reading[0]} learns to read, which takes labels, and the pictures of a folder have none")
    if options.all:
        plan = {name: recipe for name, recipe in plan.items() if not up_to_date(recipe)}
        if not plan:
            print("every recipe is trained as it stands")
    if other and team.leads:
        print(training_words(data, digits))
    with ExitStack() as stack:
        if team.leads:
            for recipe in plan.values():
                stack.enter_context(training_lock(recipe.name))
            sweep(RUNS)
        stack.enter_context(team.gathered(digits.images.device))
        train_each(plan, digits, engine, team, options.resume or options.all, flags(options))


def load_pictures(options: argparse.Namespace, split: str, device: str) -> tuple:
    """What a recipe's `data` calls the pictures that the options ask for, and these: (data, digits)."""
    from .data import load_dataset, load_folder
    from .errors import DenoiserError

    if options.data:
        return load_folder(options.data, device, options.resize)
    if options.resize:
        raise DenoiserError("--resize is for the pictures of --data")
    return options.dataset, load_dataset(options.dataset, split, device)


def flags(options: argparse.Namespace) -> str:
    """What of a training's command line decides its outcome, but for the recipes' names."""
    words = ["--dataset", options.dataset] if options.dataset != "mnist" else []
    words += ["--data", str(options.data)] if options.data else []
    words += ["--resize"] if options.resize else []
    words += ["--set", *options.set] if getattr(options, "set", None) else []
    words += ["--as", options.name] if getattr(options, "name", None) else []
    return "".join(f" {shlex.quote(word)}" for word in words)


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


def train_each(plan: dict, digits, engine, team, resume: bool, flags: str) -> None:
    """Train and save one recipe after the other, under one progress bar; Stopped where Ctrl-C ends it.

    `plan` are the recipes by the names they have on the command line, and `flags` what else stands there.
    """
    from tqdm import tqdm

    from .checkpoint import load_checkpoint, save_model, up_to_date
    from .data import split_validation, training_words
    from .latent import has_plane, write_codes
    from .models import parameter_count
    from .training import fit, steps_of_epoch

    count = len(split_validation(digits)[0])
    total = sum(recipe.total_epochs * steps_of_epoch(recipe, count) for recipe in plan.values())
    with tqdm(total=total, unit="step", smoothing=0.01, disable=not team.leads) as bar:
        for place, (name, recipe) in enumerate(plan.items()):
            state = RUNS / f"{recipe.name}.state.safetensors"
            if resume and not state.exists() and up_to_date(recipe):
                bar.write(f"{recipe.name}: is trained already; without --resume it is trained again")
                bar.update(recipe.total_epochs * steps_of_epoch(recipe, count))
                continue
            started_as = versions()
            try:
                start = load_checkpoint(recipe.warm_start)[0].state_dict() if recipe.warm_start else None
                model, outcome = fit(
                    recipe, digits, state_file=state, resume=resume, engine=engine, bar=bar, team=team, warm_start=start
                )
            except KeyboardInterrupt:
                rest = " ".join(list(plan)[place:])
                kept = "kept" if state.exists() else "no epoch of it is done"
                again = f"python -m denoiser train {rest}{flags} --resume"
                raise Stopped(f"stopped in {recipe.name}, {kept}; to go on: {again}") from None
            if not team.leads:
                continue
            record = {
                "recipe": recipe.as_dict(),
                "fingerprint": recipe.fingerprint(),
                "parameters": parameter_count(model),
                "seed": recipe.seed,
                "data": training_words(recipe.data, digits),
                "versions": started_as,
                "command": f"python -m denoiser train {name}{flags}",
                **outcome,
            }
            saved = save_model(model, record)
            state.unlink(missing_ok=True)
            if has_plane(model) and recipe.data == "mnist":  # whose test digits the map shows
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
    """Measure models on MNIST's test digits or other pictures, noise seeded per digit; goes on where cut off."""
    import json
    import time

    import torch

    from .errors import DenoiserError
    from .evaluation import FACTORS, evaluate, tables
    from .files import write_atomically
    from .noise import NOISES

    device = pick_device(options.device)
    if options.limit is not None and options.limit < 1:
        raise DenoiserError(f"--limit is {options.limit}, not 1 or more")
    kinds = list(NOISES) if "all" in options.noise else list(dict.fromkeys(options.noise))
    factors = tuple(dict.fromkeys(options.factors or FACTORS))
    if options.posterior:
        evaluate_posterior(options, device, kinds)
        return
    data, digits = load_pictures(options, "test", device)
    digits = digits[: options.limit]
    start = time.perf_counter()
    try:
        report = evaluate(digits, options.models, kinds, factors, data=data, cache_folder=RUNS / "evaluation")
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


def evaluate_posterior(options: argparse.Namespace, device: str, kinds: list[str]) -> None:
    """Measure how well samplers know what a noisy digit may have been, and how digit-like their dreams are."""
    import json

    from tqdm import tqdm

    from .data import split_validation
    from .errors import DenoiserError
    from .files import write_atomically
    from .posterior import BASELINE, SAMPLER
    from .posterior_evaluation import FACTORS, evaluate_samplers, format_dreams, format_originals

    _, everything = load_pictures(options, "train", device)
    training, held_out = split_validation(everything)
    digits = (held_out if options.validation else load_pictures(options, "test", device)[1])[: options.limit]
    names, factors = options.models or [SAMPLER, BASELINE], tuple(options.factors or FACTORS)
    if not digits.labelled:
        raise DenoiserError("votes are compared with labels, and the pictures of a folder have none")
    with tqdm(unit="digit") as bar:
        report = evaluate_samplers(
            names, digits, kinds, factors, options.originals, training, options.dreams, bar.update
        )
    print(format_originals(report["originals"]))
    if report["dreams"]:
        print(format_dreams(report["dreams"]))
    if options.json:
        write_atomically(options.json, json.dumps({"versions": versions()} | report, indent=1) + "\n")


def command(options: argparse.Namespace) -> str:
    """The command line that asks for the same evaluation."""
    words = [f"python -m denoiser evaluate{flags(options)}"]
    for name in ("noise", "factors", "models"):
        if values := getattr(options, name):
            words += [f"--{name}", *map(str, values)]
    words += [f"--{name} {getattr(options, name)}" for name in ("limit", "json") if getattr(options, name)]
    return " ".join(words)


def run_bench(options: argparse.Namespace) -> None:
    """Measure: how fast the page (serving), its maps (latent) and training are, for how many (load), or the limit."""
    from .bench import main

    about = {name: getattr(options, name) for name in ("visitors", "seconds", "soak", "address")}
    main(options.what, options.json, **about)


def run_denoise(options: argparse.Namespace) -> int:
    """Denoise a picture, a folder or a "glob" of them, or a stack of many as .npy, .npz or IDX (.gz too)."""
    import time

    from tqdm import tqdm

    from .batch import Batch, Request, find_jobs
    from .files import make_folder, sweep
    from .pictures import is_stack

    words = ("model", "noise", "factor", "seed", "fit", "precision")
    request = Request(device=pick_device(options.device), **{word: getattr(options, word) for word in words})
    jobs, single = find_jobs(options.input, options.output)
    if not jobs:
        print(f"denoiser: there is no file to denoise in {options.input}", file=sys.stderr)
        return 1
    if not single:
        make_folder(options.output)
        sweep(options.output)
    start, layout = time.perf_counter(), "{l_bar}{bar}| {elapsed}<{remaining}"
    with tqdm(total=len(jobs), bar_format=layout, delay=1 if single else 0) as bar:

        def warn(line: str) -> None:
            if single:  # a bar that is not shown yet cannot be written over
                print(f"denoiser: {one_line(line)}", file=sys.stderr)
            else:
                bar.write(f"denoiser: {one_line(line)}", file=sys.stderr)

        outcome = Batch(
            request,
            step=lambda share: bar.update(share) if not single or share < 1 else None,  # no bar for what is one step
            say=lambda line: warn(line) if not single else None,
            warn=warn,
        ).run(jobs)
    if single:
        sys.stderr.writelines(f"denoiser: {one_line(line)}\n" for line in outcome.failures)
        if not outcome.files:
            return 2
    what = f"{outcome.files:,} of {len(jobs):,} files"
    if single:
        count = f"{outcome.pictures:,} pictures of " if is_stack(jobs[0].source) else ""
        what = f"{count}{outcome.size[1]} x {outcome.size[0]}"
    by = f" by {', '.join(outcome.models)}" if outcome.models else ""
    gain = f", PSNR {fmean(outcome.before):.2f} -> {fmean(outcome.after):.2f} dB" if outcome.before else ""
    seconds = "" if single and outcome.pictures == 1 else f", {time.perf_counter() - start:.1f} s"
    print(f"{jobs[0].target if single else options.output}: {what}{by}{gain}{seconds}")
    return 1 if outcome.failures else 0


def run_deploy(options: argparse.Namespace) -> None:
    """Put the page on Hugging Face Spaces: create the Space and upload what it needs, nothing else."""
    from .deploy import DeployError, deploy, listing, space_files, write_copy

    if not (options.space or options.dry_run or options.to):
        raise DeployError("name the Space as USER/NAME, or --dry-run, or --to FOLDER")
    files = space_files()
    if options.dry_run:
        print(listing(files))
    elif options.to:
        write_copy(files, options.to)
        print(f"{options.to}: {len(files)} files")
    else:
        print(f"{deploy(options.space, files, options.hardware, options.private)}: {len(files)} files")


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
