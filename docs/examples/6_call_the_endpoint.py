"""Call a running endpoint: keypoints in, 3D joints with error radii out.

evoskeleton serve --bundle lifter --no-detector &
python docs/examples/6_call_the_endpoint.py 127.0.0.1:50051 keypoints.json
"""

import sys
from pathlib import Path

import numpy as np

from evoskeleton.annotation.client import Client
from evoskeleton.lifting import read_keypoints


def main(address: str, keypoints_file: str) -> np.ndarray:
    """Prints which model answered; returns the joints (poses, 17, 3) mm, camera frame."""
    keypoints, visibility = read_keypoints(Path(keypoints_file))
    with Client(address) as endpoint:
        lifted = endpoint.lift(keypoints, visibility)
    print(f"{len(lifted.joints)} poses lifted by {lifted.model}")
    return lifted.joints


if __name__ == "__main__":
    main(*sys.argv[1:3])
