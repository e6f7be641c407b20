"""The command line: `python -m denoiser COMMAND`, or `denoiser COMMAND` once installed.

parser.py has the options, and each command a module of its own with `run(options)`, which returns the exit code.
Those modules import torch; the parser does not, so that --help is quick.
"""

import os
import sys

from ..errors import DenoiserError
from .interrupts import immediate_exit
from .messages import warn


def main(arguments: list[str] | None = None) -> int:
    """Run the command that `arguments` ask for, by default those of the process.

    Returns the exit code, 0 for success. Bad input is one line on stderr and exit code 2.
    """
    try:
        with immediate_exit():  # imports take their time, so that they are here and not above
            from importlib import import_module

            from .. import settings
            from .parser import build_parser

            if arguments is None:  # torch, not imported yet, would leave out hyper-threads
                os.environ.setdefault("OMP_NUM_THREADS", str(settings.current.threads))
            options = build_parser().parse_args(arguments)
            command = import_module(f".{options.command}", __package__)
        code: int = command.run(options)
        return code
    except DenoiserError as error:
        warn(error)
        return 2
    except KeyboardInterrupt as stop:
        print(f"\ndenoiser: {stop if str(stop) else 'stopped'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
