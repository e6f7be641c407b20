"""Starts the page: python app.py."""

from denoiser.web import zerogpu  # noqa: F401, before all else: see there
from denoiser.web.page import build_page, launch_options

demo = build_page()

if __name__ == "__main__":
    demo.launch(**launch_options())
