"""A Python function as a denoiser, in a process of its own: a crash or an endless loop there ends only that process."""

import os
import sys
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import torch.multiprocessing
from torch import Tensor, nn

from .contract import SECONDS, ExternalError, to_pictures

START_SECONDS = 120.0  # for importing the module and all that it imports


class FunctionModel(nn.Module):
    """The function that `address` names as package.module:function, as a denoiser.

    It is called with float32 arrays (B, 1, 28, 28) in [0, 1] and returns arrays of the same shape and range. The
    module is looked for in the current folder too. Raises ExternalError if it cannot be imported, if a call fails, if
    the process ends, or if a call takes longer than `seconds`; after the last two the model cannot be used again.
    """

    def __init__(self, address: str, seconds: float = SECONDS) -> None:
        super().__init__()
        module, _, name = address.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), name)):
            raise ExternalError(f"{address!r} has not the form package.module:function")
        self.address, self.seconds = address, seconds
        context = torch.multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, module, name), daemon=True)
        self.process.start()
        theirs.close()
        try:
            self._receive(START_SECONDS, "import")
        except ExternalError:
            self.close()
            raise

    def forward(self, noisy: Tensor) -> Tensor:
        try:
            self.connection.send(noisy.detach().float().cpu().contiguous().numpy())
        except OSError as error:
            raise ExternalError(f"the process of {self.address} has ended") from error
        return to_pictures(self._receive(self.seconds, f"denoise {len(noisy)} pictures"), len(noisy)).to(noisy.device)

    def _receive(self, seconds: float, what: str) -> Any:
        """The next message of the process; ExternalError if there is none in time, or if it is an error."""
        if not self.connection.poll(seconds):
            self.close()
            raise ExternalError(f"{self.address} took longer than {seconds:g} s to {what}")
        try:
            output, error = self.connection.recv()
        except (EOFError, OSError) as ended:
            self.process.join(5)
            code = self.process.exitcode
            raise ExternalError(f"the process of {self.address} ended with exit code {code}") from ended
        if error:
            raise ExternalError(error)
        return output

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection, module: str, name: str) -> None:
    """In the process of the function: answer each array with (output, "") or, if the call fails, (None, sentence)."""
    sys.path.insert(0, os.getcwd())
    try:
        function = getattr(import_module(module), name)
        if not callable(function):
            raise TypeError(f"{name} is {type(function).__name__}, no function")
    except (Exception, SystemExit) as error:
        connection.send((None, f"{module}:{name} cannot be imported: {_words(error)}"))
        return
    connection.send((None, ""))
    while True:
        try:
            noisy = connection.recv()
        except EOFError:
            return
        try:
            output = function(noisy)
            reply = (output.detach().cpu().numpy() if isinstance(output, Tensor) else output, "")
        except Exception as error:
            reply = (None, f"{module}:{name} failed: {_words(error)}")
        try:
            connection.send(reply)
        except Exception as error:  # it cannot be pickled
            connection.send((None, f"{module}:{name} returns {type(reply[0]).__name__}, no array: {_words(error)}"))


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
