"""`evoskeleton train`, `evaluate` and `lift`: one lifter, without a campaign."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.commands.options import (
    DEFAULT,
    Changes,
    FullConfidence,
    JsonFile,
    Model,
    Normalised,
    Overwrite,
    Points,
    Source,
    Threshold,
    bars,
    busy,
    declarations,
    image_size,
    measured_poses,
    poses_of,
    refuse_taken,
)
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput
from evoskeleton.files import write_text

if TYPE_CHECKING:
    import numpy as np

    from evoskeleton.lifting.bundle import Lifter
    from evoskeleton.lifting.evaluation.own_views import OwnViews
    from evoskeleton.platform.data.poses import PoseSet
    from evoskeleton.platform.data.target.declarations import Declarations
    from evoskeleton.platform.data.target.look import Looked


def train(
    poses: Source,
    output: Annotated[Path, typer.Option(help="new folder for the lifter's bundle")],
    preset: Annotated[
        str, typer.Option(help="small: minutes on one core; large: for a GPU; paper: as published")
    ] = "small",
    change: Changes = None,
    calibration: Annotated[
        str | None, typer.Option(help="other poses, to measure the joints' error radii on")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a lifter on poses, without a campaign and without Ray."""
    from evoskeleton.lifting.bundle_training import expect_room, holds_bundle, train_bundle
    from evoskeleton.platform.data.held_out import expect_held_out

    if holds_bundle(output):
        refuse_taken(overwrite, output)
    expect_room(output, overwrite)
    known = poses_of(poses)
    held = None
    if calibration is not None:
        held = measured_poses(calibration, "--calibration").ordered()
        expect_held_out(held, known, "--calibration")
    with bars() as monitor:
        record = train_bundle(
            known.poses,
            output,
            preset,
            change or [],
            monitor.training,
            calibration=None if held is None else (held.poses, held.clip_number()),
            overwrite=overwrite,
        )
    typer.echo(f"{output}: loss {record['loss']:.4f} after {record['steps']} steps")
    _warn_of_mean_pose(record["against_mean_pose"])
    if held is not None and record["error_radii_mm"] is None:
        typer.echo("no error radii: --calibration holds too few poses for them", err=True)


def _warn_of_mean_pose(record: dict[str, float]) -> None:
    """Tell where the mean pose would be the better lifter."""
    from evoskeleton.lifting.evaluation.mean_pose import AgainstMeanPose

    against = AgainstMeanPose(**record)
    if against.is_worse:
        typer.echo(f"of little use, {against.in_words()}: train longer", err=True)


def evaluate(
    poses: Source,
    model: Model = DEFAULT,
    json_file: JsonFile = None,
    reference: Annotated[
        str | None, typer.Option(help="poses such as the seeds: adds errors by decile of rarity")
    ] = None,
    cameras: Annotated[
        str | None,
        typer.Option(
            help="cameras.npy of Human3.6M's form, or own where the poses' files hold what their "
            "cameras saw: these see the poses, in place of the fixed views"
        ),
    ] = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(
            help="2D keypoints that were found in the pictures of these cameras, such as "
            "twoDPose_HRN_test.npy: paired with the poses by subject, clip, frame and camera"
        ),
    ] = None,
    points: Points = None,
    full_confidence: FullConfidence = None,
    threshold: Threshold = 0.5,
    overwrite: Overwrite = False,
) -> None:
    """Measure a lifter's errors by clip, and what its error radii hold.

    Poses are seen by four fixed views, or by the cameras of their own data set.
    """
    from evoskeleton.console.evaluation import coverage_table, evaluation_table
    from evoskeleton.lifting.bundle import load_bundle, read_description
    from evoskeleton.lifting.bundles import bundle_folder
    from evoskeleton.lifting.protocols import evaluate as measure
    from evoskeleton.lifting.protocols import rarity

    refuse_taken(overwrite, json_file)
    known = measured_poses(poses, "--poses")
    declared = declarations(points, None, False, full_confidence, threshold)
    known, views = _seen(known, poses, cameras, keypoints, declared)
    rare = rarity(known.poses, poses_of(reference).poses) if reference else None
    folder = bundle_folder(model)
    lifter, record = load_bundle(folder), read_description(folder).get("training", {})
    evaluation = measure(lifter, known.poses, known.action, known.clip_label(), rare, views=views)
    if json_file is not None:
        write_text(json_file, json.dumps(evaluation.as_dict(), indent=1))
    terminal().print(evaluation_table(evaluation))
    if (radii := record.get("error_radii_mm")) is not None:
        terminal().print(coverage_table(lifter, radii, known.poses))


