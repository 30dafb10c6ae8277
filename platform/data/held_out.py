"""Whether poses were really held out: of other clips, and none of those that were trained on.

Frames of one clip resemble each other so much that another part of it is no other data; a name
alone proves nothing, since two recordings may bear the same one.
"""

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.poses import PoseSet

MOST_SHARED = 0.01
"""Share of poses that may be the same by chance, such as the T-poses that clips begin with."""

_STEP_MM = 0.1


def expect_held_out(held: PoseSet, trained: PoseSet, option: str) -> None:
    """Refuse poses that a lifter was trained on.

    Args:
        held: that something is measured on.
        trained: that the lifter is trained on.
        option: what the caller calls the first.

    Raises:
        BadInput: more than one in a hundred is among the others, or is of a clip of theirs.
    """
    same = is_among(held.poses, trained.poses)
    if same.mean() > MOST_SHARED:
        raise BadInput(
            f"{option} should be of poses that are not trained on, "
            f"{int(same.sum())} of {len(held)} are among --poses"
        )
    for pair in sorted({*held.clips()} & {*trained.clips()}):
        if not _is_another_recording(_of(held, pair), _of(trained, pair)):
            raise BadInput(
                f"{option} should be of clips that are not trained on, "
                f"clip {pair[1]} of subject {pair[0]} is among --poses"
            )


def is_among(poses: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) bool: which of (n, 17, 3) poses stand among (m, 17, 3) others, wherever they stand."""
    known = set(_words(others))
    return np.fromiter((word in known for word in _words(poses)), bool, len(poses))


def _words(poses: np.ndarray) -> list[bytes]:
    """Seen from the hip, to a tenth of a millimetre."""
    seen = np.rint((poses - poses[:, :1]) / _STEP_MM).astype(np.int32)
    return [row.tobytes() for row in seen]


def _of(poses: PoseSet, pair: tuple[str, str]) -> PoseSet:
    return poses.take(np.flatnonzero((poses.subject == pair[0]) & (poses.clip == pair[1])))


def _is_another_recording(first: PoseSet, second: PoseSet) -> bool:
    """Whether the same frame shows another pose: a part of the same clip has other frames."""
    frames = np.intersect1d(first.frame, second.frame)
    if len(frames) == 0:
        return False
    pair = (part.poses[np.isin(part.frame, frames)] for part in (first, second))
    return not is_among(*pair).any()
