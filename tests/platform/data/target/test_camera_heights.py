"""From how high keypoints were seen."""

import numpy as np
import pytest

from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.platform.data.poses import single_clip
from evoskeleton.platform.data.target.camera_heights import elevation_range, elevations
from evoskeleton.platform.data.target.load import load_target
from evoskeleton.platform.data.target.settings import TargetSettings

SETS = 60


def seen_from(motion, tmp_path, *elevation_deg: float):
    """Keypoints of every second pose of somebody who walks; the others are left to resemble."""
    from evoskeleton.platform.data.formats.parquet import write_parquet

    path = tmp_path / "people.parquet"
    write_parquet(path, single_clip(motion[0 : 2 * SETS : 2], "S1", "walk", "clip"))
    poses = {"kind": "parquet", "path": str(path)}
    views = {"elevation_deg": elevation_deg}
    return load_target(TargetSettings.parse({"poses": poses, "views": views}), seed=4)


@pytest.mark.parametrize("degrees", [(-5, 10), (20, 40), (50, 65)])
def test_a_range_holds_the_elevations_and_little_more(motion, tmp_path, degrees):
    target = seen_from(motion, tmp_path, *degrees)
    found = elevations(target, motion[1 : 2 * SETS : 2], ViewSettings(), seed=1)
    low, high = elevation_range(found)
    assert degrees[0] - 16 <= low <= degrees[0] + 4
    assert degrees[1] - 4 <= high <= degrees[1] + 16


def test_nothing_is_concluded_of_what_nobody_resembles(motion, tmp_path):
    target = seen_from(motion, tmp_path, 0, 10)
    upside_down = motion[1:20] * np.array([1, 1, -1], np.float32)
    assert elevation_range(elevations(target, upside_down, ViewSettings(), seed=1)) is None
