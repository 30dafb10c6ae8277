"""Crops, anchors, suppression and conversions, without any network."""

import numpy as np
import pytest

from evoskeleton.pose2d.blazepose import (
    Finds,
    anchors,
    decode,
    distinct,
    intersection_over_union,
    merge_overlapping,
    refine,
    region_of,
    tile_regions,
)
from evoskeleton.pose2d.crops import (
    Region,
    around_box,
    crop,
    crop_to_picture,
    moved,
    picture_to_crop,
    whole,
)

REGIONS = [
    Region(100.0, 80.0, 64.0),
    Region(-20.0, 900.5, 3333.0, 2.5),
    Region(1999.25, 3.0, 7.0, -0.3),
]


@pytest.mark.parametrize("region", REGIONS)
def test_points_go_to_the_crop_and_back(region):
    points = np.random.default_rng(1).uniform(-500, 4000, (200, 2))
    there = moved(points, picture_to_crop(region, 256))
    assert np.abs(moved(there, crop_to_picture(region, 256)) - points).max() < 1e-3


def test_the_corners_of_a_crop_are_the_corners_of_its_region():
    corners = moved(np.array([[0.0, 0.0], [256.0, 256.0]]), crop_to_picture(REGIONS[0], 256))
    assert np.allclose(corners, [[68, 48], [132, 112]])


def test_a_crop_of_the_whole_picture_at_its_own_size_is_the_picture():
    image = np.random.default_rng(2).integers(0, 256, (40, 40, 3), np.uint8)
    assert np.array_equal(crop(image, whole(40, 40), 40), image)


def test_a_quarter_turn_turns_the_picture():
    image = np.random.default_rng(3).integers(0, 256, (40, 40, 3), np.uint8)
    turned = crop(image, Region(20.0, 20.0, 40.0, np.pi / 2), 40)
    inner = np.s_[1:-1, 1:-1]
    off = turned[inner].astype(int) - np.rot90(image)[inner]
    assert np.abs(off).max() <= 1


@pytest.mark.parametrize("size", [50.0, 128.0, 300.0, 1000.0])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_spot_appears_where_the_map_says(size, angle):
    """The middle of what is bright in the crop, beside the point that was made bright."""
    y, x = np.mgrid[:1200, :1200] + 0.5
    spot, region = np.array([612.0, 587.0]), Region(600.0, 600.0, size, angle)
    width = size / 20.0
    light = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * width**2))
    image = np.repeat((255 * light).astype(np.uint8)[..., None], 3, axis=2)
    seen = crop(image, region, 64)[..., 0].astype(float)
    rows, columns = np.mgrid[:64, :64] + 0.5
    middle = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
    assert np.linalg.norm(middle - moved(spot, picture_to_crop(region, 64))) < 0.15


def test_what_lies_outside_the_picture_is_black():
    image = np.full((20, 20, 3), 200, np.uint8)
    assert not crop(image, Region(100.0, 100.0, 20.0), 8).any()
    half = crop(image, Region(0.0, 10.0, 16.0), 16)
    assert not half[:, :8].any() and (half[:, 8:] == 200).all()


def test_thin_lines_survive_shrinking():
    image = np.zeros((1000, 1000, 3), np.uint8)
    image[:, ::10] = 250
    assert abs(int(crop(image, whole(1000, 1000), 50)[10:40, 10:40].mean()) - 25) <= 1


def test_a_box_gets_its_square_with_a_margin():
    assert around_box(np.array([10.0, 20.0, 30.0, 100.0]), 1.5) == Region(20.0, 60.0, 120.0)


def test_a_body_upside_down_is_turned_by_half_a_turn():
    assert abs(region_of(np.array([5.0, 5.0]), np.array([5.0, -5.0])).angle) < 1e-9
    assert abs(region_of(np.array([5.0, 5.0]), np.array([5.0, 15.0])).angle) == np.pi
    assert region_of(np.array([5.0, 5.0]), np.array([15.0, 5.0])).angle == np.pi / 2
    assert region_of(np.array([5.0, 5.0]), np.array([5.0, -5.0])).size == 25.0


def test_anchors_are_as_many_as_the_network_has():
    cells = anchors()
    assert cells.shape == (2254, 2)
    assert np.array_equal(cells[:3], [[4, 4], [4, 4], [12, 4]])
    assert np.array_equal(cells[1568], [8, 8]) and np.array_equal(cells[-1], [208, 208])
    assert len(np.unique(cells, axis=0)) == 28 * 28 + 14 * 14 + 7 * 7


