"""Keeping freed memory in the process, for loops that need the same arrays again and again.

Examples are some hundred kB, which the C library gives back to the system when they are freed;
getting it anew, page by page, took longer than the Fourier transforms (measured on a virtual
machine: 1.25 ms an example, 0.46 ms without).
"""

import ctypes

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # numbers of glibc's mallopt
KEPT_BYTES = 2**29
LARGEST_BLOCK = 2**25  # glibc takes no more


def keep_freed_memory() -> None:
    """Lets this process reuse what it freed, up to half a GiB; does nothing without glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(MMAP_THRESHOLD, LARGEST_BLOCK)
    mallopt(TRIM_THRESHOLD, KEPT_BYTES)
