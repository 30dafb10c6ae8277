"""From a photo or video to keypoints, and on to 3D. No Ray."""
