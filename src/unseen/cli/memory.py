"""How this process asks the system for memory."""

__all__ = ["keep_one_arena"]

import ctypes
import sys

M_ARENA_MAX = -8  # malloc.h of glibc


def keep_one_arena() -> None:
    """Lets all threads share one heap, where the C library is glibc.

    Each training runs in a thread of its own. glibc would give each an arena of its own, and what
    is freed in an arena stays with it: ten trainings one after another would then hold the
    leftovers of ten.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(M_ARENA_MAX, 1)
