"""How a detector of people errs, as settings of a training."""

from pydantic import Field

from evoskeleton.settings import Settings


class DetectionSettings(Settings):
    """A detector's keypoints instead of even noise.

    Noise is given in shares of the person's size, the longer side of the box of the keypoints:
    detectors look at a crop of the person. Its spread differs from person to person, its tails are
    heavy, and it is larger where the detector says that it does not see a joint. The defaults hold
    what the embedded detector does between views of one picture
    (`tests/benchmarks/detector_noise.py`), and as much again for what all views get wrong.
    """

    noise: tuple[float, float] = Field(
        (0.004, 0.02),
        description="least and largest spread of a person's keypoints, in shares of the size; "
        "drawn evenly on a logarithmic scale",
    )
    tail: float = Field(
        0.5,
        ge=0,
        le=1.5,
        description="how unequal errors are: standard deviation of the logarithm of their spread; "
        "0: a normal distribution",
    )
    hidden_noise: float = Field(
        2.0, ge=0, description="how much larger the spread is where a joint is not seen at all"
    )
    drift: float = Field(
        0.01, ge=0, description="spread of what the joints of a limb are off by together"
    )
    swap: float = Field(
        0.015, ge=0, lt=0.5, description="probability that left and right arm, or leg, are confused"
    )
    guess: float = Field(
        0.1, ge=0, lt=1, description="probability that a limb is guessed behind something"
    )
    guess_far: float = Field(
        0.4, ge=0, lt=1, description="the same for limbs on the side that the body hides"
    )
    drop: float = Field(0.04, ge=0, lt=1, description="probability that a joint is missing")
    drop_limb: float = Field(
        0.05, ge=0, lt=1, description="probability that knee and foot, or elbow and wrist, are"
    )
    drop_side: float = Field(
        0.04, ge=0, lt=1, description="probability that an arm and a leg of one side are missing"
    )
    drop_legs: float = Field(
        0.06, ge=0, lt=1, description="probability that all below the hips is missing"
    )
    drop_half: float = Field(
        0.08, ge=0, lt=1, description="probability that hips and legs are missing, as in portraits"
    )
    drop_arms: float = Field(0.02, ge=0, lt=1, description="probability that both arms are missing")
    mixed: float = Field(
        0.85,
        ge=0,
        le=1,
        description="share of the people whose trunk and head are mixed from hips, shoulders and "
        "ears, as with detectors that do not know them; the others have their own",
    )
