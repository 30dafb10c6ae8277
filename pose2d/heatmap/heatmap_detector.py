"""A trained heat-map network as a detector: boxes from the embedded one, keypoints from this.

Every person is looked at alone, so that a picture's others change nothing. Keypoints are given in
Human3.6M's order whatever the network was trained on, see `lifting.keypoints`.
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, without_hips
from evoskeleton.lifting.keypoints.layouts import of_names
from evoskeleton.pose2d.detector import (
    KNOWN,
    Detector,
    Person,
    Shareable,
    Stopwatch,
    check_boxes,
    check_image,
)
from evoskeleton.pose2d.heatmap.bundle import check_self_test, read_card, read_onnx
from evoskeleton.pose2d.heatmap.decoding import Decoded, decoded
from evoskeleton.pose2d.heatmap.mirrored import mirror_of, mirrored_maps, mirrored_pictures
from evoskeleton.pose2d.heatmap.onnx_network import OnnxNetwork
from evoskeleton.pose2d.heatmap.person_crops import crop_to_picture, cropped, normalized
from evoskeleton.settings import Settings

_FOUND = 1.1
"""What a crop grows by where the box was found: it is drawn around keypoints, not the outline."""


class HeatmapDetectorSettings(Settings):
    """How a heat-map detector looks."""

    flip: bool = Field(
        False, description="look at the mirrored person too and take the mean: twice the time"
    )
    threads: int = Field(2, ge=1, description="processor threads of the network")
    tiles: int = Field(
        2, ge=1, le=4, description="rows of overlapping tiles that are searched for people"
    )
    most_people: int = Field(32, ge=1, description="most people in a picture; the surest are kept")


class HeatmapDetector:
    """A detector out of a bundle; see `pose2d.detector.Detector`.

    Attributes:
        card: what the bundle says about itself.
        weight_hash: SHA-256 of its weights.
        approximated: names of the joints that its keypoints lack and that are mixed from them.
    """

    def __init__(
        self,
        folder: Path | str,
        settings: HeatmapDetectorSettings | None = None,
        finder: Detector | None = None,
    ) -> None:
        """Load a bundle and run its self-test.

        Args:
            folder: of the bundle.
            settings: the defaults where none are given.
            finder: who finds the people's boxes; none: BlazePose.

        Raises:
            BadInput: the bundle is damaged, ONNX Runtime is not installed, or too few of our
                joints are among its keypoints.
        """
        self.settings = settings or HeatmapDetectorSettings.parse({})
        self._folder = folder
        self.card = read_card(folder)
        self.weight_hash = self.card.weight_hash
        self._network = OnnxNetwork(read_onnx(folder, self.card), self.settings.threads)
        check_self_test(self._network, self.card, folder)
        names = self.card.network.keypoints
        self._set, self._mirror = of_names(names), mirror_of(names)
        mixed = zip(JOINT_NAMES, self._set.approximated, strict=True)
        self.approximated = tuple(name for name, is_mixed in mixed if is_mixed)
        self._finder, self._no_finder = finder, ""
        if finder is None:
            self._load_finder()

    def _load_finder(self) -> None:
        """Whoever brings boxes needs no finder, so that it may be missing until it is asked."""
        from evoskeleton.pose2d.blazepose import BlazePose, BlazePoseSettings

        said = self.settings.model_dump(include={"threads", "tiles", "most_people"})
        try:
            self._finder = BlazePose(BlazePoseSettings.parse({**said, "passes": 1}))
        except BadInput as error:
            self._no_finder = str(error)

    def for_callers(self, callers: int) -> "HeatmapDetector":
        """See `Shareable.for_callers`; processor threads are shared out."""
        threads = max(self.settings.threads // callers, 1)
        settings = self.settings.model_copy(update={"threads": threads})
        finder = self._finder
        if isinstance(finder, Shareable):
            finder = finder.for_callers(callers)
        return HeatmapDetector(self._folder, settings, finder)

    def detect(
        self,
        image: np.ndarray,
        boxes: np.ndarray | None = None,
        watch: Stopwatch | None = None,
    ) -> list[Person]:
        """People in a picture; see `Detector.detect`."""
        check_image(image)
        watch = watch or Stopwatch()
        height, width = image.shape[:2]
        if boxes is not None:
            checked = check_boxes(boxes, width, height)
            with watch.stage("locate"):
                return [self._person(image, box, 1.0, None) for box in checked]
        with watch.stage("find"):
            found = self._found(image)
        with watch.stage("locate"):
            return [self._person(image, one.box, _FOUND, one.score) for one in found]

    def _found(self, image: np.ndarray) -> list[Person]:
        if self._finder is None:
            raise BadInput(f"people cannot be found, only boxes be looked at: {self._no_finder}")
        return self._finder.detect(image)

    def locate(self, image: np.ndarray, box: np.ndarray, scale: float = 1.0) -> Decoded:
        """Keypoints in the network's own order, (1, keypoints, 2) px of the picture.

        Args:
            image: (height, width, 3) uint8.
            box: (4,) px, x0 y0 x1 y1, around one person.
            scale: what the crop is larger by than for a box around the outline.
        """
        size = self.card.network.picture_px
        affine = crop_to_picture(box, size, scale)
        maps = self.maps(normalized(cropped(image, affine, size)[None]))
        found = decoded(maps, size, mean=self.card.network.head == "seed")
        return found._replace(keypoints=found.keypoints @ affine[:, :2].T + affine[:, 2])

    def maps(self, pictures: np.ndarray) -> np.ndarray:
        """Maps of (n, 3, height, width) normalised pictures, with the mirrored ones' if wished."""
        maps = self._network(pictures)
        if not self.settings.flip:
            return maps
        mirrored = self._network(mirrored_pictures(pictures, self.card.network.stride))
        mean: np.ndarray = (maps + mirrored_maps(mirrored, self._mirror)) / 2.0
        return mean

    def confidence(self, peaks: np.ndarray) -> np.ndarray:
        """(..., keypoints) in [0, 1] of peaks, calibrated where the bundle is."""
        if self.card.calibration is not None:
            return self.card.calibration.confidence(peaks)
        plain: np.ndarray = np.clip(peaks, 0.0, 1.0).astype(np.float32)
        return plain

    def _person(
        self, image: np.ndarray, box: np.ndarray, scale: float, score: float | None
    ) -> Person:
        """What is not in the picture is not known."""
        size = np.array([image.shape[1], image.shape[0]])
        found = self.locate(image, box, scale)
        inside = np.all((found.keypoints >= 0) & (found.keypoints <= size), axis=-1)
        sure = np.where(inside, self.confidence(found.peaks), 0.0)
        keypoints, confidence = self._human36m(found.keypoints, sure)
        corners = np.clip(np.reshape(box, (2, 2)), 0, size)
        return Person(
            box=corners.astype(np.float32).ravel(),
            score=float(sure.mean()) if score is None else score,
            keypoints=keypoints[0],
            confidence=confidence[0],
            visibility=confidence[0],
            approximated=self.approximated,
        )

    def _human36m(self, points: np.ndarray, sure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Our joints of one person, (1, 17, 2) px and (1, 17); of a portrait, without the hips."""
        keypoints, _ = self._set.to_human36m(points)
        _, confidence = self._set.to_human36m(points, sure)
        if self.card.network.keypoints != COCO:
            return keypoints, confidence
        upper, upper_sure = without_hips("coco").to_human36m(points, sure)
        portrait = (confidence < KNOWN) & (upper_sure >= KNOWN)
        keypoints = np.where(portrait[..., None], upper, keypoints)
        return keypoints, np.where(portrait, upper_sure, confidence)
