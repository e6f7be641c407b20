"""Starts the page: python -m denoiser.web, or python app.py in a checkout."""

from denoiser.web.serving import gpu  # noqa: F401, before all else: see there

# isort: split
from denoiser.web import gradio_import  # noqa: F401, before all that imports Gradio: see there

# isort: split
import os
import socket

from denoiser.runtime.malloc import DEFAULT_LIMIT, keep_freed_memory, limit_arenas, release_freed_memory
from denoiser.web.app import build_page, launch_options
from denoiser.web.server import logging


def main() -> None:
    """Build the page and serve it until the process is stopped.

    SystemExit with a sentence where the port that $GRADIO_SERVER_PORT asks for cannot be had. Gradio would take the
    next free one, and whoever looks after the server would ask another process whether it is well.
    """
    limit_arenas()
    keep_freed_memory(DEFAULT_LIMIT)
    logging.start()
    port = os.environ.get("GRADIO_SERVER_PORT")
    if port:
        check_port(os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), port)
    page = build_page()
    release_freed_memory()
    page.launch(**launch_options(), server_port=int(port) if port else None)


def check_port(host: str, port: str) -> None:
    """SystemExit where nothing can listen on this port of this host."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address[0], int(port), *address[2:]))  # getaddrinfo wraps ports that are too large
    except (OSError, OverflowError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SystemExit(f"The page cannot listen on port {port} of {host} ($GRADIO_SERVER_PORT): {why}") from None


if __name__ == "__main__":
    main()
