"""Imports Gradio in half the time: to be imported before anything else that imports Gradio.

While it is imported, Gradio 6.31 parses the source of each of its components, twice, to write a type stub beside it,
which only editors read. It skips components that have no source file, so inspect.getfile says so of all of them.
"""

import inspect

_getfile = inspect.getfile


def getfile(object: object) -> str:
    """As inspect.getfile; OSError for a component of Gradio."""
    if type(object).__name__ == "ComponentMeta":
        raise OSError("no stub is needed")
    return _getfile(object)  # type: ignore[arg-type]


inspect.getfile = getfile
try:
    import gradio  # noqa: F401
finally:
    inspect.getfile = _getfile
