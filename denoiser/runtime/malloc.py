"""How much freed memory the C library keeps for this process instead of returning it to the system.

glibc returns large blocks to the system at once; the next allocation then fetches them again, and the kernel fills
them with zeros page by page. For a network that allocates the same hundreds of megabytes in every step or request that
takes up to half of the time. With another C library nothing is changed.
"""

import ctypes
import os
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # parameters of mallopt(3)
LARGEST_BLOCK = 2**25  # bytes; larger blocks are always returned: glibc takes no higher threshold
DEFAULT_LIMIT = 2 * LARGEST_BLOCK  # bytes; what glibc itself arrives at once it has seen such blocks
UNLIMITED = 2**31 - 1  # bytes; the most that glibc takes


def keep_freed_memory(limit: int) -> None:
    """Let each thread keep up to `limit` bytes of freed memory."""
    if mallopt := _glibc("mallopt"):
        mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(M_TRIM_THRESHOLD, limit)


def limit_arenas() -> None:
    """Let threads allocate from as many heaps as there are processor cores; glibc makes eight for each core.

    What one heap holds free, threads with another heap cannot use. Heaps that are there already stay.
    """
    if mallopt := _glibc("mallopt"):
        mallopt(M_ARENA_MAX, max(2, os.cpu_count() or 1))


def release_freed_memory() -> None:
    """Return all freed memory to the system: what a large request needed and a small one does not."""
    if malloc_trim := _glibc("malloc_trim"):
        malloc_trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    """A function that glibc adds to the C library; None where the C library is another."""
    return getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
