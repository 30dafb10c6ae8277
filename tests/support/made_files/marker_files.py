"""Files of markers, written from poses: what laboratories and video tools would have recorded."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

POSE2SIM = {
    "Hip": [0], "RHip": [1], "RKnee": [2], "RAnkle": [3], "LHip": [4], "LKnee": [5],
    "LAnkle": [6], "RShoulder": [14], "RElbow": [15], "RWrist": [16], "LShoulder": [11],
    "LElbow": [12], "LWrist": [13],
}  # fmt: skip
"""Joints among the 17 that video tools name so."""


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def keypoints(poses: np.ndarray) -> dict[str, np.ndarray]:
    """Points as detectors name them, of (frames, 17, 3) mm."""
    points = {name: poses[:, joints].mean(1) for name, joints in POSE2SIM.items()}
    middle = 0.5 * (points["RShoulder"] + points["LShoulder"])
    thorax = points["Hip"] + 0.88 * (middle - points["Hip"])
    ears = thorax + 0.88 * (poses[:, 10] - thorax)
    side = 70.0 * unit(points["RShoulder"] - points["LShoulder"])
    ahead = np.cross(unit(middle - points["Hip"]), side / 70.0)
    more = {"Neck": middle, "Nose": ears + 90.0 * ahead, "REar": ears + side, "LEar": ears - side}
    return points | more


def plug_in_gait(poses: np.ndarray) -> dict[str, np.ndarray]:
    """Vicon's markers on the skin of (frames, 17, 3) mm."""
    right = unit(poses[:, 1] - poses[:, 4])
    trunk = poses[:, 8] - poses[:, 0]
    up = unit(trunk - (trunk * right).sum(1, keepdims=True) * right)
    ahead = np.cross(up, right)
    wide = np.linalg.norm(poses[:, 1] - poses[:, 4], axis=1, keepdims=True) / 0.72
    front = poses[:, 0] + 0.19 * wide * ahead + 0.30 * wide * up
    back = front - 0.6 * wide * ahead
    markers = {}
    for side, way, (knee, ankle, shoulder, elbow, wrist) in (
        ("R", right, (2, 3, 14, 15, 16)),
        ("L", -right, (5, 6, 11, 12, 13)),
    ):
        markers[f"{side}ASI"] = front + 0.5 * wide * way
        markers[f"{side}PSI"] = back + 0.2 * wide * way
        markers[f"{side}KNE"] = poses[:, knee] + 57.0 * way
        markers[f"{side}ANK"] = poses[:, ankle] + 38.0 * way
        markers[f"{side}SHO"] = poses[:, shoulder] + 55.0 * unit(trunk)
        markers[f"{side}ELB"] = poses[:, elbow] + 30.0 * way
        markers[f"{side}WRA"] = poses[:, wrist] + 30.0 * ahead
        markers[f"{side}WRB"] = poses[:, wrist] - 30.0 * ahead
        markers[f"{side}FHD"] = poses[:, 10] + 70.0 * way + 80.0 * ahead
        markers[f"{side}BHD"] = poses[:, 10] + 70.0 * way - 80.0 * ahead
    markers["C7"] = poses[:, 8] - 50.0 * ahead
    markers["CLAV"] = poses[:, 8] + 50.0 * ahead
    return markers


def y_up(points: np.ndarray) -> np.ndarray:
    return points[..., [0, 2, 1]] * (1.0, 1.0, -1.0)


def write_trc(
    path: Path, markers: Mapping[str, np.ndarray], units: str = "mm", blank: str = "\n"
) -> None:
    """As OpenSim and Pose2Sim write it, in the units and axes that the markers have."""
    names, count = list(markers), len(next(iter(markers.values())))
    head = ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate"]
    said = ["50.0", "50.0", count, len(names), units, "50.0"]
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}", "\t".join(head), "\t".join(map(str, said)),
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{n}" for n in range(1, len(names) + 1) for axis in "XYZ"),
    ]  # fmt: skip
    text = "\n".join(lines) + "\n" + blank
    for row in range(count):
        numbers = np.concatenate([markers[name][row] for name in names])
        words = [f"{value:.6f}" if np.isfinite(value) else "" for value in numbers]
        text += "\t".join([str(row + 1), f"{row / 50:.3f}", *words]) + "\n"
    path.write_text(text)


def write_c3d(
    path: Path,
    markers: Mapping[str, np.ndarray],
    units: str = "mm",
    screen: str = "+Z",
    angles: tuple[str, ...] = (),
) -> None:
    """By the library that others read such files with."""
    import ezc3d

    file = ezc3d.c3d()
    points = np.stack([markers[name].T for name in markers], axis=1)
    file["parameters"]["POINT"]["RATE"]["value"] = [100.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = [units]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(markers)
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", [screen])
    if angles:
        file.add_parameter("POINT", "ANGLES", list(angles))
    file["data"]["points"] = np.concatenate([points, np.ones((1, *points.shape[1:]))])
    file.write(str(path))


def panoptic(poses: np.ndarray) -> np.ndarray:
    """(frames, 19, 4) of CMU Panoptic: centimetres, y down, and confidence."""
    points = keypoints(poses)
    points |= {"MidHip": points["Hip"], "REye": points["Nose"], "LEye": points["Nose"]}
    places = np.stack([points[name] for name in COCO19], axis=1)
    turned = places[..., [0, 2, 1]] * (0.1, -0.1, 0.1)
    return np.concatenate([turned, np.full((*turned.shape[:2], 1), 0.7)], axis=2)


COCO19 = (
    "Neck", "Nose", "MidHip", "LShoulder", "LElbow", "LWrist", "LHip", "LKnee", "LAnkle",
    "RShoulder", "RElbow", "RWrist", "RHip", "RKnee", "RAnkle", "LEye", "LEar", "REye", "REar",
)  # fmt: skip
