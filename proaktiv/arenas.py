"""Keep a process of many threads from taking memory that it never gives back.

glibc gives each thread its own arena, up to eight a core, and each grows for itself to the largest thing ever done in
it. Letters go out and pages are answered by threads that come and end, so a process that runs for weeks fills them one
by one. Two serve: our threads wait for sockets, not for memory. Source: mallopt(3), M_ARENA_MAX.
"""

import ctypes

MOST = 2
_M_ARENA_MAX = -8  # malloc.h


def limit_arenas() -> bool:
    """Let this process have ``MOST`` arenas; call it before its threads start. False where malloc is not glibc's."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_ARENA_MAX, MOST))
