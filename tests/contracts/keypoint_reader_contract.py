"""What every reader of keypoints keeps to, built in or handed in."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.target.found import FoundKeypoints
from evoskeleton.platform.data.target.load import load_target
from evoskeleton.platform.data.target.settings import TargetSettings

ARRAYS = ("keypoints", "confidence", "approximated", "image_size", "clip", "number", "person")


class KeypointReaderContract:
    """Inherit, and give the fixtures `reader`, `path` of what it reads, and `readers`: all of them.

    What lies at `path` shows at least two people who stand upright, in px.
    """

    def test_it_is_the_one_reader_for_its_kind(self, reader, path, readers):
        first = next(each for each in readers if each.matches(path))
        assert type(first) is type(reader)

    def test_it_leaves_other_files_alone(self, reader, tmp_path):
        (tmp_path / "notes.txt").write_text("hello")
        (tmp_path / "noise").write_bytes(bytes(range(256)))
        for name in ("notes.txt", "noise", "absent"):
            assert not reader.matches(tmp_path / name)

    def test_keypoints_are_px_of_people_who_stand_upright(self, reader, path):
        found: FoundKeypoints = reader.read(path)
        assert len(found) >= 2 and found.keypoints.dtype == np.float32
        known = found.confidence > 0
        assert np.isfinite(found.keypoints[known]).all() and np.ptp(found.keypoints[known]) > 20
        shoulder, ankle = found.keypoints[:, 11, 1], found.keypoints[:, 6, 1]
        both = known[:, 11] & known[:, 6]
        assert both.any() and (shoulder[both] < ankle[both]).mean() > 0.5, "y points down"

    def test_left_is_left_and_right_is_right(self, reader, path):
        """Legs and arms hang together: an ankle is nearer to the knee of its side."""
        found: FoundKeypoints = reader.read(path)
        near, far = [], []
        for knee, ankle, other in ((2, 3, 6), (5, 6, 3)):
            known = (found.confidence[:, [knee, ankle, other]] > 0).all(axis=1)
            points = found.keypoints[known]
            near += np.linalg.norm(points[:, knee] - points[:, ankle], axis=1).tolist()
            far += np.linalg.norm(points[:, knee] - points[:, other], axis=1).tolist()
        assert near and np.mean(near) < np.mean(far)

    def test_confidence_is_a_share_and_sizes_are_of_pictures(self, reader, path):
        found: FoundKeypoints = reader.read(path)
        assert found.confidence.min() >= 0 and found.confidence.max() <= 1
        size = found.image_size[np.isfinite(found.image_size)]
        assert (size > 20).all()
        assert found.approximated[:, [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]].sum() == 0

    def test_every_set_has_a_clip_and_a_name_of_its_own(self, reader, path):
        found: FoundKeypoints = reader.read(path)
        assert found.clip.min() >= 0 and found.clip.max() < len(found.clips)
        settings = TargetSettings(keypoints=(str(path),), approximated_weight=1.0)
        target = load_target(settings, 1, [reader])
        assert len(set(target.name.tolist())) == len(target)
        assert all(target.clip.tolist())

    def test_reading_twice_gives_the_same(self, reader, path):
        first, again = reader.read(path), reader.read(path)
        assert first.clips == again.clips
        for name in ARRAYS:
            assert np.array_equal(
                getattr(first, name), getattr(again, name), equal_nan=name != "clip"
            )

    def test_a_damaged_file_is_told_in_one_sentence(self, reader, path, tmp_path):
        damaged = tmp_path / f"damaged{path.suffix}"
        damaged.write_bytes(bytes(range(256)))
        with pytest.raises(BadInput) as refusal:
            reader.read(damaged)
        assert "damaged" in str(refusal.value) and "\n" not in str(refusal.value)
