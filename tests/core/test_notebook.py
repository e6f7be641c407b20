"""The notebook runs from its first cell to its last, with small settings."""

import json
import os
import subprocess
import sys

import pytest
from helpers import ROOT

from denoiser.settings import current

BOOK = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in BOOK["cells"] if cell["cell_type"] == "code"]
SMALL = "EPOCHS, TRAINING_DIGITS, TEST_DIGITS = 1, 300, 20"
CHECK = """
from urllib.request import urlopen

assert record.recipe == recipe
assert {row["model"] for row in report["results"]} == {"noisy", "mine", "conv-32", "tv"}
assert '"mine"' in Path("report.html").read_text(encoding="utf-8")
assert "My first denoiser" in urlopen(address + "config").read().decode()
page.close()
print("all cells ran")
"""


def test_it_has_ten_cells_without_outputs_and_one_with_the_settings():
    assert len(CODE) == 10
    assert not any(cell["outputs"] or cell["execution_count"] for cell in CODE)
    (settings,) = (cell for cell in CODE if "parameters" in cell["metadata"].get("tags", ()))
    assert settings is CODE[0]
    assert "".join(settings["source"]).partition(" = ")[0] == SMALL.partition(" = ")[0]


@pytest.mark.slow
@pytest.mark.usefixtures("mnist_train")
def test_it_runs(tmp_path):
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    for name in ("conv-32.json", "conv-32.safetensors", "referee.json", "referee.safetensors"):
        (checkpoints / name).symlink_to(current.checkpoints / name)
    cells = [SMALL, *("".join(cell["source"]) for cell in CODE[1:]), CHECK]
    variables = {"DENOISER_CHECKPOINTS": str(checkpoints), "PYTHONPATH": str(ROOT), "GRADIO_ANALYTICS_ENABLED": "False"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(cells)],
        cwd=tmp_path,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "all cells ran" in done.stdout
    assert (checkpoints / "mine.safetensors").exists()
