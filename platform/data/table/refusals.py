"""What a storage or the table's log refuses, in one sentence."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from deltalake.exceptions import CommitFailedError, DeltaError

from evoskeleton.errors import BadInput

PAUSES_SECONDS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0)
"""Between the tries of what a store that is away cannot take; some four minutes in all."""

_LONGEST = 240

_AWAY = "the store at {} does not answer"
_STATUS = {
    "NoSuchBucket": "the store has no such bucket or container",
    "AccessDenied": "the store lets these keys not do that",
    "InvalidAccessKeyId": "the store does not know these keys",
    "SignatureDoesNotMatch": "the store does not know these keys: the secret is another",
    "ExpiredToken": "the keys have expired",
    "SlowDown": "the store takes no more requests for now",
}
"""By the code of an S3 error."""

_WORDS = (
    (
        r"169\.254\.169\.254|metadata\.google|Account must be specified",
        "no keys were given for the store, see docs/storage.md",
    ),
    (r"URL scheme is not allowed", "plain http wants AWS_ALLOW_HTTP: true"),
    (r"failed to lookup address|dns error", "nobody knows a machine of that name"),
    (r"\b40[13]\b", "the store does not know these keys, or lets them not do that"),
)

_T = TypeVar("_T")


class Away(BadInput):
    """A store that does not answer now, and may in a minute."""


@contextmanager
def in_a_sentence(what: str) -> Iterator[None]:
    """Turn a storage's refusal into one sentence; a lost race stays what it is."""
    try:
        yield
    except CommitFailedError:
        raise
    except (OSError, DeltaError) as error:
        raise kind_of(error)(f"{what}: {in_a_line(error)}") from error


def kind_of(error: Exception) -> type[BadInput]:
    """`Away` where a store did not answer, or asked for patience."""
    text = _plain(error)
    words = r"tcp connect|Connection (refused|reset)|timed out|SlowDown|\b50[0234]\b"
    return Away if _is_remote(text) and re.search(words, text) else BadInput


@contextmanager
def gone_in_a_sentence(uri: str, version: int) -> Iterator[None]:
    """Tell that a version's files are gone where one of them is not found."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadInput(
            f"version {version} of the pose table {uri} is gone: its files were removed by a vacuum"
        ) from error


def patiently(attempt: Callable[[], _T], pauses: tuple[float, ...] | None = None) -> _T:
    """What an attempt gives, tried again while the store is away."""
    for pause in PAUSES_SECONDS if pauses is None else pauses:
        try:
            return attempt()
        except Away:
            time.sleep(pause)
    return attempt()


def in_a_line(error: Exception) -> str:
    """An error in one line, without the colours, traces and XML of those who met it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = _plain(error)
    if "Unknown scheme" in text:
        return "no store is known by that scheme; s3://, gs:// and az:// are"
    if _is_remote(text):
        return _of_a_store(text)
    if system := re.search(r'Os \{ code: \d+, kind: \w+, message: "([^"]+)" \}', text):
        return system[1]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _plain(error: Exception) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m|↳", " ", str(error))
    return " ".join(plain.split()) or type(error).__name__


def _is_remote(text: str) -> bool:
    return bool(re.search(r"Generic (S3|GCS|MicrosoftAzure|HTTP)\w* error|<Error>", text))


def _of_a_store(text: str) -> str:
    """What an object store said, in words of ours."""
    if code := re.search(r"<Code>(\w+)</Code>", text):
        return _STATUS.get(code[1], f"the store refuses it ({code[1]})")
    for pattern, words in _WORDS:
        if re.search(pattern, text):
            return words
    if where := re.search(r"(?:GET|PUT|POST|HEAD|DELETE) (\w+://[^/\s]+)", text):
        why = re.search(r"Connection \w+|(?:operation )?timed out|\b50\d\b", text)
        return _AWAY.format(where[1]) + (f": {why[0]}" if why else "")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
