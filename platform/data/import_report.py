"""What an import says of what it read, and three frames of it as a picture."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evoskeleton.files import whole_file
from evoskeleton.platform.data.bodies import Bends, Bodies, measure
from evoskeleton.platform.data.body_checks import LEAST_BENT, WRONG_WAY, warnings
from evoskeleton.platform.data.poses import PoseSet

_MOST_SUBJECTS, _MOST_CLIPS = 20, 5


def report_lines(poses: PoseSet, rate: float | None) -> Iterator[str]:
    """What an import says of what it read, a line each."""
    bodies = measure(poses.poses, poses.clip_number())
    yield from _subjects(poses)
    if len(poses.clips()) == len(set(poses.subject.tolist())) > 1:
        yield "  every clip is a subject of its own: --subject-from gives a rule for subjects"
    yield f"  frames a second: {'not known' if rate is None else f'{rate:.4g}'}"
    upright = f"upright in {bodies.upright['z']:.0%} of the poses"
    yield f"  body {bodies.height_mm:.0f} mm tall along its bones, {upright}"
    yield f"  {_bent_ways('knees', bodies.knees)}; {_bent_ways('elbows', bodies.elbows)}"
    yield f"  {_left_right(bodies)}"
    lengths = ", ".join(f"{name} {length:.0f}" for name, length in bodies.lengths_mm.items())
    worst = max(bodies.spread, key=lambda name: bodies.spread[name])
    yield f"  bones, mm, by their end: {lengths}"
    yield f"  bone lengths change by {bodies.spread[worst]:.1%} within a clip at most ({worst})"


def _bent_ways(name: str, bends: Bends) -> str:
    if not bends.bent:
        return f"{name} straight"
    way = "forward" if name == "knees" else "backward"
    return f"{name} point {way} in {bends.forward:.0%} of {bends.bent:,} bent ones"


def _left_right(bodies: Bodies) -> str:
    if bodies.knees.bent < LEAST_BENT:
        return "left and right: cannot be told, knees are straight"
    right = bodies.knees.forward > WRONG_WAY
    return f"left and right: {'as the knees bend' if right else 'seem to be swapped'}"


def _subjects(poses: PoseSet) -> Iterator[str]:
    subjects = sorted(set(poses.subject.tolist()))
    for subject in subjects[:_MOST_SUBJECTS]:
        rows = poses.take(poses.subject == subject)
        clips = [clip for _, clip in rows.clips()]
        more = f" and {len(clips) - _MOST_CLIPS} more" if len(clips) > _MOST_CLIPS else ""
        actions = len(set(rows.action.tolist()))
        yield (
            f"  subject {subject}: {len(rows):,} rows, {actions} action{'s' * (actions != 1)}, "
            f"clips {', '.join(clips[:_MOST_CLIPS])}{more}"
        )
    if len(subjects) > _MOST_SUBJECTS:
        yield f"  and {len(subjects) - _MOST_SUBJECTS} subjects more"


def report_warnings(poses: PoseSet) -> Iterator[str]:
    """What no body does, by subject."""
    for subject in sorted(set(poses.subject.tolist())):
        rows = poses.take(poses.subject == subject)
        for sentence in warnings(measure(rows.poses, rows.clip_number())):
            yield f"subject {subject}: {sentence}"


def draw_import(poses: PoseSet, path: Path) -> None:
    """A PNG of three poses, evenly along the rows.

    Raises:
        BadInput: the file cannot be written.
    """
    from matplotlib.figure import Figure

    from evoskeleton.lifting.drawing import draw_pose

    rows = np.linspace(0, len(poses) - 1, 3).astype(int)
    figure = Figure(figsize=(9, 3.6))
    for place, row in enumerate(rows, start=1):
        axes = figure.add_subplot(1, 3, place, projection="3d")
        draw_pose(axes, poses.poses[row])
        axes.set_title(f"{poses.clip[row]} {poses.frame[row]}", fontsize=8)
    with whole_file(path, overwrite=True) as file:
        figure.savefig(file, format="png", dpi=110)
