"""Test poses as the cameras of their own data set see them.

A known camera tells where a keypoint's ray goes. So the keypoints are freed of the lens and turned
to a camera that looks at the hip, as lifters learn to see people (`pinhole`); the answer is turned
back and judged in the frame of the data set's camera, from the hip.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import FOCAL_PX, SIZE, Cameras, project, world_to_camera
from evoskeleton.lifting.normalization import hip_centred
from evoskeleton.lifting.pinhole import Intrinsics, facing, turned
from evoskeleton.shapes import expect_shape


@dataclass(frozen=True, eq=False)
class OwnViews:
    """How each of many test poses is seen.

    Attributes:
        names: of the views, as results call them.
        cameras: all cameras that there are, on the processor.
        camera: (poses, views) int64: which of them sees a pose in each view.
        keypoints: (poses, views, 17, 2) float32 px, such as annotated ones; none: what the cameras
            see of the joints.
        known: (poses, views, 17) bool, which keypoints are known; none: all.
    """

    names: tuple[str, ...]
    cameras: Cameras
    camera: np.ndarray
    keypoints: np.ndarray | None = None
    known: np.ndarray | None = None

    def __post_init__(self) -> None:
        expect_shape("camera", self.camera, ("poses", len(self.names)))
        if self.keypoints is not None:
            shape = (len(self.camera), len(self.names), len(JOINT_NAMES), 2)
            expect_shape("keypoints", self.keypoints, shape)
        if self.known is not None:
            expect_shape("known", self.known, (len(self.camera), len(self.names), 17))

    def __len__(self) -> int:
        return len(self.camera)

    def lift(self, lifter: Lifter, poses: np.ndarray, start: int) -> tuple[Tensor, Tensor]:
        """What a lifter makes of poses, and the truth.

        Args:
            lifter: on any device.
            poses: (n, 17, 3) world mm, those from row `start` on.
            start: the row of the first of them.

        Returns:
            Two tensors (n, views, 17, 3) on the processor, hip-centred camera mm.
        """
        rows = slice(start, start + len(poses))
        cameras = self.cameras.take(torch.from_numpy(self.camera[rows].ravel()))
        joints = torch.from_numpy(np.array(poses, dtype=np.float32))
        seen = world_to_camera(joints.repeat_interleave(len(self.names), dim=0), cameras)
        points = project(seen, cameras)
        if self.keypoints is not None:
            points = torch.from_numpy(self.keypoints[rows]).flatten(0, 1)
        known = None if self.known is None else torch.from_numpy(self.known[rows]).flatten(0, 1)
        lifted = lift_with(lifter, points, Intrinsics.of_cameras(cameras), known)
        both = lifted, hip_centred(seen)
        first, second = (torch.unflatten(t, 0, (len(joints), len(self.names))) for t in both)
        return first, second


def lift_with(
    lifter: Lifter, keypoints: Tensor, intrinsics: Intrinsics, known: Tensor | None = None
) -> Tensor:
    """Lift keypoints of known cameras.

    Args:
        lifter: on any device.
        keypoints: (n, 17, 2) px; of no meaning where they are not known.
        intrinsics: of one camera for all or of one a row.
        known: (n, 17) bool, one or more of each; none: all are.

    Returns:
        (n, 17, 3) float32 mm in the frame of each camera, hip-centred, on the processor.
    """
    if known is None:
        known = torch.ones(keypoints.shape[:2], dtype=torch.bool)
    plane = intrinsics.points(torch.where(known[..., None], keypoints, 0.0).double())
    rotation = facing(plane, known)
    pixels = (FOCAL_PX * turned(plane, rotation) + SIZE[0] / 2.0).float().to(lifter.device)
    lifted = lifter.lift_tensor(pixels, known.float().to(lifter.device)).cpu()
    return lifted @ rotation.float()
