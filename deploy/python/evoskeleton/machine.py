"""What of this machine is ours."""

import os


def cores() -> int:
    """Processors that this process may use: those of its job or container, where it has fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
