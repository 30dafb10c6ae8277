"""What every source of poses keeps to, built in or somebody's own."""

from dataclasses import fields

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.load import load

_NECK_BEHIND = "standard"
_NO_FILE = ("deepmimic", "standard")


class SourceContract:
    """Inherit, and give the fixture `settings`: a source of people who mostly stand upright."""

    def test_poses_are_float32_millimetres_of_a_body_that_stands_along_z(self, settings):
        poses = load(settings)
        assert poses.poses.dtype == np.float32 and poses.poses.shape[1:] == (17, 3)
        assert np.isfinite(poses.poses).all()
        extent = np.ptp(poses.poses, axis=1)
        assert 1200 < np.median(extent[:, 2]) < 2000, "most frames of these files are upright"

    def test_left_is_left(self, settings):
        """What is left of the hips, crossed with what is up, points where the nose is."""
        if settings.kind == _NECK_BEHIND:
            pytest.skip("its neck lies behind the line from thorax to head, as CMU's does")
        poses = load(settings).poses.astype(np.float64)
        left, up = poses[:, 4] - poses[:, 1], poses[:, 8] - poses[:, 0]
        ahead = np.cross(left, up)
        toward_nose = ((poses[:, 9] - 0.5 * (poses[:, 8] + poses[:, 10])) * ahead).sum(1)
        assert np.median(toward_nose) >= -1e-3 * np.median(np.linalg.norm(ahead, axis=1))

    def test_every_row_has_names_and_rows_are_in_order(self, settings):
        poses = load(settings)
        for name in ("subject", "action", "clip"):
            assert all(str(value) for value in getattr(poses, name))
        order = np.lexsort((poses.frame, poses.clip, poses.subject))
        assert np.array_equal(order, np.arange(len(poses)))
        keys = zip(poses.subject, poses.clip, poses.frame, strict=True)
        assert len(set(keys)) == len(poses)

    def test_reading_twice_gives_the_same(self, settings):
        first, again = load(settings), load(settings)
        for field in fields(PoseSet):
            assert np.array_equal(getattr(first, field.name), getattr(again, field.name))

    def test_filters_and_fractions_work(self, settings):
        whole = load(settings)
        subject, clip = whole.clips()[0]
        one = load(settings.model_copy(update={"subjects": [subject], "clips": [clip]}))
        assert one.clips() == [(subject, clip)]
        half = load(settings.model_copy(update={"fraction": 0.5}))
        assert len(half) == max(1, round(0.5 * len(whole)))
        with pytest.raises(BadInput, match="no subject fits nobody"):
            load(settings.model_copy(update={"subjects": ["nobody"]}))

    def test_an_absent_or_damaged_file_is_told_in_one_sentence(self, settings, tmp_path):
        if settings.kind in _NO_FILE:
            pytest.skip("it has no file, or one that is checked by SHA-256, see test_assets")
        absent = settings.model_copy(update={"path": str(tmp_path / "absent.file")})
        with pytest.raises(BadInput) as refusal:
            load(absent)
        assert "absent.file" in str(refusal.value) and "\n" not in str(refusal.value)
        damaged = tmp_path / "damaged.file"
        damaged.write_bytes(bytes(range(256)))
        with pytest.raises(BadInput) as refusal:
            load(settings.model_copy(update={"path": str(damaged)}))
        assert "damaged.file" in str(refusal.value) and "\n" not in str(refusal.value)
