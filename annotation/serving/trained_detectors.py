"""A trained detector out of a folder or a registry, where somebody may put a newer one while it is
served."""

import asyncio
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from evoskeleton.annotation.serving.detection_queue import DetectionQueue, ServedDetector
from evoskeleton.errors import BadInput
from evoskeleton.pose2d.heatmap.bundle import read_card
from evoskeleton.pose2d.heatmap.heatmap_detector import HeatmapDetector

if TYPE_CHECKING:
    from evoskeleton.platform.record.registry import Registry

LOG = logging.getLogger(__name__)


def trained_detector(folder: Path | str) -> ServedDetector:
    """The detector in a folder, after its self-test.

    Raises:
        BadInput: it is damaged, or cannot be used.
    """
    folder, detector = Path(folder), HeatmapDetector(folder)

    def newer() -> ServedDetector | None:
        return None if read_card(folder) == detector.card else trained_detector(folder)

    return ServedDetector(detector, folder.resolve().name, "", detector.weight_hash, newer)


def registered_detector(registry: "Registry", name: str, version: str) -> ServedDetector:
    """A version of a registered detector, after its self-test.

    Args:
        registry: of detectors.
        name: of the registered model.
        version: number, which stays, or an alias, whose holder of the moment is served.

    Raises:
        BadInput: there is none, its files are gone or damaged, or it cannot be used.
    """
    number = registry.number(name, version)
    with TemporaryDirectory(prefix="evoskeleton-") as folder:
        bundle = registry.fetch(name, number, folder)
        try:
            detector = HeatmapDetector(bundle)
        except BadInput as error:  # the folder is another one each time, the problem is not
            named = str(error).replace(str(bundle), f"{name} version {number}")
            raise BadInput(named) from None

    def newer() -> ServedDetector | None:
        now = registry.number(name, version)
        return None if now == number else registered_detector(registry, name, version)

    return ServedDetector(detector, name, str(number), detector.weight_hash, newer)


async def refresh(pictures: DetectionQueue) -> bool:
    """Whether another detector than before looks at pictures from now on.

    Raises:
        BadInput: there is a newer one that cannot be used; the old one goes on.
    """
    look = pictures.detector.newer
    found = await asyncio.to_thread(look) if look else None
    if found is None:
        return False
    pictures.detector = found
    LOG.info(
        "another detector", extra={"fields": {"name": found.name, "weights": found.weight_hash}}
    )
    return True


async def watch(pictures: DetectionQueue, seconds: float) -> None:
    """Look for a newer detector every so many seconds; each new problem is logged once."""
    before = ""
    while pictures.detector.newer:
        await asyncio.sleep(seconds)
        problem = ""
        try:
            await refresh(pictures)
        except BadInput as error:
            problem = str(error)
        if problem and problem != before:
            LOG.warning("the detector stays", extra={"fields": {"problem": problem}})
        before = problem
