"""Both kinds of joint limits keep to the contract."""

import pytest
import torch
from limits_contract import LimitsContract

from evoskeleton.evolution.limits.akhter_black import BINS, AkhterBlackLimits
from evoskeleton.evolution.limits.joint_limits import JointLimits
from evoskeleton.evolution.limits.tables import default_limits


class TestTables(LimitsContract):
    @pytest.fixture
    def limits(self) -> JointLimits:
        return default_limits()


class TestAkhterAndBlack(LimitsContract):
    @pytest.fixture
    def limits(self) -> JointLimits:
        """Tables at random: some directions were seen, planes cut some more off."""
        chance = torch.Generator().manual_seed(3)
        planes = torch.randn(4, *BINS, 4, generator=chance, dtype=torch.float64)
        second = torch.randn(4, *BINS, 3, generator=chance, dtype=torch.float64)
        bounds = torch.rand(4, *BINS, 4, generator=chance, dtype=torch.float64)
        return AkhterBlackLimits(
            seen=torch.rand(5, *BINS, generator=chance) < 0.5,
            planes=planes,
            second_axes=second,
            bounds=bounds,
            reference=torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64),
            fallbacks=torch.eye(3, 4, dtype=torch.float64),
            provenance="made up",
        )
