"""SIGTERM, SIGINT and SIGHUP stop a campaign between two generations; coming again, at once.

Whatever was committed stands, and what was not is bred again by the driver that goes on, row for
row. So a stop is no failure, and a stop in the middle of a generation costs that generation's work.
SIGHUP is what a closed terminal sends; where it is ignored, as under nohup, it stays so.
"""

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A campaign stopped as it was asked to; `campaign resume` goes on."""


class Stop:
    """What a driver knows of being asked to stop."""

    def __init__(self, seconds: float) -> None:
        """Nothing is listened to yet.

        Args:
            seconds: that the generation in flight has to end before it is given up.
        """
        self._seconds = seconds
        self._asked = False
        self._patient = False
        self._heard = False
        self._deadline: threading.Timer | None = None

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen to the signals for a time. Outside the main thread nothing can be listened to.

        Raises:
            Stopped: a signal came, at once while nothing is bred.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        self._listen()
        self._heard = True
        try:
            yield
        except KeyboardInterrupt:
            raise Stopped from None
        finally:
            self._heard = False
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def between_generations(self) -> Iterator[None]:
        """While bodies are bred: the first signal only asks, and `look` tells it.

        Raises:
            Stopped: it was asked for, and all that was under way has ended.
        """
        if threading.current_thread() is threading.main_thread():
            self._listen()
        self._patient = True
        try:
            yield
            self.look()
        finally:
            self._patient = False
            if self._deadline is not None:
                self._deadline.cancel()

    def look(self) -> None:
        """Stop here if that was asked for.

        Raises:
            Stopped: it was.
        """
        if self._asked:
            raise Stopped

    def at_once(self) -> bool:
        """Stop without waiting for the generation; from any thread. Whether anybody listens."""
        if not self._heard:
            return False
        self._asked = True
        _again(signal.SIGTERM)
        return True

    def _listen(self) -> None:
        for number in _SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._hear)

    def _hear(self, number: int, _: FrameType | None) -> None:
        """Ask, or end at once: KeyboardInterrupt is what Ray's own waiting gives way to."""
        if number == signal.SIGHUP:
            _write_to_nobody()
        if self._asked or not self._patient:
            raise KeyboardInterrupt
        self._asked = True
        self._deadline = threading.Timer(self._seconds, _again, [number])
        self._deadline.daemon = True
        self._deadline.start()


def _write_to_nobody() -> None:
    """The terminal is gone: what is still said must not fail."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nobody, stream)
    os.close(nobody)


def _again(number: int) -> None:
    """Send the main thread a second signal."""
    identity = threading.main_thread().ident
    if identity is not None:
        signal.pthread_kill(identity, number)
