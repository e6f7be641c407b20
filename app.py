"""Starts the page: python app.py."""

from denoiser.web import zerogpu  # noqa: F401, before all else: see there

# isort: split
from denoiser.web import log
from denoiser.web.page import build_page, launch_options

log.start()
demo = build_page()

if __name__ == "__main__":
    demo.launch(**launch_options())
