"""Starts the page: python app.py."""

from denoiser.web.__main__ import main

if __name__ == "__main__":
    main()