def test_outputs_of_zero_are_boxes_without_size_at_their_anchors():
    finds = decode(np.zeros((2254, 12)), np.zeros(2254), anchors())
    assert np.array_equal(finds.boxes, np.tile(anchors(), 2))
    assert np.array_equal(finds.points[:, 3], anchors()) and (finds.scores == 0.5).all()


def test_a_logit_of_any_size_is_a_probability():
    scores = decode(np.zeros((2, 12)), np.array([-1e30, 1e30]), np.zeros((2, 2))).scores
    assert scores[0] < 1e-9 and scores[1] == 1.0


def scattered(seed: int, count: int) -> Finds:
    chance = np.random.default_rng(seed)
    middle = chance.uniform(0, 100, (count, 2))
    half = chance.uniform(3, 25, (count, 2))
    scores = np.round(chance.uniform(0.5, 1.0, count), 1)  # equal scores happen
    points = chance.normal(0, 30, (count, 4, 2)) + middle[:, None]
    return Finds(np.concatenate([middle - half, middle + half], axis=1), points, scores)


def slow_merge(finds: Finds, overlap: float) -> list[tuple[list[float], list[float], float]]:
    """The twin of `merge_overlapping`: one find at a time, in plain Python."""
    left = sorted(range(len(finds.scores)), key=lambda row: (-finds.scores[row], row))
    result = []
    while left:
        first, group, others = left[0], [], []
        for row in left:
            a, b = finds.boxes[first], finds.boxes[row]
            w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
            h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
            union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
            (group if w * h / union > overlap or row == first else others).append(row)
        total = sum(finds.scores[row] for row in group)
        box = [sum(finds.scores[r] * finds.boxes[r][k] for r in group) / total for k in range(4)]
        flat = finds.points.reshape(len(finds.points), -1)
        points = [sum(finds.scores[r] * flat[r][k] for r in group) / total for k in range(8)]
        result.append((box, points, float(finds.scores[first])))
        left = others
    return result


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("overlap", [0.1, 0.3, 0.7])
def test_merging_agrees_with_its_slow_twin(seed, overlap):
    finds = scattered(seed, 40)
    fast, slow = merge_overlapping(finds, overlap), slow_merge(finds, overlap)
    assert len(fast.scores) == len(slow)
    for row, (box, points, score) in enumerate(slow):
        assert np.allclose(fast.boxes[row], box)
        assert np.allclose(fast.points[row].ravel(), points)
        assert fast.scores[row] == score


def test_nothing_found_stays_nothing():
    none = scattered(1, 3).take(np.zeros(3, bool))
    assert len(distinct(merge_overlapping(none, 0.3)).scores) == 0


def test_overlap_is_one_with_itself_and_zero_apart():
    boxes = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [5, 0, 15, 10.0]])
    assert np.allclose(intersection_over_union(boxes[0], boxes), [1, 0, 1 / 3])


def test_two_finds_with_the_same_shoulders_are_one_person_and_neighbours_are_two():
    points = np.array([[0, 0], [0, -100], [0, -50], [0, -100.0]])
    finds = Finds(
        np.array([[-30, -100, 30, -40], [-9, -80, 9, -60], [40, -80, 60, -60.0]]),
        np.stack([points, points + 5, points + (50, 0)]),
        np.array([0.9, 0.8, 0.7]),
    )
    assert np.array_equal(distinct(finds).scores, [0.9, 0.7])


@pytest.mark.parametrize(("width", "height"), [(640, 424), (424, 640), (300, 300), (2000, 500)])
def test_tiles_cover_the_picture_and_overlap(width, height):
    first, *tiles = tile_regions(width, height, 2)
    assert first.size == max(width, height)
    covered = np.zeros((height, width), int)
    for tile in tiles:
        low, left = tile.y - tile.size / 2, tile.x - tile.size / 2
        assert low > -1e-6 and left > -1e-6
        covered[round(low) : round(low + tile.size), round(left) : round(left + tile.size)] += 1
    assert covered.min() >= 1 and (covered >= 2).mean() > 0.4


def test_one_row_of_tiles_is_the_picture_only():
    assert tile_regions(640, 424, 1) == [whole(640, 424)]


def test_a_point_moves_to_the_heat_beside_it_and_stays_without_heat():
    heat = np.full((64, 64, 3), -30.0)
    heat[20, 31, 0] = 5.0
    points = np.array([[120.0, 80.0], [120.0, 80.0], [-50.0, 9999.0]])
    refined = refine(points, heat)
    assert np.allclose(refined[0], [31 * 4, 20 * 4], atol=0.1)
    assert np.array_equal(refined[1:], points[1:])
