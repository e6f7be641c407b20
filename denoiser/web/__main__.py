"""Starts the page: python -m denoiser.web, or python app.py in a checkout."""

from denoiser.web.serving import gpu  # noqa: F401, before all else: see there

# isort: split
from denoiser.malloc import DEFAULT_LIMIT, keep_freed_memory
from denoiser.web.page import build_page, launch_options
from denoiser.web.server import logging


def main() -> None:
    """Build the page and serve it until the process is stopped."""
    keep_freed_memory(DEFAULT_LIMIT)
    logging.start()
    build_page().launch(**launch_options())


if __name__ == "__main__":
    main()
