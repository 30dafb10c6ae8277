"""A process that ends when it was asked to, whatever is going on in it.

A picture that is being decoded, or a database that does not answer, holds up a thread, and Python
waits for its threads when it ends. After the time for an orderly end the process is ended: by a
thread that tells the log, and if even that cannot run, by one of C that needs nothing of Python.
"""

import faulthandler
import logging
import os
import sys
import threading

LOG = logging.getLogger(__name__)

GRACE_S = 3.0
"""After the drain, for what ends in an orderly way."""
_AFTER_THAT_S = 1.0


def end_within(seconds: float) -> None:
    """End this process after some seconds, whatever is going on in it, unless it has ended."""
    threading.Thread(target=_end_after, args=(seconds,), name="last-resort", daemon=True).start()
    nowhere = open(os.devnull, "w")  # noqa: SIM115  # as long as the process lives
    faulthandler.dump_traceback_later(seconds + _AFTER_THAT_S, exit=True, file=nowhere)


def _end_after(seconds: float) -> None:
    threading.Event().wait(seconds)
    LOG.warning("the process is ended: something in it does not end")
    sys.stdout.flush()
    os._exit(0)
