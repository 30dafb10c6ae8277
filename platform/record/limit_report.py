"""Joint limits at the command line: fitted on poses, shown as figures, drawn from.

Limits come from a file that an earlier fit wrote, from a folder with the files of Akhter and Black,
or, where no path is given, from the package; see `joint_limits.load_limits`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import decode, encode
from evoskeleton.evolution.limits.fitting import LimitSettings
from evoskeleton.evolution.limits.joint_limits import load_limits
from evoskeleton.evolution.limits.ranges_of_motion import fit_with_ranges
from evoskeleton.evolution.limits.sampling import SampleSettings, sample
from evoskeleton.evolution.limits.tables import Judgement, Limits, fit_tables, judge
from evoskeleton.platform.data.poses import PoseSet, single_clip

SAMPLED = "sampled"
"""Subject, action and clip of poses that are drawn from limits."""

_DPI = 110


@dataclass(frozen=True)
class SubjectJudgement:
    """How fitted limits treat one subject.

    Attributes:
        subject: who.
        poses: how many poses there are.
        left_out: whether the limits were fitted without them.
        judgement: shares in percent.
    """

    subject: str
    poses: int
    left_out: bool
    judgement: Judgement


def fit_limits(
    poses: PoseSet,
    output: Path,
    source: str,
    leave_out: Sequence[str] = (),
    settings: LimitSettings | None = None,
    ranges: bool = False,
) -> list[SubjectJudgement]:
    """Fit tables, write them, and say how they treat every subject, those left out included.

    The tables that ship with the package come from the CMU poses without CMU05, CMU13, CMU07 and
    CMU08.

    Args:
        poses: real poses.
        output: npz file to write.
        source: where the poses come from, for the text that the file carries.
        leave_out: subjects kept for the judgement.
        settings: reach of a sample, smoothing, size of the tables.
        ranges: whether published ranges of motion are allowed as well.

    Returns:
        A row a subject, by name.

    Raises:
        BadInput: a subject to leave out is not there, nobody is left, or the file cannot be
            written.
    """
    subjects = sorted({str(name) for name in poses.subject})
    _expect_known(leave_out, subjects)
    kept = ~np.isin(poses.subject, list(leave_out))
    if not kept.any():
        raise BadInput(f"leave-out should leave a subject to fit on, got {', '.join(leave_out)}")
    if leave_out:
        source += f"; left out: {', '.join(leave_out)}"
    limits = (fit_with_ranges if ranges else fit_tables)(poses.poses[kept], settings, source)
    if not output.parent.is_dir():
        raise BadInput(f"{output} cannot be written: No such file or directory")
    limits.save(output)
    return [_judged(limits, poses, subject, subject in leave_out) for subject in subjects]


def _expect_known(leave_out: Sequence[str], subjects: Sequence[str]) -> None:
    for name in leave_out:
        if name not in subjects:
            more = ", ..." if len(subjects) > 20 else ""
            raise BadInput(
                f"leave-out: there is no subject {name}, but {', '.join(subjects[:20])}{more}"
            )


def _judged(limits: Limits, poses: PoseSet, subject: str, left_out: bool) -> SubjectJudgement:
    own = poses.poses[poses.subject == subject]
    return SubjectJudgement(subject, len(own), left_out, judge(limits, encode(own)))


def show_limits(
    limits_path: Path | None, before: PoseSet | None, after: PoseSet | None, output: Path
) -> list[Path]:
    """Draw the limits, and where the limbs of poses point within them.

    Args:
        limits_path: see the module; none: the tables of the package.
        before: poses before evolution; none: only the limits are drawn, or those after.
        after: poses after evolution; none: only those before are drawn.
        output: folder for the figures, made if it is not there.

    Returns:
        The PNG files: `limits.png` and, with poses, `directions.png` and `angles.png`.

    Raises:
        BadInput: the limits cannot be read, a set is empty, or the folder cannot be written.
    """
    from evoskeleton.platform.record import limit_maps

    limits = load_limits(limits_path)
    figures = {"limits": limit_maps.limit_map(limits, _title(limits.provenance))}
    if before is not None or after is not None:
        sets = [None if poses is None else poses.poses for poses in (before, after)]
        figures["directions"] = limit_maps.direction_maps(limits, *sets)
        figures["angles"] = limit_maps.angle_histograms(*sets)
    paths = figure_paths(output, directions=len(figures) > 1)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(paths[name], dpi=_DPI)
    except OSError as error:
        raise BadInput(f"{output} cannot be written: {error.strerror or error}") from None
    return list(paths.values())


def figure_paths(output: Path, directions: bool) -> dict[str, Path]:
    """Where `show_limits` puts its figures; those of directions are drawn where there are poses."""
    names = ("limits", "directions", "angles") if directions else ("limits",)
    return {name: output / f"{name}.png" for name in names}


def _title(provenance: str) -> str:
    """The first sentence of where limits come from, cut to a line."""
    first = provenance.split(": ")[0] if len(provenance) > 150 else provenance
    return f"Joint limits. {first[:150]}"


def sample_poses(
    limits_path: Path | None, count: int, seed: int, settings: SampleSettings | None = None
) -> PoseSet:
    """Draw poses from limits, one clip of subject "sampled".

    Args:
        limits_path: see the module; none: the tables of the package.
        count: poses; the first ones do not depend on it.
        seed: of all draws.
        settings: bend of the trunk, spread of sizes, height above the floor.

    Raises:
        BadInput: the limits cannot be read, allow a limb nothing, or no pose is wanted.
    """
    bodies = sample(load_limits(limits_path), count, seed, settings=settings)
    return single_clip(decode(bodies).numpy(), SAMPLED, SAMPLED, SAMPLED)
