"""Denoisers that are not ours: ONNX files, Python functions, and folders of pictures that were denoised elsewhere.

Each becomes a module like our own models: pictures (B, 1, 28, 28) in [0, 1] in and out. Whatever goes wrong in foreign
code or files is an ExternalError, whose message is a sentence.
"""

from .contract import SECONDS, ExternalError
from .function import FunctionModel
from .onnx_file import OnnxModel, load_onnx
from .stacks import StackFolder, stack_name, write_noisy

__all__ = [
    "SECONDS",
    "ExternalError",
    "FunctionModel",
    "OnnxModel",
    "StackFolder",
    "load_onnx",
    "stack_name",
    "write_noisy",
]
