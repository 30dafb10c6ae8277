"""What a storage or the table's log refuses, in one sentence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import CommitFailedError, DeltaError

from evoskeleton.errors import BadInput


@contextmanager
def in_a_sentence(what: str) -> Iterator[None]:
    """Turn a storage's refusal into one sentence; a lost race stays what it is."""
    try:
        yield
    except CommitFailedError:
        raise
    except (OSError, DeltaError) as error:
        raise BadInput(f"{what}: {in_a_line(error)}") from error


@contextmanager
def gone_in_a_sentence(uri: str, version: int) -> Iterator[None]:
    """Tell that a version's files are gone where one of them is not found."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadInput(
            f"version {version} of the pose table {uri} is gone: its files were removed by a vacuum"
        ) from error


def in_a_line(error: Exception) -> str:
    """An error in one line, without the colours and arrows that the library draws."""
    plain = re.sub(r"\x1b\[[0-9;]*m|↳", " ", str(error))
    return " ".join(plain.split()) or type(error).__name__
