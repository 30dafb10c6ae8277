"""Part of a set held out of a training, by whole clips.

Who is held out depends on the clip's name alone, so that more pictures never move one from the
training into the test.
"""

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import key, stream
from evoskeleton.pose2d.samples.samples import Samples

_WORD = float(1 << 64)


def split(samples: Samples, share: float, where: str) -> tuple[Samples, Samples]:
    """What is trained on, and what is held out: about a share of the clips, one at least.

    Raises:
        BadInput: there is one clip only.
    """
    numbers = {clip: _number(clip) for clip in {samples.clip(row) for row in range(len(samples))}}
    if len(numbers) < 2:
        raise BadInput(
            f"{where}: all people are of one clip, of which no part can be held out: give another "
            f"set to measure on, or held_out 0"
        )
    held = {clip for clip, number in numbers.items() if number < share}
    order = sorted(numbers, key=lambda clip: (numbers[clip], clip))
    held = held or set(order[:1])
    held -= set(order[-1:])
    rows = np.array([samples.clip(row) in held for row in range(len(samples))], bool)
    return samples.at(~rows), samples.at(rows)


def _number(clip: str) -> float:
    """In [0, 1), of the name."""
    return key(stream(clip), stream("held out")) / _WORD
