"""Settings are those of the environment, or sensible defaults."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from denoiser import settings
from denoiser.settings import MAX_TRAININGS, PACKAGE, Settings


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
            "DENOISER_TRAININGS": "2",
            "OMP_NUM_THREADS": "3",
        }
    )
    assert (found.checkpoints, found.data, found.timing_file) == (Path("/models"), Path("/data"), Path("/times.jsonl"))
    assert (found.log_level, found.frame_ancestors, found.threads) == ("info", "https://friend.example", 3)
    assert (found.source, found.precision, found.trainings) == ("https://example.org/denoiser", "float32", 2)


@pytest.mark.parametrize(("cores", "trainings"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, MAX_TRAININGS)])
def test_half_of_the_cores_are_left_to_answer_visitors(monkeypatch, cores, trainings):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert Settings.from_environment({}).trainings == trainings


def test_a_space_is_its_own_source():
    found = Settings.from_environment({"SPACE_ID": "me/denoiser"})
    assert found.source == "https://huggingface.co/spaces/me/denoiser"


def test_empty_and_senseless_variables_count_as_missing():
    names = ("DENOISER_CHECKPOINTS", "DENOISER_DATA", "DENOISER_LOG", "DENOISER_FRAMES", "DENOISER_STAGES")
    names = (*names, "DENOISER_SOURCE", "SPACE_ID")
    senseless = {"OMP_NUM_THREADS": "many", "DENOISER_PRECISION": "float8", "DENOISER_TRAININGS": "0"}
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
