"""Hugging Face's ZeroGPU, which lends a GPU to single functions; on any other machine this does nothing.

app.py imports this first: `spaces` must be there before torch touches CUDA.
"""

from collections.abc import Callable

try:
    import spaces
except ImportError:  # not a Space: a package of that name exists only there
    spaces = None


def borrows_gpu(seconds: int) -> Callable[[Callable], Callable]:
    """A decorator: on ZeroGPU the function, or generator, runs on a GPU for at most that long; elsewhere as it is.

    There it runs in a process of its own: what goes in and comes out is copied, and nothing else it changes is kept.
    """
    return spaces.GPU(duration=seconds) if spaces else lambda function: function
