"""From a photo to keypoints: the detector comes with a later release."""
