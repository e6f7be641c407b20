"""Models in ONNX files, run by onnxruntime, which is an extra of this package."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data import PIXELS, SIDE
from ..files import read_regular
from ..recipe import Method
from ..record import Record
from .contract import EXTERNAL, LAYOUTS, SECONDS, ExternalError, to_pictures

LARGEST = 2**31  # bytes of a file: more than any ONNX file may have
MISSING = "ONNX files need onnxruntime: pip install 'denoiser-app[onnx]'"
METADATA = "denoiser"  # the key under which our own exports describe themselves, as JSON
INPUTS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


class OnnxModel(nn.Module):
    """An ONNX model as a denoiser: pictures (B, 1, 28, 28) in [0, 1] in and out.

    The file may take pictures in any of LAYOUTS. A batch size that is fixed in the file is filled up or split. It uses
    as many threads as torch. Raises ExternalError if a call fails, or takes longer than `seconds`.
    """

    def __init__(self, content: bytes, seconds: float = SECONDS) -> None:
        super().__init__()
        try:
            import onnxruntime
        except ImportError as error:
            raise ExternalError(MISSING) from error
        self.runtime, self.content, self.seconds = onnxruntime, content, seconds
        self.session = cache(self._open)
        session = self.session(torch.get_num_threads())
        self.metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ExternalError(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not one of each")
        (self.input,) = inputs
        if self.input.type not in INPUTS:
            raise ExternalError(f"its input is {self.input.type}, not of floating-point numbers")
        self.layout = _layout(self.input.shape)
        self.batch = self.input.shape[0] if isinstance(self.input.shape[0], int) else None

    def _open(self, threads: int) -> Any:
        """A session that computes in so many threads."""
        options = self.runtime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is raised
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # 8-bit weights become float32 once
        try:
            return self.runtime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common class
            raise ExternalError(f"it is no ONNX model that onnxruntime can run: {_first_line(error)}") from error

    def forward(self, noisy: Tensor) -> Tensor:
        if noisy.shape[1:] != (1, SIDE, SIDE):
            raise ExternalError(f"it takes 28 x 28 only, this is {noisy.shape[3]} x {noisy.shape[2]}")
        array = noisy.detach().float().cpu().contiguous().numpy().reshape(-1, *self.layout)
        size = self.batch or len(array)
        parts = [self._run(array[start : start + size], size) for start in range(0, len(array), size)]
        return to_pictures(np.concatenate(parts), len(noisy)).to(noisy.device)

    def _run(self, part: np.ndarray, size: int) -> np.ndarray:
        count = len(part)
        if count < size:
            part = np.concatenate([part, np.zeros((size - count, *part.shape[1:]), part.dtype)])
        options = self.runtime.RunOptions()
        options.log_severity_level = 4
        timer = Timer(self.seconds, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            session = self.session(torch.get_num_threads())
            (output,) = session.run(None, {self.input.name: part.astype(INPUTS[self.input.type])}, options)
        except Exception as error:
            if options.terminate:
                raise ExternalError(f"it took longer than {self.seconds:g} s for {count} pictures") from error
            raise ExternalError(f"onnxruntime cannot run it: {_first_line(error)}") from error
        finally:
            timer.cancel()
        if not isinstance(output, np.ndarray):
            raise ExternalError(f"the output is {type(output).__name__}, no array of numbers")
        return output[:count] if len(output) == size else output


def _layout(shape: Sequence[Any]) -> tuple[int, ...]:
    """The layout of a picture for an input of this shape, in which names and None stand for any length."""
    sides = [side if isinstance(side, int) else None for side in shape]
    for layout in LAYOUTS:
        if len(layout) == len(sides) - 1 and all(a in (None, b) for a, b in zip(sides[1:], layout, strict=True)):
            return layout
    shown = tuple("any" if side is None else side for side in sides)
    raise ExternalError(
        f"its input has shape ({', '.join(map(str, shown))}), not (any, 1, {SIDE}, {SIDE}), "
        f"(any, {SIDE}, {SIDE}, 1), (any, {SIDE}, {SIDE}) or (any, {PIXELS})"
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def load_onnx(path: Path, seconds: float = SECONDS) -> tuple[OnnxModel, Record[Method]]:
    """The denoiser in an ONNX file, and a record named after the file; one that we exported says what it is of.

    Raises ExternalError naming the file if it cannot be read or is no denoiser of 28 x 28 pictures.
    """
    try:
        content = read_regular(path, LARGEST)
    except OSError as error:
        raise ExternalError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        model = OnnxModel(content, seconds)
    except ExternalError as error:
        raise ExternalError(str(error) if str(error) == MISSING else f"{path}: {error}") from error
    about = _about(model.metadata)
    method = Method(path.name, str(about.get("title", "ONNX model")), str(about.get("family", EXTERNAL)), "denoise")
    parameters = about.get("parameters")
    return model.eval(), Record(
        method,
        parameters=parameters if isinstance(parameters, int) else 0,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )


def _about(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What a file that we exported says of itself; empty for another file."""
    try:
        about = json.loads(metadata.get(METADATA, "{}"))
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}
