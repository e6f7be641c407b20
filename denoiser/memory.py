"""How much of the memory it frees this process keeps for what it allocates next.

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
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(M_TRIM_THRESHOLD, most)
