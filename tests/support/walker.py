"""A body that walks in place, by sines: for tests of what happens over time."""

import numpy as np

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.pose2d.detector import Person

REST = {
    Joint.RHIP: (-90, 0, 0), Joint.LHIP: (90, 0, 0), Joint.SPINE: (0, -220, 0),
    Joint.THORAX: (0, -450, 0), Joint.NECK: (0, -590, 0), Joint.HEAD: (0, -730, 0),
    Joint.LSHOULDER: (180, -440, 0), Joint.RSHOULDER: (-180, -440, 0),
}  # fmt: skip
LIMBS = (
    (Joint.RHIP, Joint.RKNEE, Joint.RFOOT, 430.0, 0.0),
    (Joint.LHIP, Joint.LKNEE, Joint.LFOOT, 430.0, np.pi),
    (Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST, 290.0, 0.0),
    (Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST, 290.0, np.pi),
)


def walk(frames: int, rate: float = 30.0, heading_deg: float = 35.0) -> np.ndarray:
    """(frames, 17, 3) mm, camera frame, hip at 0: one step and a half a second."""
    time = np.arange(frames) / rate
    joints = np.zeros((frames, 17, 3))
    for joint, place in REST.items():
        joints[:, joint] = place
    for start, middle, end, length, phase in LIMBS:
        swing = 0.5 * np.sin(2 * np.pi * 0.75 * time + phase)
        bent = swing - 0.4 * (1 + np.sin(2 * np.pi * 0.75 * time + phase + 1.0)) / 2
        for near, far, angle in ((start, middle, swing), (middle, end, bent)):
            along = np.stack([0 * angle, np.cos(angle), -np.sin(angle)], axis=1)
            joints[:, far] = joints[:, near] + length * along
    cos, sin = np.cos(np.deg2rad(heading_deg)), np.sin(np.deg2rad(heading_deg))
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    return joints @ turn.T


def seen(joints: np.ndarray, distance_mm: float = 4500.0) -> np.ndarray:
    """(frames, 17, 2) px of a camera that looks at the hip from so far."""
    return 1000.0 * joints[..., :2] / (joints[..., 2:] + distance_mm) + 500.0


def person(keypoints: np.ndarray, known: np.ndarray | None = None, score: float = 0.9) -> Person:
    """Somebody with (17, 2) keypoints, all or some of them known."""
    sure = np.ones(17, np.float32) if known is None else np.asarray(known, np.float32)
    box = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)]).astype(np.float32)
    return Person(box, score, keypoints.astype(np.float32), sure, sure, ())
