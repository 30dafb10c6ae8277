"""Files of 2D keypoints and of lifted joints, as JSON or Parquet.

Keypoints, Human3.6M order, px, one pose an entry:

- JSON: a list of poses, each 17 points `[x, y]` or `[x, y, visibility]`, or the 34 or 51 numbers
  of them; or an object with `keypoints` and, if wanted, `visibility` (17 numbers a pose), which may
  also be called `scores`, `confidence` or `keypoint_scores`; `points`, the name of another layout
  (see `layouts`), `width` and `height` of the pictures, px, and `images`, the name of the picture
  of each pose.
- Parquet: a list column `keypoints` (34 or 51 numbers a pose, or 17 lists of 2 or 3) and, if
  wanted, a list column `visibility` (17 numbers), or `scores` or `confidence`, and a text column
  `image`.

A hidden keypoint (visibility 0.5 or less) may be NaN, or null in place of its numbers. Joints are
written as 17 points `[x, y, z]` (JSON) or as a list column of 51 numbers (Parquet), mm, camera
frame, hip-centred.
"""

import codecs
import difflib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import whole_file
from evoskeleton.lifting.keypoints.confidences import as_shares
from evoskeleton.lifting.keypoints.layouts import LAYOUTS, layout
from evoskeleton.shapes import expect_shape

_log = logging.getLogger(__name__)

JOINTS = len(JOINT_NAMES)
_SEEN = ("visibility", "scores", "confidence", "keypoint_scores", "score", "visible")
_IN_TABLES = ("subject", "action", "clip", "frame", "image", "file", "name")
_KEYS = ("keypoints", *_SEEN, "points", "joint_names", "images", "width", "height")
FRAME = "camera: x right, y down, z forward; hip at 0"


class Points(NamedTuple):
    """What a file holds, in its own layout.

    Attributes:
        keypoints: (n, points, 2) float32 px.
        visibility: (n, points) float32, or None where the file has none.
        layout: name of the layout that the file says it has; empty: Human3.6M's 17.
        size: width and height of the pictures, px, or None.
        images: name of the picture of each pose; empty where the file does not say.
    """

    keypoints: np.ndarray
    visibility: np.ndarray | None
    layout: str = ""
    size: tuple[float, float] | None = None
    images: tuple[str, ...] = ()


def read_keypoints(path: Path | str) -> tuple[np.ndarray, np.ndarray | None]:
    """Read keypoints in Human3.6M's order.

    Returns:
        (n, 17, 2) float32 px, and (n, 17) float32 visibility or None where the file has none.

    Raises:
        BadInput: the file is missing or unreadable, a pose has not 17 keypoints, a visible one is
            NaN or infinite, or visibilities are on a scale other than 0 to 1.
    """
    path = Path(path)
    found = read_points(path)
    if found.layout:
        raise BadInput(f"{path} has the points {found.layout}: `lift` converts them")
    seen = found.visibility
    _expect_finite(path, found.keypoints, seen)
    if seen is not None:
        as_shares(f"{path}: visibility", seen)
    return found.keypoints, seen


def read_points(path: Path, points: str | None = None) -> Points:
    """Read keypoints of any layout as they are.

    Args:
        path: a file of the kinds above.
        points: name of the layout; None: as the file says, or Human3.6M's 17.

    Raises:
        BadInput: the file is missing or unreadable, or a pose has another number of keypoints.
    """
    table = _parquet(path) if path.suffix == ".parquet" else _json(path)
    name = points or table.layout
    count = len(layout(name).names) if name else JOINTS
    keypoints, visibility = _poses(path, table.keypoints, count), table.visibility
    seen: np.ndarray | None = None
    if keypoints.shape[2] == 3:
        if visibility is not None:
            raise BadInput(f"{path}: visibility should be given once, got it twice")
        keypoints, seen = keypoints[..., :2], keypoints[..., 2]
    elif visibility is not None:
        seen = _numbers(path, "visibility", visibility)
    if seen is not None:
        expect_shape(f"{path}: visibility", seen, (len(keypoints), count))
        seen = np.ascontiguousarray(seen)
        if not np.isfinite(seen).all():
            row, joint = np.argwhere(~np.isfinite(seen))[0]
            named = JOINT_NAMES[joint] if not name else f"point {joint}"
            raise BadInput(f"{path}: visibility of {named} in pose {row} is not a number")
    images = _images(path, table.images, len(keypoints))
    return Points(np.ascontiguousarray(keypoints), seen, name, table.size, images)


