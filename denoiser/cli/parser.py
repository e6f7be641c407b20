"""The commands and their options; imports nothing heavy, so that --help is quick."""

import argparse
import sys
from pathlib import Path

from ..bench import BENCHMARKS
from ..deploy import HARDWARE

DATASETS_HELP = "mnist, fashion-mnist, kmnist or emnist-digits; downloaded if it is missing (default: %(default)s)"
DENOISE_CODES = (
    "Exit code: 0 where all is done; 1 where some, all or none of several files failed; 2 for other bad input."
)


def build_parser() -> argparse.ArgumentParser:
    """The parser; `options.command` names the module of this package that runs the command."""
    installed = Path(sys.argv[0]).stem == "denoiser"
    parser = argparse.ArgumentParser(
        prog="denoiser" if installed else "python -m denoiser",
        description="Train, measure and use the autoencoders of this package.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, description: str, epilog: str | None = None) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=description.rstrip("."), description=description, epilog=epilog)

    command(
        "list",
        "Name what is trained, the classical filters, and the recipes that are not trained yet.",
        "Exit code: 1 if a checkpoint is damaged.",
    )
    _add_train(command("train", "Train recipes on MNIST or other pictures; under torchrun, in several processes."))

    tune = command("tune", "Tune the classical filters on training digits and write denoiser/filters.json.")
    tune.add_argument("--digits", type=int, metavar="N", help="how many to tune on (default: as in filters.json)")

    _add_evaluate(
        command(
            "evaluate",
            "Measure models on MNIST's test digits or other pictures, ours and those of others; continues if stopped.",
            "Exit code: 1 if a model of others failed and was left out; 2 for bad input.",
        )
    )
    _add_noisy(command("noisy", "Write the noisy digits that `evaluate` uses, for a model that runs elsewhere."))
    _add_bench(
        command(
            "bench",
            "Measure how fast the page (serving), its maps (latent), originals and training are, for how many visitors "
            "(load), exported models (export), or the best possible denoising (limit); or do all that waits for a GPU "
            "(gpu).",
        )
    )
    _add_export(
        command(
            "export",
            "Write trained models as ONNX files, compared with PyTorch on 1,000 digits first; needs the extra `onnx`.",
            "Exit code: 1 where some of several models failed; 2 for bad input, or where the only one failed.",
        )
    )
    _add_denoise(
        command(
            "denoise",
            'Denoise a picture, a folder or a "glob" of them, or a stack of many as .npy, .npz or IDX (.gz too).',
            DENOISE_CODES,
        )
    )
    _add_originals(
        command(
            "originals",
            "Draw clean digits that a noisy picture of 28 x 28 may come from, and say what they read as.",
        )
    )
    _add_push(command("push", "Put trained models into a repository on the Hugging Face Hub, with a model card."))
    _add_read(
        command(
            "read",
            'Read rows of handwritten digits in a photo, a folder or a "glob" of them.',
            "Exit code: 0 where all is read; 1 where some of several files failed; 2 for other bad input.",
        )
    )
    _add_deploy(command("deploy", "Put the page on Hugging Face Spaces: create the Space and upload what it needs."))
    return parser


def _add_device(to: argparse.ArgumentParser) -> None:
    to.add_argument("--device", help="cuda or cpu (default: cuda if there is a GPU)")


def _add_precision(to: argparse.ArgumentParser) -> None:
    to.add_argument("--precision", choices=("float32", "bfloat16"), help="default: bfloat16 where it is faster")


def _add_data(to: argparse.ArgumentParser) -> None:
    pictures = to.add_mutually_exclusive_group()
    pictures.add_argument("--dataset", metavar="NAME", default="mnist", help=DATASETS_HELP)
    pictures.add_argument("--data", type=Path, metavar="DIR", help="a folder of 28 x 28 pictures, ink light on dark")
    to.add_argument("--resize", action="store_true", help="scale the folder's pictures to 28 x 28; all of one size")


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("recipes", nargs="*", metavar="RECIPE", help="`python -m denoiser list` names them")
    _add_device(train)
    _add_precision(train)
    train.add_argument("--all", action="store_true", help="all that are not up to date, continuing unfinished ones")
    train.add_argument("--set", nargs="+", metavar="KEY=VALUE", help="change settings of one recipe: batch_size=256")
    train.add_argument("--as", dest="name", metavar="NAME", help="name of a recipe with other settings or pictures")
    train.add_argument("--resume", action="store_true", help="continue an unfinished training")
    _add_data(train)


def _add_noises(to: argparse.ArgumentParser) -> None:
    to.add_argument("--noise", nargs="+", default=["gaussian"], metavar="KIND", help="noise kinds, or all")
    to.add_argument("--factors", nargs="+", type=float, metavar="F", help="default: 0.1 0.25 0.5 0.7 1.0")
    to.add_argument("--limit", type=int, metavar="N", help="only the first N digits")


def _add_noisy(noisy: argparse.ArgumentParser) -> None:
    noisy.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="where each noise gets a .npy stack")
    _add_noises(noisy)
    _add_data(noisy)


