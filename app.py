"""Starts the page: python app.py."""

from denoiser.web import zerogpu  # noqa: F401, before all else: see there

# isort: split
from denoiser.memory import USUAL, keep_freed
from denoiser.web.page import build_page, launch_options
from denoiser.web.server import logging as log

keep_freed(USUAL)
log.start()
demo = build_page()

if __name__ == "__main__":
    demo.launch(**launch_options())