def _images(path: Path, names: Any, poses: int) -> tuple[str, ...]:
    if names is None:
        return ()
    even = isinstance(names, list) and len(names) == poses
    if not even or not all(isinstance(name, str) and name for name in names):
        raise BadInput(f"{path}: images should be the name of a picture for each of {poses} poses")
    return tuple(names)


def write_joints(
    path: Path | str,
    joints: np.ndarray,
    reasons: Mapping[int, str] | None = None,
    *,
    sources: Sequence[str] = (),
    overwrite: bool = True,
) -> None:
    """Write (n, 17, 3) mm as Parquet where the name ends so, as JSON otherwise.

    Args:
        path: the file.
        joints: of all poses.
        reasons: why a pose has no joints, by its row; it is null.
        sources: (n,) where each pose comes from, or nothing.
        overwrite: replace what is there.

    Raises:
        BadInput: the shape is another, or the file is there or cannot be written.
    """
    path = Path(path)
    expect_shape("joints", joints, ("poses", JOINTS, 3))
    left_out = dict(reasons or {})
    with whole_file(path, overwrite) as file:
        if path.suffix == ".parquet":
            pq.write_table(_joint_table(joints, left_out, sources), file)
        else:
            words = _joint_words(joints, left_out, sources)
            file.write(json.dumps(words).encode())


def _joint_words(
    joints: np.ndarray, left_out: Mapping[int, str], sources: Sequence[str]
) -> dict[str, Any]:
    rows: list[Any] = np.round(np.asarray(joints, np.float64), 3).tolist()
    more: dict[str, Any] = {"sources": list(sources)} if sources else {}
    if left_out:
        rows = [None if row in left_out else pose for row, pose in enumerate(rows)]
        more["reasons"] = {str(row): why for row, why in left_out.items()}
    return {
        "unit": "mm",
        "frame": FRAME,
        "joint_names": list(JOINT_NAMES),
        "joints": rows,
        **more,
    }


def _joint_table(
    joints: np.ndarray, left_out: Mapping[int, str], sources: Sequence[str]
) -> pa.Table:
    flat = pa.array(np.asarray(joints, np.float32).reshape(-1))
    words = {"unit": "mm", "frame": FRAME, "joint_names": ",".join(JOINT_NAMES)}
    gone = pa.array([row in left_out for row in range(len(joints))]) if left_out else None
    column = pa.FixedSizeListArray.from_arrays(flat, 3 * JOINTS, mask=gone)
    columns = {"joints": column}
    if left_out:
        columns["reason"] = pa.array([left_out.get(row) for row in range(len(joints))])
    if sources:
        columns["source"] = pa.array(list(sources))
    table = pa.table(columns)
    return table.replace_schema_metadata(words)


class _Table(NamedTuple):
    """Plain values of a file."""

    keypoints: Any
    visibility: Any = None
    layout: str = ""
    size: tuple[float, float] | None = None
    images: Any = None


def _json(path: Path) -> _Table:
    try:
        content = json.loads(_text(path))
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"keypoint file {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"keypoint file {path} is not JSON") from None
    if not isinstance(content, dict):
        return _Table(content)
    if "keypoints" not in content:
        raise BadInput(f"keypoint file {path} should hold keypoints, got {_some(content)}" + _KINDS)
    _refuse_misspelt(path, list(content))
    seen = [content[name] for name in _SEEN if content.get(name) is not None]
    if len(seen) > 1:
        raise BadInput(f"{path}: visibility should be given once, got it twice")
    return _Table(
        content["keypoints"],
        seen[0] if seen else None,
        _layout(content),
        _size(path, content),
        content.get("images"),
    )


def _text(path: Path) -> str:
    """UTF-8, with or without a byte order mark."""
    data = path.read_bytes()
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise BadInput(f"keypoint file {path} is UTF-16: save it as UTF-8")
    return data.decode("utf-8-sig")


def _refuse_misspelt(path: Path, names: list[str]) -> None:
    """A key that is nearly ours would change the answer; one that is not is told."""
    for name in names:
        if name in _KEYS:
            continue
        near = difflib.get_close_matches(name, _KEYS, n=1)
        if near:
            raise BadInput(f"{path}: there is no key {name}; did you mean {near[0]}?")
        _log.warning("%s: the key %s is not looked at; known are %s", path, name, ", ".join(_KEYS))


