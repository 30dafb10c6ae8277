"""Files of 2D keypoints and of lifted joints, as JSON or Parquet.

Keypoints, Human3.6M order, px, one pose an entry:

- JSON: a list of poses, each 17 points `[x, y]` or `[x, y, visibility]`; or an object with
  `keypoints` and, if wanted, `visibility` (17 numbers a pose).
- Parquet: a list column `keypoints` (34 numbers a pose, or 17 lists of 2 or 3) and, if wanted, a
  list column `visibility` (17 numbers).

A hidden keypoint (visibility 0.5 or less) may be NaN, or null in place of its numbers. Joints are
written as 17 points `[x, y, z]` (JSON) or as a list column of 51 numbers (Parquet), mm, camera
frame, hip-centred.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import whole_file
from evoskeleton.shapes import expect_shape

JOINTS = len(JOINT_NAMES)
FRAME = "camera: x right, y down, z forward; hip at 0"


def read_keypoints(path: Path | str) -> tuple[np.ndarray, np.ndarray | None]:
    """Read keypoints.

    Returns:
        (n, 17, 2) float32 px, and (n, 17) float32 visibility or None where the file has none.

    Raises:
        BadInput: the file is missing or unreadable, a pose has not 17 keypoints, or a visible one
            is NaN or infinite.
    """
    path = Path(path)
    points, visibility = _parquet(path) if path.suffix == ".parquet" else _json(path)
    keypoints = _poses(path, points)
    seen: np.ndarray | None = None
    if keypoints.shape[2] == 3:
        if visibility is not None:
            raise BadInput(f"{path}: visibility should be given once, got it twice")
        keypoints, seen = keypoints[..., :2], keypoints[..., 2]
    elif visibility is not None:
        seen = _numbers(path, "visibility", visibility)
    if seen is not None:
        expect_shape(f"{path}: visibility", seen, (len(keypoints), JOINTS))
    _check_finite(path, keypoints, seen)
    return np.ascontiguousarray(keypoints), None if seen is None else np.ascontiguousarray(seen)


def write_joints(path: Path | str, joints: np.ndarray) -> None:
    """Write (n, 17, 3) mm as Parquet where the name ends so, as JSON otherwise.

    Raises:
        BadInput: the shape is another, or the file cannot be written.
    """
    path = Path(path)
    expect_shape("joints", joints, ("poses", JOINTS, 3))
    with whole_file(path) as file:
        if path.suffix == ".parquet":
            pq.write_table(_joint_table(joints), file)
        else:
            file.write(json.dumps(_joint_words(joints)).encode())


def _joint_words(joints: np.ndarray) -> dict[str, Any]:
    return {
        "unit": "mm",
        "frame": FRAME,
        "joint_names": list(JOINT_NAMES),
        "joints": np.round(np.asarray(joints, np.float64), 3).tolist(),
    }


def _joint_table(joints: np.ndarray) -> pa.Table:
    flat = pa.array(np.asarray(joints, np.float32).reshape(-1))
    words = {"unit": "mm", "frame": FRAME, "joint_names": ",".join(JOINT_NAMES)}
    table = pa.table({"joints": pa.FixedSizeListArray.from_arrays(flat, 3 * JOINTS)})
    return table.replace_schema_metadata(words)


def _json(path: Path) -> tuple[Any, Any]:
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"keypoint file {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"keypoint file {path} is not JSON") from None
    if isinstance(content, dict):
        if "keypoints" not in content:
            raise BadInput(f"keypoint file {path} should hold keypoints, got {sorted(content)}")
        return content["keypoints"], content.get("visibility")
    return content, None


def _parquet(path: Path) -> tuple[Any, Any]:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise BadInput(f"keypoint file {path}: No such file or directory") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise BadInput(f"keypoint file {path} is not Parquet: {error}") from None
    if "keypoints" not in table.column_names:
        raise BadInput(f"{path} should have a column keypoints, got {table.column_names}")
    seen = table["visibility"].to_pylist() if "visibility" in table.column_names else None
    return table["keypoints"].to_pylist(), seen


def _poses(path: Path, points: Any) -> np.ndarray:
    """(n, 17, 2) or (n, 17, 3) float32; the first pose of another size is named."""
    if not isinstance(points, list) or not points:
        raise BadInput(f"{path}: keypoints should be a list of poses, got {_brief(points)}")
    poses = []
    for row, pose in enumerate(points):
        array = _numbers(path, f"pose {row}", _with_nulls(pose))
        if array.shape == (2 * JOINTS,):
            array = array.reshape(JOINTS, 2)
        if array.shape not in ((JOINTS, 2), (JOINTS, 3)):
            wanted = f"{JOINTS} keypoints of 2 or 3 numbers"
            raise BadInput(f"{path}: pose {row} should be {wanted}, got shape {array.shape}")
        poses.append(array)
    if len({pose.shape for pose in poses}) > 1:
        raise BadInput(f"{path}: all poses should have 2 or all 3 numbers a keypoint, got both")
    return np.stack(poses)


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


def _check_finite(path: Path, keypoints: np.ndarray, visibility: np.ndarray | None) -> None:
    if visibility is not None and not np.isfinite(visibility).all():
        row, joint = np.argwhere(~np.isfinite(visibility))[0]
        raise BadInput(f"{path}: visibility of {JOINT_NAMES[joint]} in pose {row} is not a number")
    seen = np.ones(keypoints.shape[:2], bool) if visibility is None else visibility > 0.5
    broken = ~np.isfinite(keypoints).all(2) & seen
    if broken.any():
        row, joint = np.argwhere(broken)[0]
        x, y = keypoints[row, joint]
        raise BadInput(
            f"{path}: keypoint {JOINT_NAMES[joint]} of pose {row} should be finite, got ({x}, {y})"
        )


def _brief(value: Any) -> str:
    return "an empty list" if value == [] else type(value).__name__
