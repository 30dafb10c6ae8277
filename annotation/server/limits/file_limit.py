"""How many files and connections this process may have open."""

import logging

LOG = logging.getLogger(__name__)

_ENOUGH = 65_536
_OTHERS = 200
"""Files that are no connections."""


def raise_file_limit(most_connections: int) -> None:
    """Raise the soft limit towards the hard one; say where it is too low for so many connections
    over gRPC and as many over HTTP."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    goal = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < goal:
        resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
        soft = goal
    if soft != resource.RLIM_INFINITY and soft < 2 * most_connections + _OTHERS:
        fields = {"files": soft, "most_connections": most_connections}
        LOG.warning("the limit of open files is low", extra={"fields": fields})
