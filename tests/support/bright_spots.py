"""A detector of a simple kind, named in tests as somebody's own."""

import numpy as np

from evoskeleton.pose2d.detector import Person, Stopwatch, check_boxes, check_image

BODY = np.random.default_rng(1).uniform((-30, -90), (30, 90), (17, 2))


class BrightSpots:
    """The bright part of a picture is a person."""

    def detect(self, image, boxes=None, watch=None):
        check_image(image)
        watch = watch or Stopwatch()
        height, width = image.shape[:2]
        with watch.stage("find"):
            if boxes is None:
                bright = np.argwhere(image[..., 0] > 200)
                places = [bright.mean(axis=0)[::-1]] if len(bright) else []
            else:
                places = [(box[:2] + box[2:]) / 2 for box in check_boxes(boxes, width, height)]
        with watch.stage("locate"):
            return [self._person(place) for place in places]

    def _person(self, place):
        keypoints = (BODY + place).astype(np.float32)
        sure = np.ones(17, np.float32)
        box = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
        return Person(box, 0.9, keypoints, sure, sure, ("Spine",))


class Broken:
    def __init__(self):
        raise OSError("no weights")


class Blind:
    """Has no `detect`."""
