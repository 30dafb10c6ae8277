"""CMU Panoptic's bodies (Joo 2015, http://domedb.perception.cs.cmu.edu): a JSON a frame.

`hdPose3d_stage1_coco19/body3DScene_00001234.json` holds `bodies`, each with its `id` and
`joints19`, 19 times x y z confidence: OpenPose's points in centimetres, y down. The older folder
`hdPose3d_stage1` holds `joints15`. A point of no confidence was not seen. The clip is the sequence,
the folder above, and a subject is somebody in it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.markers.keypoint_names import places_by_keypoints
from evoskeleton.platform.data.mocap.motion import Motion
from evoskeleton.platform.data.mocap.places import Place
from evoskeleton.safe_npy import printable

FRAMES = "body3DScene_*.json"

_COCO19 = (
    "Neck", "Nose", "MidHip", "LShoulder", "LElbow", "LWrist", "LHip", "LKnee", "LAnkle",
    "RShoulder", "RElbow", "RWrist", "RHip", "RKnee", "RAnkle", "LEye", "LEar", "REye", "REar",
)  # fmt: skip
_MPI15 = ("Neck", "HeadTop", *_COCO19[2:15])
_NAMES: Mapping[str, tuple[str, ...]] = {"joints19": _COCO19, "joints15": _MPI15}
_RATES = {"hd_29_97": 29.97, "vga_25": 25.0}
_NUMBER = re.compile(r"(\d+)$")
_INNER = ("hd", "vga")
_LONGEST_GAP = 1_000_000


def is_panoptic(path: Path) -> bool:
    """Whether a folder holds frames of Panoptic, or a file is one."""
    if path.is_dir():
        return next(path.glob(FRAMES), None) is not None
    return path.match(FRAMES)


def panoptic_rate(path: Path) -> float | None:
    """Frames a second by the first frame; None where it does not say."""
    files = _files(path)
    try:
        words = json.loads(files[0].read_text()) if files else {}
    except (OSError, ValueError, RecursionError):
        return None
    return _RATES.get(str(words.get("fpsType"))) if isinstance(words, dict) else None


def read_panoptic(path: Path) -> list[Motion]:
    """Everybody in a folder of frames, or in one file.

    Raises:
        BadInput: a file cannot be read or holds something else, or nobody is in them.
    """
    files = _files(path)
    if not files:
        raise BadInput(f"{path} holds no {FRAMES}")
    seen: dict[int, dict[int, np.ndarray]] = defaultdict(dict)
    names: set[str] = set()
    for place, file in enumerate(files):
        for person, key, points in _bodies(file):
            seen[person][_frame(file, place)] = points
            names.add(key)
    if not seen:
        raise BadInput(f"{path}: nobody is in its {len(files)} frames")
    if len(names) > 1:
        raise BadInput(f"{path} should hold one of {' and '.join(sorted(names))}, got both")
    clip, rate = _sequence(path), panoptic_rate(path)
    known = _NAMES[names.pop()]
    return [_motion(path, clip, person, rate, known, seen[person]) for person in sorted(seen)]


def _files(path: Path) -> list[Path]:
    return sorted(path.glob(FRAMES)) if path.is_dir() else [path] if path.is_file() else []


def _frame(file: Path, place: int) -> int:
    found = _NUMBER.search(file.stem)
    return int(found[1]) if found and len(found[1]) < 10 else place


def _sequence(path: Path) -> str:
    folder = (path if path.is_dir() else path.parent).absolute()
    above = [part for part in (folder.parent, *folder.parent.parents) if part.name not in _INNER]
    return (above[0].name if above else "") or folder.name


def _bodies(file: Path) -> Iterator[tuple[int, str, np.ndarray]]:
    """Id, key, and (points, 3) of everybody in a frame; NaN where a point was not seen."""
    try:
        words = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{file} cannot be read as JSON: {printable(str(error))}") from None
    bodies = words.get("bodies") if isinstance(words, dict) else None
    if not isinstance(bodies, list):
        raise BadInput(f"{file}: bodies should be a list")
    for body in bodies:
        yield _body(file, body)


def _body(file: Path, body: Any) -> tuple[int, str, np.ndarray]:
    key = next((key for key in _NAMES if isinstance(body, dict) and key in body), None)
    if key is None or not isinstance(body.get("id"), int):
        raise BadInput(f"{file}: a body should have an id, and {' or '.join(_NAMES)}")
    try:
        points = np.array(body[key], np.float64).reshape(len(_NAMES[key]), 4)
    except (ValueError, TypeError, OverflowError):
        count = len(_NAMES[key])
        raise BadInput(f"{file}: {key} should be x y z confidence of {count} points") from None
    unseen = ~(points[:, 3] > 0.0) | ~np.isfinite(points).all(axis=1)
    return body["id"], key, np.where(unseen[:, None], np.nan, points[:, :3])


def _motion(
    path: Path,
    clip: str,
    person: int,
    rate: float | None,
    names: tuple[str, ...],
    seen: Mapping[int, np.ndarray],
) -> Motion:
    """A person's points, frame by frame from the first to the last, turned so that y is up."""
    first, last = min(seen), max(seen)
    if last - first > _LONGEST_GAP:
        raise BadInput(f"{path}: frames should be numbered in a row, got {first} and {last}")
    places = np.full((last - first + 1, len(names), 3), np.nan)
    for frame, points in seen.items():
        places[frame - first] = points * (1.0, -1.0, -1.0)
    return Motion(
        source=path,
        joints=names,
        positions=places,
        frame_rate=rate,
        unit_mm=10.0,
        up="y",
        first_frame=first,
        places=places_by_keypoints(names) if names == _COCO19 else _OF_MPI15,
        gaps=True,
        person=str(person),
        subject=f"{clip} {person}",
        clip=clip,
    )


_HALFWAY = "halfway between its neighbours"
_OF_MPI15 = {
    "Hip": Place.mean("LHip", "RHip"),
    "Spine": Place({"LHip": 0.25, "RHip": 0.25, "Neck": 0.5}, _HALFWAY),
    "Thorax": Place.mean("Neck"),
    "Neck": Place.mean("Neck", "HeadTop", note=_HALFWAY),
    "Head": Place.mean("HeadTop"),
}
