"""Lifters that come with the package, and how a lifter is named.

A lifter is named by the folder of its bundle, or by the name of one that comes with the package:

- `detections`, the default everywhere: for keypoints that a detector of people found.
- `exact`: for keypoints as sure as those of motion capture or of careful annotators.

Both were bred and trained by `evoskeleton model build`; docs/lifters.md has their cards.
"""

from pathlib import Path

from evoskeleton.lifting.bundle import DESCRIPTION_FILE

SHIPPED = ("detections", "exact")
DEFAULT = "detections"

ACKNOWLEDGEMENT = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created "
    "with funding from NSF EIA-0196217."
)
"""Of the motion that the lifters of the package were bred from."""


def shipped(name: str = DEFAULT) -> Path:
    """The folder of a lifter that comes with the package."""
    return Path(__file__).parent / name


def holds(name: str) -> bool:
    """Whether this installation has that lifter: they may be left out to save space."""
    return (shipped(name) / DESCRIPTION_FILE).is_file()


def bundle_folder(name: Path | str | None = None) -> Path:
    """The folder that a name means: one that is there, else a lifter of the package by its name.

    What is neither comes back as it is, for `load_bundle` to tell.
    """
    if name is None:
        return shipped()
    folder = Path(name)
    if str(name) in SHIPPED and not (folder / DESCRIPTION_FILE).is_file():
        return shipped(str(name))
    return folder