def _seen(
    poses: "PoseSet",
    source: str,
    cameras: str | None,
    keypoints: Path | None,
    declared: "Declarations",
) -> "tuple[PoseSet, OwnViews | None]":
    """Poses, and how the cameras of their data set see them; none: the fixed views do."""
    from evoskeleton.platform.data.own_cameras import own_views
    from evoskeleton.platform.data.sources.load import settings_from_text
    from evoskeleton.platform.data.target.look import look
    from evoskeleton.platform.data.target.paired_views import paired_views

    if cameras is None:
        if keypoints is not None:
            raise BadInput("--keypoints are judged in their cameras' frames: --cameras names them")
        return poses, None
    views = own_views(poses, settings_from_text(source), cameras)
    if keypoints is None:
        return poses, views
    looked = look(keypoints, declared)
    for note in looked.notes:
        typer.echo(f"{keypoints}: {note}", err=True)
    paired = paired_views(poses, views, looked.found)
    if paired.left_out:
        typer.echo(
            f"{paired.left_out:,} of {len(poses):,} poses have no keypoints in every view and are "
            "left out",
            err=True,
        )
    return poses.take(paired.rows), paired.views


def lift(
    keypoints: Annotated[
        Path, typer.Option(help="2D keypoints: a file, or a folder such as OpenPose's")
    ],
    output: Annotated[Path, typer.Option(help="file of 3D joints to write, JSON or Parquet")],
    model: Model = DEFAULT,
    fit: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="fit a body within the joint limits to the keypoints of images of this size",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="size of the images, for normalised keypoints, and for lifters of the preset "
            "paper: they know 1000x1000 only",
        ),
    ] = None,
    points: Points = None,
    normalised: Normalised = False,
    full_confidence: FullConfidence = None,
    threshold: Threshold = 0.5,
    overwrite: Overwrite = False,
) -> None:
    """Lift 2D keypoints (pixels) to 3D joints (camera frame, hip-centred, mm)."""
    from evoskeleton.lifting.bundle import load_bundle
    from evoskeleton.lifting.bundles import bundle_folder
    from evoskeleton.lifting.keypoints.keypoint_files import write_joints
    from evoskeleton.platform.data.target.look import look

    refuse_taken(overwrite, output)
    if output.exists() and keypoints.exists() and output.samefile(keypoints):
        raise BadInput(f"{output} holds the keypoints: --output should be another file")
    if fit is not None:
        image_size("--fit", fit)
    pictures = size if fit is None else fit
    declared = declarations(points, pictures, normalised, full_confidence, threshold)
    looked = look(keypoints, declared)
    for note in looked.notes:
        typer.echo(f"{keypoints}: {note}", err=True)
    lifter = load_bundle(bundle_folder(model))
    joints = _lifted(lifter, looked, fit, size)
    write_joints(output, joints, looked.left_out, sources=_sources(looked), overwrite=overwrite)
    typer.echo(f"{output}: {len(joints)} poses")


def _lifted(lifter: "Lifter", looked: "Looked", fit: str | None, size: str | None) -> "np.ndarray":
    """(n, 17, 3) mm of all poses; 0 for those that are left out."""
    import numpy as np

    found = looked.found
    rows = np.array([row for row in range(len(found)) if row not in looked.left_out], np.int64)
    joints = np.zeros((len(found), found.keypoints.shape[1], 3), np.float32)
    known = (found.confidence[rows] > 0.0).astype(np.float32)
    points = np.where(known[..., None] > 0.0, found.keypoints[rows], np.float32(0.0))
    if len(rows) and fit is not None:
        joints[rows] = _fitted(lifter, points, known, fit)
    elif len(rows):
        joints[rows] = lifter.lift(points, known, _known_size(lifter, size))
    return joints


def _sources(looked: "Looked") -> list[str]:
    """Where each pose comes from; nothing where a file is no more than a list of poses."""
    found = looked.found
    if set(looked.kinds.values()) == {"LiftFile"} and len(looked.kinds) == 1:
        return []
    clips = [found.clips[number] for number in found.clip]
    return [
        " ".join(part for part in (clip.file, clip.subject, clip.name, clip.part, place) if part)
        for clip, place in zip(clips, map(found.place, range(len(found))), strict=True)
    ]


def _known_size(lifter: "Lifter", size: str | None) -> tuple[int, int] | None:
    """Of the images, for lifters that need it; most take keypoints from images of any size."""
    if lifter.normalization.mode != "zscore":
        return None
    if size is None:
        note = "this lifter takes keypoints for those of 1000x1000 images: --size tells another"
        typer.echo(note, err=True)
        return None
    return image_size("--size", size)


def _fitted(
    lifter: "Lifter", points: "np.ndarray", visibility: "np.ndarray | None", size: str
) -> "np.ndarray":
    """The cheapest body of every pose, seen from its hip."""
    from evoskeleton.lifting.model_fit.pose_fit import fit_poses
    from evoskeleton.lifting.pinhole import Intrinsics

    camera = Intrinsics.of_image(*image_size("--fit", size))
    with busy("fitting"):
        joints = fit_poses(lifter, points, visibility, camera).joints[:, 0]
    seen: np.ndarray = joints - joints[:, :1]
    return seen
