"""A real detector of a simple kind, for tests of what stands around detectors."""

import numpy as np

from evoskeleton.pose2d.detector import Person


class OneWalker:
    """A real detector of a simple kind: every picture shows one walker."""

    def __init__(self, keypoints: np.ndarray) -> None:
        self.keypoints = keypoints.astype(np.float32)
        self.looks = 0

    def detect(self, image, boxes=None, watch=None):
        self.looks += 1
        sure, seen = np.ones(17, np.float32), np.ones(17, np.float32)
        seen[13] = 0.1
        box = np.concatenate([self.keypoints.min(axis=0), self.keypoints.max(axis=0)])
        return [Person(box, 0.9, self.keypoints, sure, seen, ("Spine",))]
