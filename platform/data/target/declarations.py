"""What a user says of keypoint files where they do not say it themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.confidences import as_shares
from evoskeleton.lifting.keypoints.keypoint_formats import KeypointSet
from evoskeleton.lifting.keypoints.layouts import expect_best_order, layout, same_count
from evoskeleton.platform.data.target.found import HIDDEN, Clip, FoundKeypoints, was_found


@dataclass(frozen=True)
class Declarations:
    """What is declared of keypoint files.

    Attributes:
        points: name of the layout, see `lifting.keypoints.layouts`; None: as the file says.
        size: width and height of the pictures, px.
        normalised: whether coordinates are shares of the picture's width and height.
        full_confidence: the number that means certain, such as 100 for per cent.
        threshold: a joint of this confidence or less is not known.
    """

    points: str | None = None
    size: tuple[int, int] | None = None
    normalised: bool = False
    full_confidence: float | None = None
    threshold: float = HIDDEN

    @property
    def layout(self) -> KeypointSet | None:
        """The layout that is declared."""
        return None if self.points is None else layout(self.points)

    def pixels(self, where: str, points: np.ndarray, size: np.ndarray | None) -> np.ndarray:
        """Coordinates as px.

        Raises:
            BadInput: they are shares of a picture whose size is not known.
        """
        if not self.normalised:
            return points
        known = self.size if self.size is not None else size
        if known is None or not np.isfinite(np.asarray(known, np.float64)).all():
            raise BadInput(
                f"{where}: normalised keypoints want the size of their pictures: name it with "
                "--size, such as 1920x1080"
            )
        scaled: np.ndarray = points * np.asarray(known, np.float64).reshape(-1, 1, 2)
        return scaled

    def to_found(
        self,
        where: str,
        points: np.ndarray,
        confidence: np.ndarray | None,
        own: KeypointSet | None,
        *,
        clips: Clip | Sequence[Clip],
        clip: np.ndarray | None = None,
        number: np.ndarray | None = None,
        person: np.ndarray | None = None,
        size: np.ndarray | None = None,
    ) -> FoundKeypoints:
        """Points of a file as ours.

        Args:
            where: the file, for messages.
            points: (people, points, 2); what is not finite or lies at (0, 0) or (-1, -1) to the
                digit is not known.
            confidence: (people, points); none: all certain.
            own: the layout that the file has; what is declared comes before it.
            clips, clip, number, person: as in `FoundKeypoints.of`.
            size: (people, 2) or (2,) px as the file says.

        Raises:
            BadInput: the layout is not known or has another number of points, confidences are on
                another scale, or normalised keypoints have no picture.
        """
        chosen = self.layout or own
        if chosen is None or len(chosen.names) != points.shape[1]:
            wanted = "" if chosen is None else f" the {len(chosen.names)} points of its layout,"
            raise BadInput(
                f"{where} should hold{wanted or ' points of a known layout,'} got "
                f"{points.shape[1]} a person; --points names another layout"
                + same_count(points.shape[1])
            )
        sure = np.ones(points.shape[:2]) if confidence is None else confidence
        there = was_found(points)
        sure = np.where(there, as_shares(where, sure, self.full_confidence), 0.0)
        known = np.where(sure > self.threshold, sure, 0.0)
        if self.points is None:
            expect_best_order(where, chosen, points, known > 0.0)
        pixels = self.pixels(where, points.astype(np.float64), size)
        ours, ours_sure = chosen.to_human36m(pixels, known)
        extent = size if self.size is None else np.array(self.size, np.float32)
        return FoundKeypoints.of(
            ours,
            ours_sure,
            clips=clips,
            clip=clip,
            number=number,
            person=person,
            approximated=chosen.approximated,
            image_size=extent,
        )


NOTHING_DECLARED = Declarations()
