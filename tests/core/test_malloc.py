"""Memory that is kept is not fetched anew."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FAULTS = """
import resource, torch
from denoiser.runtime.malloc import LARGEST_BLOCK, UNLIMITED, keep_freed_memory

def faults(size, rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        held = [torch.ones(size // 4) for _ in range(6)]  # all at once, then none
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory(UNLIMITED)
for size in (LARGEST_BLOCK // 2, 2 * LARGEST_BLOCK):  # the second goes back in any case
    faults(size, 2)
    print(faults(size, 5))
"""

GIVEN_BACK = """
import torch
from pathlib import Path
from denoiser.runtime.malloc import DEFAULT_LIMIT, keep_freed_memory, release_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

keep_freed_memory(DEFAULT_LIMIT)
blocks = [torch.ones(2**18) for _ in range(200)]  # 1 MiB each, all on the heap
held = blocks[::20]  # what is still used keeps the heap from shrinking by itself
del blocks
print(resident())
release_freed_memory()
print(resident())
"""


ARENAS = """
import sys, threading
from pathlib import Path
from denoiser.runtime.malloc import limit_arenas

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def allocate_and_wait():
    blocks = [bytearray(2**16) for _ in range(320)]  # 20 MiB
    held = blocks[-1]  # keeps the heap from shrinking
    del blocks
    done.set()
    end.wait()

if sys.argv[1] == "limited":
    limit_arenas()
before, end = resident(), threading.Event()
for _ in range(20):  # one after the other, and all alive
    done = threading.Event()
    threading.Thread(target=allocate_and_wait).start()
    done.wait()
print(resident() - before)
end.set()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_use_what_other_threads_have_freed():
    found = []
    for how in ("limited", "default"):
        program = [sys.executable, "-c", ARENAS, how]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
        found.append(int(done.stdout))
    assert found[0] < found[1] / 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_what_nothing_uses_is_given_back_when_asked():
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before - after > 100 * 2**20


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="memory is kept by mallopt of glibc, and this C library is another"
)
def test_memory_that_is_kept_is_not_fetched_again():
    done = subprocess.run([sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, check=True)
    kept, given_back = map(int, done.stdout.split())
    assert kept < given_back / 20
