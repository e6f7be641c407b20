"""Trained models as ONNX files, checked against PyTorch on digits before they are written.

With 8-bit weights each output channel of a layer has a scale of its own; the arithmetic stays float32.
"""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .checkpoint import load_checkpoint
from .data import SIDE, Digits
from .errors import DenoiserError
from .evaluation import milliseconds, noisy_batches
from .external import OnnxModel
from .external.onnx_file import METADATA
from .files import write_atomically
from .filters import FILTERS
from .metrics import psnr
from .recipe import PICTURE_TASKS, Recipe
from .record import Record

CHECKED = 1000  # digits that an exported model is compared on, under Gaussian noise of FACTOR
FACTOR = 0.5
TOLERANCE = 1e-4  # by which a pixel may differ from PyTorch's
LOSS = 0.02  # dB of PSNR that 8-bit weights may cost
OPSET = 20
CODES = 127  # 8-bit weights are from -127 to 127
SMALLEST = 256  # numbers in a tensor below which 8 bits save nothing
MISSING = "exporting needs onnx, onnxscript and onnxruntime: pip install 'denoiser-app[onnx]'"


class ExportError(DenoiserError, RuntimeError):
    """A model that cannot be exported, or whose exported form differs from it; the message says why."""


@dataclass(frozen=True)
class Exported:
    """An ONNX file and how it compares with PyTorch on the same digits.

    `difference` is the largest of any pixel, `psnr_before` and `psnr_after` are the mean in dB of PyTorch and of the
    file, and the milliseconds those of one digit in one thread.
    """

    path: Path
    bytes: int
    difference: float
    psnr_before: float
    psnr_after: float
    ms_before: float
    ms_after: float


def export_onnx(name: str, path: Path, digits: Digits, int8: bool = False) -> Exported:
    """Write the trained model `name` to `path` as ONNX: `noisy` to `denoised`, float32 (any, 1, 28, 28) in [0, 1].

    The file describes itself with the model's record. It is compared with PyTorch on `digits` first, and not written
    if a pixel differs by more than TOLERANCE or, with `int8`, the PSNR by more than LOSS. Raises ExportError for that,
    for a model that does not denoise and without the packages needed; CheckpointError for an unknown or damaged model.
    """
    if name in FILTERS:
        raise ExportError(f"{name} is a classical filter; only trained networks can be exported")
    model, record = load_checkpoint(name)
    if record.recipe.task not in PICTURE_TASKS:
        raise ExportError(f"{name} reads or samples pictures and denoises none")
    content = to_onnx(model, record, int8)
    exported = compare(model, OnnxModel(content), digits, path, len(content))
    if not int8 and exported.difference > TOLERANCE:
        raise ExportError(f"{name} in ONNX differs from PyTorch by {exported.difference:.1e}, over {TOLERANCE:g}")
    if int8 and exported.psnr_before - exported.psnr_after > LOSS:
        lost = exported.psnr_before - exported.psnr_after
        raise ExportError(f"{name} loses {lost:.3f} dB with 8-bit weights, over {LOSS:g}; export it without --int8")
    write_atomically(path, content)
    return exported


def to_onnx(model: nn.Module, record: Record[Recipe], int8: bool = False) -> bytes:
    """The model as the content of an ONNX file; ExportError without the packages needed."""
    try:
        import onnxruntime  # noqa: F401  # of no use without
        import onnxscript  # noqa: F401  # torch imports it
        from onnx import helper
    except ImportError as error:
        raise ExportError(MISSING) from error
    with _quiet():
        program = torch.onnx.export(
            model,
            (torch.zeros(2, 1, SIDE, SIDE),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["noisy"],
            output_names=["denoised"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.initializer, proto.graph, proto):
        part.ClearField("metadata_props")  # names and paths of the code that was exported
    if int8:
        _quantize(proto.graph)
    recipe = record.recipe
    about = {
        "name": recipe.name,
        "title": recipe.title,
        "family": recipe.family,
        "parameters": record.parameters,
        "weights": "int8" if int8 else "float32",
        "record": {key: value for key, value in record.as_dict().items() if key != "history"},
    }
    helper.set_model_props(proto, {METADATA: json.dumps(about)})
    proto.doc_string = f"{recipe.title}. Noisy pictures to denoised ones, in [0, 1], ink 1 on background 0."
    return proto.SerializeToString()


@contextmanager
def _quiet() -> Iterator[None]:
    """Within it, nothing that the exporter says of its own workings is shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _quantize(graph: Any) -> None:
    """Replace the weights of an ONNX graph by 8-bit ones and a scale for each output channel."""
    from onnx import helper, numpy_helper

    weights = {tensor.name: tensor for tensor in graph.initializer}
    axes: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            if name in weights and (axis := _channel_axis(node, len(weights[name].dims))) is not None:
                axes.setdefault(name, axis)
    decoding = []
    for name, axis in axes.items():
        values = numpy_helper.to_array(weights[name])
        if values.dtype != np.float32 or values.ndim < 2 or values.size < SMALLEST:
            continue
        others = tuple(a for a in range(values.ndim) if a != axis)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / CODES, np.finfo(np.float32).tiny)
        codes = np.round(values / scale).astype(np.int8)
        graph.initializer.remove(weights[name])
        graph.initializer.extend(
            [numpy_helper.from_array(codes, f"{name}.int8"), numpy_helper.from_array(scale.ravel(), f"{name}.scale")]
        )
        inputs = [f"{name}.int8", f"{name}.scale"]
        decoding.append(helper.make_node("DequantizeLinear", inputs, [name], axis=axis, name=f"{name}.decode"))
    nodes = [*decoding, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _channel_axis(node: Any, dimensions: int) -> int | None:
    """The axis of output channels in the weight of an ONNX operation, None if it has no weight."""
    if node.op_type == "Gemm":
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    axes = {"Conv": 0, "ConvTranspose": 1, "MatMul": dimensions - 1, "LSTM": 1, "Slice": 0}  # Slice: an LSTM's gates
    return axes.get(node.op_type)


def compare(model: nn.Module, onnx: OnnxModel, digits: Digits, path: Path, size: int) -> Exported:
    """How the ONNX form of `model`, a file `path` of `size` bytes, compares with it on the first CHECKED digits."""
    difference, before, after = error_of(model, onnx, digits[:CHECKED])
    one = next(noisy_batches(digits[:1], "gaussian", FACTOR))
    return Exported(
        path=path,
        bytes=size,
        difference=difference,
        psnr_before=before,
        psnr_after=after,
        ms_before=milliseconds(model, one),
        ms_after=milliseconds(onnx, one),
    )


@torch.inference_mode()
def error_of(model: nn.Module, exported: nn.Module, digits: Digits) -> tuple[float, float, float]:
    """The largest difference of a pixel between two forms of a model on noisy `digits`, and the mean PSNR of each."""
    noisy = list(noisy_batches(digits, "gaussian", FACTOR))
    before, after = (torch.cat([form(y) for y in noisy]) for form in (model, exported))
    clean = digits.floats()
    quality = [psnr(x_hat, clean).mean().item() for x_hat in (before, after)]
    return (before - after).abs().max().item(), quality[0], quality[1]
