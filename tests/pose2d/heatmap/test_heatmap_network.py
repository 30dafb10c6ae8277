"""A heat-map network: its maps, what they are trained to, and how keypoints are read from them."""

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, MIRROR
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.pose2d.heatmap.decoding import decoded
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.losses import (
    as_gaussians,
    gaussian_width,
    gaussians,
    heatmap_loss,
)
from evoskeleton.pose2d.heatmap.mirrored import (
    mirror_of,
    mirrored_maps,
    mirrored_pictures,
    one_sided,
)
from evoskeleton.pose2d.heatmap.person_crops import (
    crop_to_picture,
    cropped,
    normalized,
    picture_to_crop,
)
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings

SIZE = (96, 128)


def maps_at(px: np.ndarray, stride: int = 4) -> np.ndarray:
    """Maps (1, n, rows, columns) with the peaks of training at (n, 2) crop px."""
    rows, columns = SIZE[1] // stride, SIZE[0] // stride
    cells = torch.tensor((px - 0.5) / stride)
    return gaussians(cells, rows, columns, gaussian_width(rows))[None].numpy()


@pytest.mark.parametrize(("head", "stride"), [("heatmaps", 4), ("seed", 1)])
def test_maps_have_a_quarter_or_the_whole_of_the_pictures_size(head, stride):
    settings = HeatmapSettings(width=16, picture_px=SIZE, head=head, keypoints=("a", "b", "c"))
    maps = HeatmapNetwork(settings).eval()(torch.rand(2, 3, 128, 96))
    assert maps.shape == (2, 3, 128 // stride, 96 // stride) and settings.stride == stride


def test_a_seed_gives_the_same_weights_and_leaves_global_chance_alone():
    settings = HeatmapSettings(width=16, picture_px=SIZE)
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (HeatmapNetwork(settings, seed).conv1.weight for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), wanted)
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"picture_px": (100, 128)}, "multiples of 32"),
        ({"keypoints": ("nose", "nose")}, "a name each, no two the same"),
        ({"width": 20}, "width"),
    ],
)
def test_a_network_that_cannot_be_is_told(said, sentence):
    with pytest.raises(BadInput, match=sentence):
        HeatmapSettings.parse(said)


def test_keypoints_are_read_between_the_cells():
    px = np.random.default_rng(1).uniform((12, 12), (84, 116), (200, 2))
    found = decoded(maps_at(px), SIZE)
    assert np.abs(found.keypoints[0] - px).max() < 0.05
    assert found.peaks.min() > 0.7


def test_the_mean_place_is_that_of_the_softmax():
    px = np.array([[20.3, 30.6], [70.1, 90.9]])
    maps = -0.5 * ((np.arange(96) - px[:, None, None, :1] + 0.5) ** 2).reshape(2, 1, 96)
    maps = maps - 0.5 * ((np.arange(128)[:, None] - px[:, 1, None, None] + 0.5) ** 2)
    found = decoded(maps[None], SIZE, mean=True)
    assert np.abs(found.keypoints[0] - px).max() < 1e-3
    assert found.peaks.min() > 0.9


