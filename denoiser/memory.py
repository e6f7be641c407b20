"""How much of the memory it frees this process keeps for what it allocates next, and how to give the rest back.

By itself glibc gives large blocks back to the system at once, to be fetched again and filled with zeros page by page.
For a network that allocates the same hundreds of megabytes at every step, or for every visitor, that takes up to half
of the time. Where the C library is not glibc nothing is done.
"""

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
LARGEST_BLOCK = 2**25  # bytes; larger ones go back in any case: glibc takes no higher threshold
USUAL = 2 * LARGEST_BLOCK  # bytes; what glibc itself comes to keep once it has seen such blocks
ALL = 2**31 - 1  # bytes; the most that glibc takes


def keep_freed(most: int) -> None:
    """Keep up to `most` bytes that nothing uses, of each thread's memory."""
    if mallopt := _glibc("mallopt"):
        mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(M_TRIM_THRESHOLD, most)


def give_back() -> None:
    """Give all memory that nothing uses back to the system: what a large request needed and a small one does not."""
    if malloc_trim := _glibc("malloc_trim"):
        malloc_trim(0)


def _glibc(name: str):
    """A function that glibc adds to the C library; None where the C library is another."""
    return getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