def _add_evaluate(evaluate: argparse.ArgumentParser) -> None:
    evaluate.add_argument(
        "external", nargs="*", type=Path, metavar="PATH", help="an .onnx file, or a folder of stacks denoised elsewhere"
    )
    evaluate.add_argument(
        "--callable", nargs="+", default=[], metavar="MODULE:FUNCTION", help="Python functions from arrays to arrays"
    )
    evaluate.add_argument(
        "--timeout", type=float, default=60, metavar="S", help="seconds for 500 pictures (default: %(default)s)"
    )
    _add_noises(evaluate)
    evaluate.add_argument(
        "--models", nargs="+", metavar="NAME", help="default: all, or with a PATH those in the stored results"
    )
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    evaluate.add_argument("--report", type=Path, metavar="FILE", help="write a page with charts and pictures there too")
    evaluate.add_argument("--posterior", action="store_true", help="measure samplers: sampler and unet-ancestral")
    evaluate.add_argument(
        "--originals", type=int, default=16, metavar="N", help="posterior: of each digit (16); 0 for none"
    )
    evaluate.add_argument("--dreams", type=int, default=0, metavar="N", help="posterior: measure so many (0)")
    evaluate.add_argument("--validation", action="store_true", help="posterior: on the digits held out from training")
    _add_data(evaluate)
    _add_device(evaluate)


def _add_bench(bench: argparse.ArgumentParser) -> None:
    bench.add_argument(
        "what",
        choices=BENCHMARKS,
        help="the page, its start or its maps, what shortens its delays, originals, many visitors, ways to train, "
        "a GPU, or the best possible",
    )
    bench.add_argument("--visitors", nargs="+", type=int, metavar="N", help="load: how many at once (1 10 50 100)")
    bench.add_argument("--seconds", type=float, metavar="S", help="load: how long each number of them stays (30)")
    bench.add_argument("--soak", type=float, metavar="MINUTES", help="load: the most of them for this long")
    bench.add_argument(
        "--originals", action="store_true", default=None, help="load: ask for twelve originals after each stroke"
    )
    bench.add_argument("--address", metavar="URL", help="load: of a page that already runs on this machine")
    bench.add_argument("--minutes", type=float, metavar="M", help="gpu: take at most so long (9)")
    bench.add_argument("--out", type=Path, metavar="FOLDER", help="gpu: for figures and checkpoints (gpu)")
    bench.add_argument("--rehearse", action="store_true", default=None, help="gpu: every part briefly, on the CPU")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def _add_export(export: argparse.ArgumentParser) -> None:
    export.add_argument("models", nargs="*", metavar="MODEL", help="`python -m denoiser list` names them")
    export.add_argument("--all", action="store_true", help="all trained networks that denoise or reconstruct")
    export.add_argument("--format", choices=("onnx",), default="onnx", help="default: %(default)s")
    export.add_argument("--int8", action="store_true", help="8-bit weights: a quarter of the size")
    export.add_argument("--out", type=Path, metavar="FOLDER", default=Path(), help="default: the current folder")


