"""From pictures to a detector: a network that is trained on a few finds their keypoints again."""

import numpy as np
import pytest
import torch

from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.pose2d.detectors import load_detector
from evoskeleton.pose2d.heatmap.bundle import save_bundle
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.losses import heatmap_loss
from evoskeleton.pose2d.heatmap.person_crops import (
    crop_to_picture,
    cropped,
    normalized,
    picture_to_crop,
)
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings

SIZE, PICTURES = (64, 64), 6
NAMES = tuple(name for name in COCO if any(part in name for part in ("shoulder", "hip", "knee")))


_WAYS = [("heatmaps", "mse"), ("heatmaps", "divergence"), ("seed", "coordinates")]


def dotted(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture with a disc of its own colour at each keypoint, these (6, 2) px, and a box."""
    random = np.random.default_rng(number)
    size, middle = random.uniform(60, 100), random.uniform(120, 180, 2)
    keypoints = middle + size * random.uniform((-0.5, -0.7), (0.5, 0.7), (len(NAMES), 2))
    image = random.integers(90, 110, (300, 300, 3)).astype(np.uint8)
    y, x = np.mgrid[:300, :300] + 0.5
    for row, point in enumerate(keypoints):
        colour = np.random.default_rng(100 + row).integers(0, 256, 3)
        image[np.hypot(x - point[0], y - point[1]) < size / 16] = colour
    box = np.concatenate(
        [middle - size * np.array([0.6, 0.8]), middle + size * np.array([0.6, 0.8])]
    )
    return image, keypoints, box


@pytest.mark.long
@pytest.mark.parametrize(("head", "kind"), _WAYS)
def test_a_trained_network_finds_keypoints_again_as_a_detector(tmp_path, head, kind):
    maps = "shares" if kind == "divergence" else "plain"
    settings = HeatmapSettings(width=16, picture_px=SIZE, keypoints=NAMES, head=head, maps=maps)
    network = HeatmapNetwork(settings)
    people = [dotted(number) for number in range(PICTURES)]
    affines = [crop_to_picture(box, SIZE) for _, _, box in people]
    crops = [cropped(image, a, SIZE) for (image, _, _), a in zip(people, affines, strict=True)]
    backs = [picture_to_crop(affine) for affine in affines]
    targets = [p @ a[:, :2].T + a[:, 2] for (_, p, _), a in zip(people, backs, strict=True)]
    pictures = torch.from_numpy(normalized(np.stack(crops)))
    wanted, weights = torch.tensor(np.stack(targets)).float(), torch.ones(PICTURES, len(NAMES))
    steps = 250
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        heatmap_loss(network.train()(pictures), wanted, weights, SIZE, kind).backward()
        optimizer.step()
        schedule.step()
    save_bundle(network, tmp_path, {})
    detector = load_detector(str(tmp_path), ["threads=1"])
    errors = []
    for image, keypoints, box in people:
        found = detector.locate(image, box)
        errors.append(np.linalg.norm(found.keypoints[0] - keypoints, axis=1))
        assert found.peaks.mean() > 0.5
    assert np.mean(errors) < (0.5 if head == "heatmaps" else 4.0)
