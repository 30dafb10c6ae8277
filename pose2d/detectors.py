"""Detectors by name: the embedded one, a trained one's folder, or somebody's own as module:Name.

`Name` is a class without arguments, or a function, that gives a `pose2d.detector.Detector`. It is
made once, before the first picture, and may be asked from several threads.
"""

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.detector import Detector
from evoskeleton.settings import with_changes

BLAZEPOSE = "blazepose"
"""The embedded detector, the default everywhere."""


HEAVY = "blazepose-heavy"
"""The same with its large landmark model: slower and better."""

REGISTERED = "models:/"
"""How the name of a registered detector begins; its registry is known to whoever starts things."""


def load_detector(name: str = BLAZEPOSE, changes: Sequence[str] = ()) -> Detector:
    """The detector that a name means.

    Args:
        name: `blazepose`, `blazepose-heavy`, the folder of a trained detector, or module:Name of
            one that can be imported.
        changes: settings as NAME=VALUE, see `BlazePoseSettings` and `HeatmapDetectorSettings`;
            detectors of others take none.

    Raises:
        BadInput: there is none of that name, it cannot be made, it is no detector, or a setting is
            not allowed.
    """
    if name in (BLAZEPOSE, HEAVY):
        from evoskeleton.pose2d.blazepose import BlazePose, BlazePoseSettings

        landmarks = {"landmarks": "heavy"} if name == HEAVY else {}
        return BlazePose(BlazePoseSettings.parse(with_changes(landmarks, changes)))
    if name.startswith(REGISTERED):
        raise BadInput(
            f"detector {name} lies in a registry: `evoskeleton detector fetch` makes a folder of "
            "it, which can be named here"
        )
    if is_folder(name):
        from evoskeleton.pose2d.heatmap.heatmap_detector import (
            HeatmapDetector,
            HeatmapDetectorSettings,
        )

        return HeatmapDetector(name, HeatmapDetectorSettings.parse(with_changes({}, changes)))
    if changes:
        raise BadInput(f"detector {name} takes no settings, got {changes[0]}")
    detector: Detector = _made(name)
    if not callable(getattr(detector, "detect", None)):
        kind = type(detector).__name__
        raise BadInput(f"detector {name} should have a method detect, got {kind} without one")
    return detector


def is_folder(name: str) -> bool:
    """Whether a detector's name is the folder of a trained one."""
    return not name.startswith(REGISTERED) and (os.sep in name or Path(name).is_dir())


def _made(name: str) -> Any:
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        raise BadInput(f"detector should be {BLAZEPOSE} or module:Name, got {name}")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"detector {name}: {error}") from None
    if not callable(make):
        raise BadInput(
            f"detector {name} should be a class or a function, got {type(make).__name__}"
        )
    try:
        return make()
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"detector {name} cannot be made: {error or type(error).__name__}") from None
