"""Write the tables in README.md and docs/ anew from stored results and records: python scripts/write_tables.py

The results are checkpoints/evaluation.json and docs/outside.json, which `python -m denoiser evaluate` writes with
--json, and those of the benchmarks `ablations`, `training` and `export` in docs/. The functions that make the tables
are in denoiser/evaluation/tables.py.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from denoiser.evaluation.tables import Results, render  # noqa: E402


def pages() -> dict[Path, str]:
    """README.md and every page of docs/, with its tables as the results have them."""
    results = Results(ROOT / "checkpoints" / "evaluation.json", ROOT / "docs")
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {file: render(file.read_text(encoding="utf-8"), results) for file in files}


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