def test_a_flat_map_and_one_with_its_peak_in_a_corner_are_read_too():
    flat, corner = np.zeros((1, 1, 32, 24)), np.zeros((1, 1, 32, 24))
    corner[0, 0, 31, 23] = 1.0
    found = decoded(np.concatenate([flat, corner]), SIZE)
    assert np.isfinite(found.keypoints).all()
    assert found.keypoints[1, 0].tolist() == [92.5, 124.5] and found.peaks[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize(("kind", "head"), [("mse", "heatmaps"), ("coordinates", "seed")])
def test_the_loss_is_least_at_the_truth_and_blind_to_what_is_not_labelled(kind, head):
    px = torch.tensor([[[30.5, 40.5], [60.5, 80.5], [torch.nan, 0.0]]])
    weights = torch.tensor([[1.0, 1.0, 0.0]])
    scale = 1.0 if kind == "mse" else 40.0
    maps = scale * torch.tensor(maps_at(px[0].nan_to_num().numpy(), 4 if head == "heatmaps" else 1))
    right = heatmap_loss(maps, px, weights, SIZE, kind, 0.0)
    moved = heatmap_loss(maps, px + 3.0, weights, SIZE, kind, 0.0)
    assert right < 1e-3 * moved
    maps[:, 2] = 7.0
    assert torch.equal(heatmap_loss(maps, px, weights, SIZE, kind, 0.0), right)


def test_maps_in_two_pieces_cost_more_although_their_mean_is_right():
    px, weights = torch.tensor([[[48.0, 64.0]]]), torch.ones(1, 1)
    one = 20.0 * torch.tensor(maps_at(px[0].numpy(), 1))
    two = 20.0 * torch.tensor(maps_at(np.array([[8.0, 64.0]]), 1))
    two = two + two.flip(-1)
    costs = [heatmap_loss(maps, px, weights, SIZE, "coordinates") for maps in (one, two)]
    assert 2.0 * costs[0] < costs[1]
    plain = [heatmap_loss(maps, px, weights, SIZE, "coordinates", 0.0) for maps in (one, two)]
    assert max(plain) < 1e-6


def test_a_softmax_that_has_learnt_a_gaussian_is_that_gaussian_and_its_divergence_is_none():
    px, weights = torch.tensor([[[30.5, 40.5], [60.5, 80.5]]]), torch.ones(1, 2)
    wanted = torch.tensor(maps_at(px[0].numpy(), 4))
    logits = torch.log(wanted.clamp_min(1e-30)) + 3.0
    assert (as_gaussians(logits) - wanted).abs().max() < 1e-3
    costs = [heatmap_loss(logits, px + moved, weights, SIZE, "divergence") for moved in (0.0, 8.0)]
    assert abs(costs[0]) < 1e-3 < 0.1 < costs[1]


def test_sides_change_places_by_name():
    assert mirror_of(JOINT_NAMES).tolist() == list(MIRROR)
    names = [COCO[row] for row in mirror_of(COCO)]
    assert names[:3] == ["nose", "right_eye", "left_eye"] and names[-1] == "left_ankle"
    assert one_sided(COCO) == [] and one_sided(("nose", "LKnee", "RKnee", "RFoot")) == ["RFoot"]


def test_mirroring_twice_is_what_a_network_that_treats_sides_alike_does_not_see():
    pictures = np.random.default_rng(0).random((1, 3, 8, 16), dtype=np.float32)
    sampled = mirrored_pictures(pictures, 4)[..., ::4]
    assert np.array_equal(mirrored_maps(sampled, np.arange(3)), pictures[..., ::4])


def test_a_crop_shows_what_its_map_says():
    image = np.zeros((200, 300, 3), np.uint8)
    image[120:124, 210:214] = 255
    affine = crop_to_picture(np.array([180.0, 80.0, 240.0, 160.0]), SIZE, scale=1.1, turn=0.4)
    shown = cropped(image, affine, SIZE)[..., 0].astype(float)
    y, x = np.mgrid[:128, :96] + 0.5
    middle = np.array([(shown * x).sum(), (shown * y).sum()]) / shown.sum()
    back = picture_to_crop(affine)
    assert np.abs(middle - (back[:, :2] @ (212.0, 122.0) + back[:, 2])).max() < 0.05


def test_a_crop_of_a_large_person_is_averaged_and_outside_is_black():
    image = np.zeros((1200, 900, 3), np.uint8)
    image[::2] = 200
    affine = crop_to_picture(np.array([0.0, 0.0, 900.0, 1200.0]), SIZE)
    shown = cropped(image, affine, SIZE)
    assert np.abs(shown[20:100, 20:70].astype(int) - 100).max() <= 10
    assert not shown[0].any()
    far = crop_to_picture(np.array([5000.0, 0.0, 5010.0, 20.0]), SIZE)
    assert not cropped(image, far, SIZE).any()


def test_pictures_are_normalised_as_for_imagenet():
    white = normalized(np.full((1, 1, 1, 3), 255, np.uint8))
    assert white.ravel() == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-4)
