"""Detectors as a user names them: the embedded ones, folders, module:Name, and those registered.

`models:/NAME` is the champion of a registered detector, `models:/NAME@ALIAS` and `models:/NAME/3`
are others of its versions, as MLflow writes them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from evoskeleton.errors import BadInput
from evoskeleton.files import local_folder
from evoskeleton.pose2d.detectors import REGISTERED, load_detector

if TYPE_CHECKING:
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.pose2d.detector import Detector

HELP = "blazepose, blazepose-heavy, a trained one's folder, models:/NAME, module:Name"

_ADDRESS = re.compile(r"(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<number>[1-9]\d*))?")


class RegisteredDetector(NamedTuple):
    """A version of a registered detector, by number or by alias."""

    name: str
    version: str


def registered(text: str) -> RegisteredDetector | None:
    """What a text names in the registry; none where it names something else.

    Raises:
        BadInput: it begins like such a name and does not go on like one.
    """
    if not text.startswith(REGISTERED):
        return None
    found = _ADDRESS.fullmatch(text.removeprefix(REGISTERED))
    if found is None:
        raise BadInput(
            f"a registered detector should be models:/NAME, models:/NAME@ALIAS or models:/NAME/3, "
            f"got {text}"
        )
    return RegisteredDetector(found["name"], found["alias"] or found["number"] or "champion")


def detector_registry(home: str, uri: str | None) -> "Registry":
    """The registered detectors of a home, or of an MLflow server or database.

    Raises:
        BadInput: there is no such home.
    """
    from evoskeleton.platform.record.mlflow_store import TrackingSettings
    from evoskeleton.platform.record.registry import Kind, Registry
    from evoskeleton.pose2d.heatmap.bundle import weights_of

    if uri is None and not local_folder(home, "home").is_dir():
        raise BadInput(f"there is no folder {home}: --home names the one with the MLflow store")
    about = "Detectors of keypoints in pictures; see the alias champion."
    settings = TrackingSettings.parse({"uri": uri})
    return Registry(settings, local_folder(home, "home"), Kind("detector", about, weights_of))


@contextmanager
def detector_folder(text: str, home: str, uri: str | None = None) -> Iterator[Path]:
    """The folder of a trained detector, which is there for as long as it is looked at.

    Raises:
        BadInput: no such detector is registered, or its files are gone.
    """
    asked = registered(text)
    if asked is None:
        yield Path(text)
        return
    registry = detector_registry(home, uri)
    with TemporaryDirectory(prefix="evoskeleton-") as into, _named(text, into):
        yield registry.fetch(asked.name, asked.version, into)


def named_detector(
    text: str, changes: Sequence[str] = (), home: str = "campaigns", uri: str | None = None
) -> "Detector":
    """The detector that a text names; see `pose2d.detectors.load_detector`.

    Raises:
        BadInput: there is none of that name, or it cannot be used.
    """
    if registered(text) is None:
        return load_detector(text, changes)
    with detector_folder(text, home, uri) as folder:
        return load_detector(str(folder), changes)


def loader(home: str, uri: str | None = None) -> Callable[[str], "Detector"]:
    """Makes detectors by name when they are asked for."""
    return lambda text: named_detector(text, (), home, uri)


@contextmanager
def _named(text: str, folder: str) -> Iterator[None]:
    """A sentence names the registered detector: the folder is another one each time."""
    try:
        yield
    except BadInput as error:
        raise BadInput(re.sub(rf"{re.escape(folder)}[^\s:]*", text, str(error))) from None
