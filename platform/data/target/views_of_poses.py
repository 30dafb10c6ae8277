"""Real poses as a target: one view each, by a virtual camera, with a detector's noise."""

import numpy as np
import torch

from evoskeleton.evolution.chance import key, normal, stream
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.cameras import SIZE, ViewSettings, project, sample_views, world_to_camera
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints


def views_of_poses(
    poses: PoseSet, views: ViewSettings, noise_px: float, seed: int
) -> FoundKeypoints:
    """One keypoint set a pose; camera and noise are those of its place among the poses.

    Args:
        poses: world mm.
        views: ranges of the cameras.
        noise_px: standard deviation in x and in y.
        seed: of the draws.
    """
    joints = torch.from_numpy(np.ascontiguousarray(poses.poses, dtype=np.float32))
    places = torch.arange(len(joints))
    cameras = sample_views(joints[:, Joint.HIP], views, key(seed, stream("target")), places)
    keypoints = project(world_to_camera(joints, cameras), cameras)
    draws = normal(key(seed, stream("target noise")), places, 2 * len(JOINT_NAMES))
    keypoints = keypoints + noise_px * draws.reshape(len(joints), len(JOINT_NAMES), 2)
    return FoundKeypoints.of(
        keypoints.numpy(),
        clips=[Clip(subject=subject, name=clip) for subject, clip in poses.clips()],
        clip=poses.clip_number(),
        number=poses.frame,
        image_size=np.array(SIZE),
    )
