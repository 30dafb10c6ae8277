"""Training by hand: poses in, a bundle on disk out, without a campaign."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evoskeleton.errors import BadInput
from evoskeleton.files import NameTaken, whole_folder
from evoskeleton.lifting.bundle import DESCRIPTION_FILE, Lifter, save_bundle, weight_hash
from evoskeleton.lifting.conformal import RadiusSettings, calibrate
from evoskeleton.lifting.evaluation.mean_pose import against_mean_pose
from evoskeleton.lifting.lifter_training import LifterSettings, lifter_from, train_lifter
from evoskeleton.settings import with_changes


def train_bundle(
    poses: np.ndarray,
    output: Path,
    preset: str = "small",
    changes: Sequence[str] = (),
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
    device: str = "auto",
    calibration: tuple[np.ndarray, np.ndarray] | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Train a lifter and leave its bundle.

    Args:
        poses: (n, 17, 3) world mm.
        output: folder of the bundle; it appears whole, at the end.
        preset: where the settings start from.
        changes: `key=value` settings, such as `cascade.width=512`.
        progress: called with the bundle's name, steps done and steps in all.
        device: `auto` is a GPU where there is one.
        calibration: (m, 17, 3) world mm that are none of the poses, clip after clip, and (m,) the
            clip of each, for the joints' error radii; none: the bundle has no radii.
        overwrite: replace a bundle that is there; nothing else is ever replaced.

    Returns:
        The training record, which the bundle holds too.

    Raises:
        BadInput: a setting is not allowed, `output` holds something or cannot be written, or the
            training diverged.
    """
    settings = lifter_settings(preset, changes)
    with new_bundle(output, overwrite) as folder:
        found = "cuda" if torch.cuda.is_available() else "cpu"
        report = None
        progress(output.name, 0, settings.total)
        for report in train_lifter(poses, settings, device=found if device == "auto" else device):
            progress(output.name, report.step, report.total)
        assert report is not None
        lifter = lifter_from(report)
        if not math.isfinite(report.loss) or not _is_finite(lifter):
            raise BadInput(
                f"the training diverged, its loss is {report.loss:g}: lower learning_rate, or look"
                f" at the settings of views"
            )
        against = against_mean_pose(lifter, poses)
        against.refuse_diverged()
        record = {
            "poses": len(poses),
            "steps": report.step,
            "loss": report.loss,
            "seconds": report.seconds,
            "against_mean_pose": against._asdict(),
            "hash": weight_hash(lifter),
            "settings": settings.model_dump(mode="json"),
        }
        if calibration is not None:
            record["error_radii_mm"] = calibrate(lifter, *calibration, _radii_of(settings))
        save_bundle(lifter, folder, record)
    return record


def _radii_of(settings: LifterSettings) -> RadiusSettings:
    """Radii for keypoints of the kind that the lifter was trained on."""
    if settings.detections is None:
        return RadiusSettings.parse({})
    return RadiusSettings.parse(
        {"detections": settings.detections.model_dump(), "views": settings.views.model_dump()}
    )


def _is_finite(lifter: Lifter) -> bool:
    return all(bool(part.isfinite().all()) for part in lifter.cascade.state_dict().values())


def lifter_settings(preset: str, changes: Sequence[str] = ()) -> LifterSettings:
    """Settings of a preset with `key.key=value` changes; values are read as YAML.

    Raises:
        BadInput: a change has no `=`, or a setting is not allowed.
    """
    return LifterSettings.parse(with_changes({"preset": preset}, changes))


def holds_bundle(folder: Path) -> bool:
    """Whether there is a bundle already."""
    return (folder / DESCRIPTION_FILE).is_file()


@contextmanager
def new_bundle(output: Path, overwrite: bool) -> Iterator[Path]:
    """A new folder that takes the name of `output` when the work is done, or goes away.

    Raises:
        BadInput: there is something that may not be replaced, or the folder cannot be written.
    """
    output = output.resolve()  # `.` has a name then, and a link its target
    try:
        replace = overwrite and holds_bundle(output)
        expect_room(output, overwrite)
        with whole_folder(output, replace=replace) as folder:
            yield folder
    except NameTaken as taken:
        raise BadInput(
            f"output {output} was filled by somebody else meanwhile: the bundle is in {taken.kept}"
        ) from None
    except OSError as error:
        raise BadInput(f"output {output} cannot be written: {error.strerror}") from None


def expect_room(output: Path, overwrite: bool) -> None:
    """A bundle may be written where there is nothing, an empty folder, or a bundle to replace.

    Raises:
        BadInput: something else is there.
    """
    output = output.resolve()
    replace = overwrite and holds_bundle(output)
    if output.exists() and not replace and (not output.is_dir() or any(output.iterdir())):
        raise BadInput(f"output {output} should be a new or an empty folder")
