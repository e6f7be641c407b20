"""Settings are those of the environment, or sensible defaults."""

import os
import subprocess
import sys
from pathlib import Path

from denoiser import settings
from denoiser.settings import PACKAGE, Settings


def test_without_variables_there_are_defaults():
    found = Settings.from_environment({})
    assert found.checkpoints == PACKAGE.parent / "checkpoints"
    assert found.data == Path.home() / ".cache" / "denoiser"
    assert (found.log_level, found.frame_ancestors, found.timing_file) == ("warning", "", None)
    assert found.threads == os.cpu_count()


def test_variables_change_them():
    found = Settings.from_environment(
        {
            "DENOISER_CHECKPOINTS": "/models",
            "DENOISER_DATA": "/data",
            "DENOISER_LOG": "INFO",
            "DENOISER_FRAMES": "https://friend.example",
            "DENOISER_SOURCE": "https://example.org/denoiser",
            "SPACE_ID": "me/denoiser",
            "DENOISER_PRECISION": "Float32",
            "DENOISER_STAGES": "/times.jsonl",
            "OMP_NUM_THREADS": "3",
        }
    )
    assert (found.checkpoints, found.data, found.timing_file) == (Path("/models"), Path("/data"), Path("/times.jsonl"))
    assert (found.log_level, found.frame_ancestors, found.threads) == ("info", "https://friend.example", 3)
    assert (found.source, found.precision) == ("https://example.org/denoiser", "float32")


def test_a_space_is_its_own_source():
    found = Settings.from_environment({"SPACE_ID": "me/denoiser"})
    assert found.source == "https://huggingface.co/spaces/me/denoiser"


def test_empty_and_senseless_variables_count_as_missing():
    names = ("DENOISER_CHECKPOINTS", "DENOISER_DATA", "DENOISER_LOG", "DENOISER_FRAMES", "DENOISER_STAGES")
    names = (*names, "DENOISER_SOURCE", "SPACE_ID")
    senseless = {"OMP_NUM_THREADS": "many", "DENOISER_PRECISION": "float8"}
    empty = Settings.from_environment(dict.fromkeys(names, "") | senseless)
    assert empty == Settings.from_environment({})


def test_the_cache_is_the_users():
    assert Settings.from_environment({"XDG_CACHE_HOME": "/cache"}).data == Path("/cache/denoiser")


def test_those_of_the_process_are_read_once():
    program = "from denoiser import settings; print(settings.current.checkpoints)"
    environment = os.environ | {"DENOISER_CHECKPOINTS": "/elsewhere"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{Path('/elsewhere')}\n"
    assert settings.current.checkpoints != Path("/elsewhere")
