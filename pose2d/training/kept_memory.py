"""Memory of a training stays with the process, in place of going back to the system at every step.

The arrays of a step are the same size as those of the step before. By default glibc gives large
ones back to the system as they are freed, which clears their pages anew when they are asked for
again: on a processor a training spends a fifteenth of its time on that. Results are the same, bit
for bit.
"""

import ctypes

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""Names of mallopt's parameters, see mallopt(3)."""

_LARGEST, _NEVER = 1 << 30, (1 << 31) - 1


def keep_memory() -> bool:
    """Whether the C library of this process was told to keep freed memory."""
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or none that can be asked
        return False
    return bool(tell(_MMAP_THRESHOLD, _LARGEST)) and bool(tell(_TRIM_THRESHOLD, _NEVER))