def _add_denoise(denoise: argparse.ArgumentParser) -> None:
    denoise.add_argument("input", type=Path, metavar="IN", help="ink light on dark, of any size")
    denoise.add_argument("output", type=Path, metavar="OUT", help="a file, of the same format for a stack; or a folder")
    denoise.add_argument(
        "--model",
        metavar="NAME",
        help="or an .onnx file, or hf://USER/NAME/MODEL; default: the best that takes the size",
    )
    denoise.add_argument("--fit", action="store_true", help="find a digit in any picture and frame it as MNIST does")
    denoise.add_argument("--noise", metavar="KIND", help="add noise first, and say what is gained (default: none)")
    denoise.add_argument("--factor", type=float, default=0.5, metavar="F", help="noise factor (default: %(default)s)")
    denoise.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise (default: %(default)s)")
    _add_precision(denoise)
    _add_device(denoise)


def _add_originals(originals: argparse.ArgumentParser) -> None:
    originals.add_argument("input", type=Path, metavar="IN", help="ink light on dark; noisy, or see --noise")
    originals.add_argument("output", type=Path, metavar="OUT", help="a picture: all of them side by side")
    originals.add_argument("--count", type=int, default=12, metavar="N", help="how many (default: %(default)s)")
    originals.add_argument("--model", metavar="NAME", help="sampler (the default) or unet-ancestral")
    originals.add_argument("--fit", action="store_true", help="find a digit in any picture and frame it as MNIST does")
    originals.add_argument("--noise", metavar="KIND", help="add noise first (default: none)")
    originals.add_argument("--factor", type=float, default=0.5, metavar="F", help="noise factor (default: %(default)s)")
    originals.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the noise and the originals (default: %(default)s)"
    )
    originals.add_argument("--json", type=Path, metavar="FILE", help="write the readings there too")
    _add_device(originals)


def _add_push(push: argparse.ArgumentParser) -> None:
    push.add_argument("repository", metavar="USER/NAME", help="created if it does not exist")
    push.add_argument("models", nargs="+", metavar="MODEL", help="`python -m denoiser list` names them")
    push.add_argument("--private", action="store_true", help="visible to you only, if it is created")
    push.add_argument("--to", type=Path, metavar="FOLDER", help="only write what would be uploaded to a new folder")


def _add_read(read: argparse.ArgumentParser) -> None:
    read.add_argument("input", type=Path, metavar="IN", help="photos of paper; ink dark on light, or light on dark")
    read.add_argument("--csv", type=Path, metavar="FILE", help="write the numbers there; continued if it exists")
    read.add_argument("--cleaned", type=Path, metavar="FOLDER", help="write the photos with cleaned digits there")
    read.add_argument("--length", type=int, metavar="N", help="each row has N digits")
    read.add_argument("--luhn", action="store_true", help="the last digit is a check digit by the Luhn formula")
    read.add_argument("--range", metavar="A..B", help="the number lies between A and B; also A.. or ..B")
    read.add_argument("--not-below", type=float, metavar="N", help="such as the last reading of a meter")
    read.add_argument(
        "--threshold", type=float, default=0.0, metavar="P", help='"?" for digits less probable than this (0)'
    )


def _add_deploy(deploy: argparse.ArgumentParser) -> None:
    deploy.add_argument("space", nargs="?", metavar="USER/NAME", help="created if it does not exist")
    deploy.add_argument("--private", action="store_true", help="visible to you only, if it is created")
    deploy.add_argument("--hardware", choices=HARDWARE, default=HARDWARE[0], help="default: %(default)s")
    instead = deploy.add_mutually_exclusive_group()
    instead.add_argument("--dry-run", action="store_true", help="only list what would be uploaded")
    instead.add_argument("--to", type=Path, metavar="FOLDER", help="only write what would be uploaded to a new folder")
