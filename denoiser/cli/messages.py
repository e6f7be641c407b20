"""What commands say on stderr."""

import sys


def one_line(message: object) -> str:
    """`message` in one line, with no character that could change what a terminal shows."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(message).split()))


def warn(message: object) -> None:
    """Print one line to stderr."""
    print(f"denoiser: {one_line(message)}", file=sys.stderr)
