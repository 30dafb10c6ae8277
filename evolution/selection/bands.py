"""Bands: the impossible and the trivial are not bred from.

A band leaves out the lowest and the highest scores. Its ends are values, or shares of the scored
bodies; both ends belong to it. Shares move with the lifter and always leave somebody, values may
leave nobody.
"""

import math
from collections.abc import Callable
from typing import Literal

from pydantic import Field, model_validator
from torch import Tensor

from evoskeleton.settings import Settings


class BandSettings(Settings):
    """The two ends of a band; none: open at that end."""

    by: Literal["share", "value"] = Field(
        "share",
        description="whether the ends are shares of the scored bodies, or scores themselves",
    )
    low: float | None = Field(None, description="the lower end; none: open")
    high: float | None = Field(None, description="the upper end; none: open")

    @model_validator(mode="after")
    def _ordered(self) -> "BandSettings":
        ends = [end for end in (self.low, self.high) if end is not None]
        if any(math.isnan(end) for end in ends):
            raise ValueError("the ends of a band should be numbers")
        if self.by == "share" and any(not 0.0 <= end <= 1.0 for end in ends):
            raise ValueError("the ends of a band by share should lie in [0, 1]")
        if len(ends) == 2 and ends[0] > ends[1]:
            raise ValueError(f"a band from {ends[0]:g} to {ends[1]:g} is empty")
        return self

    def ends(self, scores: Tensor) -> tuple[float, float]:
        """The ends as values: those of the bodies at these shares, where ends are shares."""
        if self.by == "value":
            low, high = (self.low, self.high)
        else:
            known = scores[~scores.isnan()].sort().values
            low, high = _at(known, self.low, math.floor), _at(known, self.high, math.ceil)
        return -math.inf if low is None else low, math.inf if high is None else high


def _at(known: Tensor, share: float | None, whole: Callable[[float], int]) -> float | None:
    if share is None or not len(known):
        return None
    return float(known[whole(share * (len(known) - 1))])


def within(scores: Tensor, band: BandSettings) -> Tensor:
    """Which bodies (bodies,) bool lie in a band; a NaN never does."""
    low, high = band.ends(scores)
    return (scores >= low) & (scores <= high)
