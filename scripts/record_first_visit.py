"""Record what a first visitor sees before any answer of the server: python scripts/record_first_visit.py

Run it again whenever one of the models in it, or the framing of strokes, has changed; a test compares it with what the
server answers.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from denoiser.web.denoise.visit.recording import FILE, write  # noqa: E402

if __name__ == "__main__":
    print(f"{FILE.relative_to(ROOT)}: {write():,} bytes")
