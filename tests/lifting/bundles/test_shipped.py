"""The lifters that come with the package."""

import numpy as np
import pytest
from walker import seen, walk

from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import load_bundle, read_description
from evoskeleton.lifting.bundles import ACKNOWLEDGEMENT, SHIPPED, bundle_folder, shipped
from evoskeleton.lifting.conformal import radii_of

MOST_BYTES = 12_000_000


@pytest.mark.parametrize("name", SHIPPED)
def test_a_lifter_of_the_package_is_whole_small_and_says_where_it_is_from(name):
    lifter, words = load_bundle(shipped(name)), read_description(shipped(name))
    assert sum(file.stat().st_size for file in shipped(name).iterdir()) < MOST_BYTES
    assert words["training"]["card"]["acknowledgement"] == ACKNOWLEDGEMENT
    assert radii_of(words) is not None and words["training"]["validation"]["mpjpe"] < 100
    for heading in (0.0, 120.0, 250.0):
        truth = walk(30, heading_deg=heading)
        joints = lifter.lift(seen(truth))
        assert np.linalg.norm(joints - truth, axis=2).mean() < 110.0


def test_a_lifter_is_named_by_its_folder_or_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bundle_folder() == bundle_folder("detections") == shipped("detections")
    (tmp_path / "exact").mkdir()
    assert bundle_folder("exact") == shipped("exact")
    (tmp_path / "exact" / "bundle.json").write_text("{}")
    assert bundle_folder("exact").resolve() == tmp_path / "exact"
    with pytest.raises(BadInput, match="bundle file mine/bundle.json: No such file"):
        read_description(bundle_folder("mine"))
