"""The list of built-in operators, and the settings of all of them.

A new one is named here twice: in the tuple, whose order is that in which mutations follow one
another, and in `OperatorSettings`, which gives its settings a name and defaults.
"""

from pydantic import Field

from evoskeleton.evolution.operators.build import (
    LENGTHS,
    SHOULDERS,
    LengthSettings,
    ShoulderSettings,
)
from evoskeleton.evolution.operators.crossover import CROSSOVER, CrossoverSettings
from evoskeleton.evolution.operators.entry import Mutation, Operator
from evoskeleton.evolution.operators.ground import GroundSettings
from evoskeleton.evolution.operators.limbs import LIMB_TURNS, LimbSettings
from evoskeleton.evolution.operators.mirror import MIRROR, MirrorSettings
from evoskeleton.evolution.operators.orientation import (
    BEND,
    TUMBLE,
    TURN,
    RotationSettings,
    TumbleSettings,
)
from evoskeleton.settings import Settings

MUTATIONS: tuple[Mutation, ...] = (LIMB_TURNS, TURN, BEND, LENGTHS, SHOULDERS)
"""What changes offspring one by one, in the order in which it is applied."""

OPERATORS: tuple[Operator, ...] = (CROSSOVER, MIRROR, *MUTATIONS, TUMBLE)
"""Everything that leaves a mark in the code of an offspring."""


class OperatorSettings(Settings):
    """The built-in operators and their rates."""

    mirror: MirrorSettings = Field(
        default_factory=MirrorSettings, description="parents are mirrored, left for right"
    )
    crossover: CrossoverSettings = Field(
        default_factory=CrossoverSettings, description="pairs trade a branch of the body"
    )
    limbs: LimbSettings = Field(default_factory=LimbSettings, description="single limbs turn")
    turn: RotationSettings = Field(
        default_factory=lambda: RotationSettings(rate=0.5, sigma_deg=20.0),
        description="the whole body turns",
    )
    tumble: TumbleSettings = Field(
        default_factory=TumbleSettings, description="some bodies lie, fall or stand on their heads"
    )
    bend: RotationSettings = Field(
        default_factory=lambda: RotationSettings(rate=0.5, sigma_deg=15.0),
        description="the trunk bends",
    )
    lengths: LengthSettings = Field(
        default_factory=LengthSettings, description="bones get other lengths"
    )
    shoulders: ShoulderSettings = Field(
        default_factory=ShoulderSettings, description="shoulders sit higher or lower"
    )
    ground: GroundSettings = Field(
        default_factory=GroundSettings, description="the lowest joint is put near the floor"
    )

    def of(self, operator: Operator) -> Settings:
        """The settings of one operator."""
        found = getattr(self, operator.name)
        assert isinstance(found, operator.settings), operator.name
        return found
