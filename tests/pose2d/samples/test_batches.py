"""What a training is shown: the right points, and the same whoever prepares it."""

import numpy as np
import pytest
from annotated_people import COLOURS, write_pictures

from evoskeleton.pose2d.heatmap.mirrored import mirror_of
from evoskeleton.pose2d.samples.checking import checked
from evoskeleton.pose2d.samples.looks.augmentation_settings import AugmentationSettings
from evoskeleton.pose2d.samples.looks.batches import Plan, batches
from evoskeleton.pose2d.samples.readers.reading import read_samples

SIZE = (96, 128)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people") / "set"
    write_pictures(folder, count=3)
    return checked(read_samples(folder), "set")


def shown(people, start, stop, workers=0, share=(0, 8), **changes):
    augmentation = AugmentationSettings.parse(changes)
    plan = Plan(7, 8, share, SIZE, augmentation)
    return list(batches(people, plan, start, stop, workers))


def test_batches_are_the_same_for_any_workers_from_any_step_and_in_shares(people):
    whole = shown(people, 0, 4)
    for other in (shown(people, 2, 4), shown(people, 2, 4, workers=2)):
        for one, two in zip(whole[2:], other, strict=True):
            assert (one.crops == two.crops).all() and (one.targets == two.targets).all()
    half = shown(people, 3, 4, share=(4, 8))[0]
    assert (half.crops == whole[3].crops[4:]).all()
    assert (whole[0].crops != whole[1].crops).any()


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_every_target_lies_on_its_own_point_and_sides_change_in_a_mirror(people, flip):
    plain = {"colour": 0.0, "occlusion": 0.0, "blur": 0.0, "noise": 0.0, "grey": 0.0}
    wanted = COLOURS[mirror_of(people.names)] if flip else COLOURS
    seen = 0
    for batch in shown(people, 0, 3, flip=flip, **plain):
        targets = batch.targets.numpy().astype(int)
        for slot, point in np.argwhere(batch.weights.numpy() > 0):
            x, y = targets[slot, point]
            apart = np.abs(batch.crops[slot, y, x].numpy().astype(int) - wanted[point]).max()
            seen += apart <= 40
            assert apart <= 120, (slot, point)
    assert seen > 200


def test_a_picture_that_breaks_off_is_black_and_weighs_nothing(people, tmp_path):
    write_pictures(tmp_path / "set", count=2)
    mine = checked(read_samples(tmp_path / "set"), "set")
    path = tmp_path / "set" / "images" / "001.png"
    path.write_bytes(path.read_bytes()[:400])
    batch = shown(mine, 0, 1)[0]
    assert set(batch.broken) == {0} and len(batch.broken) == 4
    empty = batch.weights.sum(dim=1) == 0
    assert int(empty.sum()) == 4 and int(batch.crops[empty].max()) == 0


def test_without_augmentation_a_look_is_the_box_with_its_margin(people):
    none = AugmentationSettings.none().model_dump()
    one, two = shown(people, 0, 2, **none)
    assert len({crop.numpy().tobytes() for crop in (*one.crops, *two.crops)}) == 3
