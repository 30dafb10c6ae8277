"""A body of plausible bone lengths within the joint limits, fitted to 2D keypoints.

    python docs/examples/5_fit_a_body_to_keypoints.py lifter keypoints.json 1920x1080

`keypoints.json` holds 17 x 2 numbers a pose, px, Human3.6M order; the last word is the size of the
pictures.
"""

import sys
from pathlib import Path

import numpy as np

from evoskeleton.lifting import Intrinsics, fit_poses, load_bundle, read_keypoints


def main(bundle: str, keypoints_file: str, size: str) -> np.ndarray:
    """Prints how well the bodies fit; returns their joints (poses, 17, 3) mm, camera frame."""
    width, height = (int(part) for part in size.split("x"))
    keypoints, visibility = read_keypoints(Path(keypoints_file))
    lifter = load_bundle(bundle)
    fit = fit_poses(lifter, keypoints, visibility, Intrinsics.of_image(width, height))
    print(
        f"{len(keypoints)} poses, reprojection error {np.median(fit.reprojection_px[:, 0]):.1f} px"
    )
    return fit.joints[:, 0]  # the better of two bodies a pose


if __name__ == "__main__":
    main(*sys.argv[1:4])
