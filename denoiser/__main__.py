"""python -m denoiser <verb>: train, measure and use the autoencoders of this package."""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

RUNS = Path("runs")  # states of unfinished trainings and evaluations; not committed


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code, 0 where all went well. Bad input is one line on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m denoiser", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    train = verbs.add_parser("train", help="train recipes and write their checkpoints")
    train.add_argument("recipes", nargs="+", metavar="RECIPE")
    train.add_argument("--device", default=None, help="cuda or cpu (default: cuda where there is one)")
    train.add_argument("--precision", choices=("float32", "bfloat16"), help="default: bfloat16 where it is faster")
    train.add_argument("--resume", action="store_true", help="go on where a training was cut off")
    train.set_defaults(run=run_train)

    options = parser.parse_args(arguments)
    from .errors import DenoiserError

    try:
        options.run(options)
    except DenoiserError as error:
        print(f"denoiser: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ndenoiser: stopped", file=sys.stderr)
        return 130
    return 0


def run_train(options: argparse.Namespace) -> None:
    """Train each recipe; all names are checked before the first training starts."""
    from .checkpoint import save_model
    from .data import load_mnist
    from .models import parameter_count
    from .recipes import get_recipe
    from .training import fit

    recipes = [get_recipe(name) for name in options.recipes]
    digits = load_mnist("train", pick_device(options.device))
    for recipe in recipes:
        state = RUNS / f"{recipe.name}.state.safetensors"
        model, outcome = fit(recipe, digits, state_file=state, resume=options.resume, precision=options.precision)
        record = {
            "recipe": recipe.as_dict(),
            "parameters": parameter_count(model),
            "seed": recipe.seed,
            "data": "MNIST training set: 55,000 digits to train, the last 5,000 to validate",
            "versions": versions(),
            "command": f"python -m denoiser train {recipe.name}",
            **outcome,
        }
        saved = save_model(model, record)
        state.unlink(missing_ok=True)
        print(f"{recipe.name}: validation {saved['history'][-1]['validation']:.4f}, {saved['seconds']:.0f} s")


def pick_device(name: str | None) -> str:
    """`name`, or cuda where there is one, else cpu."""
    import torch

    return name or ("cuda" if torch.cuda.is_available() else "cpu")


def versions() -> dict[str, str]:
    """What the training ran on."""
    import torch

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"python": platform.python_version(), "torch": torch.__version__, "commit": commit.stdout.strip()}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))
    sys.exit(main())
