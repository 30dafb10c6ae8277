"""What of an exception is told a user in one sentence, and what deserves a traceback.

A user's mistake is a `BadInput`. A disk that is full, and a name that is no UTF-8, can come out of
any library and out of any process of a cluster: they are known by what they say.
"""

import errno
import re
from collections.abc import Iterator

from evoskeleton.errors import BadInput

_FULL = {
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would get too large",
    errno.EROFS: "the file system is read-only",
}

_FULL_WORDS = re.compile(
    r"No space left on device|[Dd]isk quota exceeded|database or disk is full|OutOfDiskError"
)
"""How libraries say so that raise classes of their own: Delta Lake, SQLite, Arrow, Ray."""


def sentence_of(error: BaseException) -> str | None:
    """The sentence for a user; None for a mistake of the program."""
    if isinstance(error, BadInput):
        return printable(str(error))
    for each in _causes(error):
        if sentence := _sentence(each):
            return printable(sentence)
    return None


def printable(text: str) -> str:
    """A text with the bytes that are no UTF-8 shown as such, such as \\xff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and what a worker of Ray raised."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each in seen:
            continue
        seen.append(each)
        yield each
        for other in (getattr(each, "cause", None), each.__cause__, each.__context__):
            if isinstance(other, BaseException):
                waiting.append(other)


def _sentence(error: BaseException) -> str | None:
    if isinstance(error, UnicodeEncodeError) and _has_foreign_bytes(error.object):
        return f"{error.object} is no name in UTF-8: give the file or folder another one"
    if isinstance(error, OSError) and error.errno in _FULL:
        where = f"{error.filename} cannot be written: " if error.filename else ""
        return where + _FULL[error.errno]
    if found := _FULL_WORDS.search(str(error)):
        return f"something could not be written: {found[0]}"
    return None


def _has_foreign_bytes(text: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in text)
