"""Memory that is kept is not fetched anew."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FAULTS = """
import resource, torch
from denoiser.memory import ALL, USUAL, keep_freed

def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        held = [torch.ones(4_000_000) for _ in range(10)]  # 16 MB each, all at once, then none
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

counts = []
for most in (USUAL, ALL):
    keep_freed(most)
    faults(2)
    counts.append(faults(5))
print(*counts)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory; this is another")
def test_memory_that_is_kept_is_not_fetched_again():
    done = subprocess.run([sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, check=True)
    given_back, kept = map(int, done.stdout.split())
    assert kept < 100 < 10_000 < given_back
