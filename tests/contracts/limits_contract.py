"""What joint limits of every kind keep to: inherit the class and give limits by the fixture."""

from pathlib import Path

import pytest
import torch

from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.limits.joint_limits import JointLimits, load_limits


class LimitsContract:
    """Tests of one kind of joint limits, made by the fixture `limits`."""

    @pytest.fixture
    def genomes(self, motion) -> Genomes:
        return encode(motion)

    def test_every_limb_has_a_margin_and_the_worst_is_the_bodys(self, limits: JointLimits, genomes):
        margins = limits.limb_margins(genomes)
        assert margins.shape == (9, len(genomes)) and bool(margins.isfinite().all())
        assert torch.equal(limits.margin(genomes), margins.amin(0))

    def test_fewer_limbs_that_count_forgive_the_worst(self, limits: JointLimits, genomes):
        ranked = limits.limb_margins(genomes).sort(0).values
        for count in (1, 5, 8):
            assert torch.equal(limits.margin(genomes, count), ranked[9 - count])

    def test_a_body_is_judged_alone(self, limits: JointLimits, genomes):
        whole = limits.limb_margins(genomes)
        part = limits.limb_margins(genomes.take(torch.arange(200, 100, -1)))
        assert (part - whole[:, torch.arange(200, 100, -1)]).abs().max() < 1e-3

    def test_bodies_are_left_as_they_were(self, limits: JointLimits, genomes):
        before = genomes.limbs.clone()
        limits.limb_margins(genomes)
        assert torch.equal(genomes.limbs, before)

    def test_a_saved_file_gives_the_same_limits(self, limits: JointLimits, genomes, tmp_path: Path):
        limits.save(tmp_path / "limits.npz")
        again = load_limits(tmp_path / "limits.npz")
        assert type(again) is type(limits) and again.fingerprint() == limits.fingerprint()
        assert again.provenance == limits.provenance
        assert torch.equal(again.limb_margins(genomes), limits.limb_margins(genomes))
        assert [path.name for path in tmp_path.iterdir()] == ["limits.npz"]
