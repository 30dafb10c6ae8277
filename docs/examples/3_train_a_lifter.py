"""Train a 2D-to-3D lifter on poses, evaluate it by the field's protocols, and lift keypoints.

python docs/examples/3_train_a_lifter.py poses.parquet lifter
"""

import sys
from pathlib import Path

import numpy as np

from evoskeleton.lifting import evaluate, load_bundle, train_bundle
from evoskeleton.platform.data import hold_out, load, settings_from_text


def main(source: str, output: str, steps: int = 1500) -> np.ndarray:
    """Leaves a bundle in `output`; returns the 3D joints (1, 17, 3) mm of one set of keypoints."""
    train, test = hold_out(load(settings_from_text(source)), share=0.3, seed=1)
    train_bundle(
        train.poses,
        Path(output),
        preset="small",
        changes=[f"steps={steps}"],
        calibration=(test.poses, test.clip_number()),
    )
    lifter = load_bundle(output)
    scores = evaluate(lifter, test.poses, test.action, test.clip_label()).overall
    print(f"MPJPE {scores['mpjpe']:.1f} mm, P-MPJPE {scores['p_mpjpe']:.1f} mm on held-out clips")

    # From the front, 4 m away, focal length 1000 px, a picture of 1000 x 1000: x right, y down.
    x, y, z = (test.poses[:1] - test.poses[:1, :1]).transpose(2, 0, 1)
    keypoints = 500.0 + 1000.0 * np.stack([x, -z], axis=-1) / (4000.0 + y)[..., None]
    joints = lifter.lift(keypoints)
    print(f"left wrist at {joints[0, 13].round()} mm from the hip: x right, y down, z forward")
    return joints


if __name__ == "__main__":
    main(*sys.argv[1:3])