def _layout(content: dict[str, Any]) -> str:
    """The layout that a file names, or that its joint names are."""
    names = content.get("joint_names")
    if isinstance(names, list) and tuple(names) != JOINT_NAMES:
        known = [name for name, each in LAYOUTS.items() if list(each.names) == names]
        if not known:
            raise BadInput(f"joint_names should be {', '.join(JOINT_NAMES)}, or those of a layout")
        return known[0]
    named = str(content.get("points") or "")
    return "" if named and layout(named) is LAYOUTS["human36m"] else named


def _size(path: Path, content: dict[str, Any]) -> tuple[float, float] | None:
    size = [content.get(name) for name in ("width", "height")]
    if size == [None, None]:
        return None
    if not all(isinstance(value, int | float) and 0 < value < 1e6 for value in size):
        raise BadInput(f"{path}: width and height should be px of the picture, got {size}")
    return float(size[0] or 0), float(size[1] or 0)


def _parquet(path: Path) -> _Table:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise BadInput(f"keypoint file {path}: No such file or directory") from None
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise BadInput(f"keypoint file {path} is not Parquet: {error}") from None
    if "keypoints" not in table.column_names:
        raise BadInput(f"{path} should have a column keypoints, got {table.column_names}")
    seen = [table[name].to_pylist() for name in _SEEN if name in table.column_names]
    _refuse_misspelt(path, [name for name in table.column_names if name not in _IN_TABLES])
    if len(seen) > 1:
        raise BadInput(f"{path}: visibility should be given once, got it twice")
    images = table["image"].to_pylist() if "image" in table.column_names else None
    return _Table(table["keypoints"].to_pylist(), seen[0] if seen else None, images=images)


def _poses(path: Path, points: Any, count: int) -> np.ndarray:
    """(n, count, 2) or (n, count, 3) float32; the first pose of another size is named."""
    if not isinstance(points, list) or not points:
        raise BadInput(f"{path}: keypoints should be a list of poses, got {_brief(points)}")
    poses = []
    for row, pose in enumerate(points):
        if isinstance(pose, dict):
            raise BadInput(
                f"{path}: pose {row} should be lists of numbers, got an object of "
                f"{_some(pose)}{_KINDS}"
            )
        array = _numbers(path, f"pose {row}", _with_nulls(pose))
        if array.shape in ((2 * count,), (3 * count,)):
            array = array.reshape(count, -1)
        if array.shape not in ((count, 2), (count, 3)):
            wanted = f"{count} keypoints of 2 or 3 numbers"
            sentence = f"{path}: pose {row} should be {wanted}, got shape {array.shape}"
            raise BadInput(sentence + _other_layouts(array.shape))
        poses.append(array)
    if len({pose.shape for pose in poses}) > 1:
        raise BadInput(f"{path}: all poses should have 2 or all 3 numbers a keypoint, got both")
    return np.stack(poses)


def _other_layouts(shape: tuple[int, ...]) -> str:
    """Names of the layouts that have so many points, as the end of a sentence."""
    numbers = (shape[0] // 2, shape[0] // 3) if len(shape) == 1 else shape[:1]
    known = [name for name, each in LAYOUTS.items() if len(each.names) in numbers]
    return f"; --points may name another layout ({', '.join(known)})" if known else ""


def _with_nulls(pose: Any) -> Any:
    """A keypoint that is null as one of as many nulls as the others have numbers."""
    if not isinstance(pose, list) or None not in pose:
        return pose
    size = next((len(point) for point in pose if isinstance(point, list)), None)
    return pose if size is None else [[None] * size if p is None else p for p in pose]


def _numbers(path: Path, name: str, values: Any) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float32)
    except (ValueError, TypeError, OverflowError):
        raise BadInput(f"{path}: {name} should be even lists of numbers") from None


def _expect_finite(path: Path, keypoints: np.ndarray, visibility: np.ndarray | None) -> None:
    """Visible keypoints (n, 17, 2) should be finite.

    Raises:
        BadInput: one is not.
    """
    seen = np.ones(keypoints.shape[:2], bool) if visibility is None else visibility > 0.5
    broken = ~np.isfinite(keypoints).all(2) & seen
    if broken.any():
        row, joint = np.argwhere(broken)[0]
        x, y = keypoints[row, joint]
        raise BadInput(
            f"{path}: keypoint {JOINT_NAMES[joint]} of pose {row} should be finite, got ({x}, {y})"
        )


_KINDS = "; docs/your-own-data.md has the kinds of files that are read"


def _some(words: Mapping[str, Any]) -> str:
    """The first names in an object, in order."""
    names = sorted(map(str, words))
    return f"{names[:6]}{' and more' if len(names) > 6 else ''}"


def _brief(value: Any) -> str:
    return "an empty list" if value == [] else type(value).__name__
