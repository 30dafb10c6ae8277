"""How far a thorax bends and twists against the pelvis.

The ranges are those of adults, each of one movement alone (American Academy of Orthopaedic Surgeons
1965, "Joint Motion: Method of Measuring and Recording": flexion 80 degrees, extension 20 to 30,
lateral bending 35, rotation 45). A slanting bend goes no further than the ellipse between them; a
twist is judged on its own. All poses of CMU02 lie within, and 99.8 % of at most 300 poses of each
CMU training subject.

A trunk is the rotation of the thorax frame in the pelvis frame, taken as a bend about a horizontal
axis of the pelvis after a twist about the vertical one (swing and twist). A bend forwards turns
about -x, one to the right about y.
"""

import math

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.settings import Settings

_TINY = 1e-9


class TrunkRange(Settings):
    """Ranges of a thorax against its pelvis."""

    enabled: bool = Field(True, description="refuse bodies that are bent or twisted further")
    flexion_deg: float = Field(80.0, ge=0, le=120, description="furthest bend forwards, degrees")
    extension_deg: float = Field(25.0, ge=0, le=90, description="furthest bend backwards, degrees")
    lateral_deg: float = Field(35.0, ge=0, le=90, description="furthest bend to a side, degrees")
    rotation_deg: float = Field(45.0, ge=0, le=90, description="furthest twist to a side, degrees")

    def furthest_bend(self, forwards: Tensor, right: Tensor) -> Tensor:
        """Radians (bodies,) to the end of the ellipse in a direction of length 1."""
        ahead = torch.where(forwards > 0.0, self.flexion_deg, self.extension_deg)
        shares = torch.stack(
            [forwards / ahead.clamp_min(_TINY), right / max(self.lateral_deg, _TINY)]
        )
        return shares.square().sum(0).rsqrt().deg2rad()

    def margin(self, genomes: Genomes) -> Tensor:
        """Degrees (bodies,) float32 to the nearer of the two ends, negative outside."""
        trunk = genomes.trunk
        across = trunk[:2, 2]
        size = across.square().sum(0).sqrt()
        bend = torch.atan2(size, trunk[2, 2])
        right, forwards = across / size.clamp_min(_TINY)
        forwards = torch.where(size > _TINY, forwards, 1.0)
        trace = trunk[0, 0] + trunk[1, 1] + trunk[2, 2]
        twist = 2.0 * torch.atan2(trunk[1, 0] - trunk[0, 1], 1.0 + trace).abs()
        room = torch.minimum(
            self.furthest_bend(forwards, right) - bend, math.radians(self.rotation_deg) - twist
        )
        return room.rad2deg()
