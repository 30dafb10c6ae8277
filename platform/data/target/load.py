"""A target out of its settings: read, weighed, what cannot be used left out, the rest sampled."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import (
    NOT_NUMBERED,
    Clip,
    FoundKeypoints,
    KeypointReader,
    Readers,
)
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.data.target.readers.arrays import Arrays
from evoskeleton.platform.data.target.readers.coco import CocoFile
from evoskeleton.platform.data.target.readers.deeplabcut import DeepLabCut
from evoskeleton.platform.data.target.readers.infer_lines import InferLines
from evoskeleton.platform.data.target.readers.instances import Instances
from evoskeleton.platform.data.target.readers.landmarks import MediaPipeLandmarks
from evoskeleton.platform.data.target.readers.lift_file import LiftFile
from evoskeleton.platform.data.target.readers.mpi_inf_3dhp import MpiInf3dhp
from evoskeleton.platform.data.target.readers.openpose import OpenPose
from evoskeleton.platform.data.target.readers.videopose3d_2d import VideoPose3d2d
from evoskeleton.platform.data.target.sampling import even_over_clips
from evoskeleton.platform.data.target.settings import TargetSettings
from evoskeleton.platform.data.target.usable import expect_order, expect_pixels, usable, weights_of
from evoskeleton.platform.data.target.views_of_poses import views_of_poses


def built_in(declared: Declarations = NOTHING_DECLARED) -> Readers:
    """Readers that need neither a detector nor a store; the first that matches reads a file."""
    return (
        InferLines(),
        CocoFile(declared),
        OpenPose(declared),
        Instances(declared),
        MediaPipeLandmarks(declared),
        DeepLabCut(declared),
        VideoPose3d2d(declared),
        MpiInf3dhp(),
        Arrays(declared),
        LiftFile(declared),
    )


BUILT_IN: Readers = built_in()
"""Those without anything declared."""

_log = logging.getLogger(__name__)

NOBODY = "files without people"

_LISTED = 5


def load_target(
    settings: TargetSettings,
    seed: int,
    readers: Readers = BUILT_IN,
    judged: Collection[tuple[str, str]] = (),
) -> KeypointTarget:
    """The keypoints that a search goes towards.

    Args:
        settings: where they are.
        seed: of the sample and of the views of poses.
        readers: of files, tried in their order.
        judged: (subject, clip) of what a lifter is judged by.

    Raises:
        BadInput: a file cannot be read or nothing in it be used, nobody was found, there are fewer
            sets than `niches`, or judged clips are among them and that is not declared.
    """
    found, empty = _found(settings, seed, _as_declared(readers, settings.declared()))
    if not settings.transductive:
        refuse_judged({(clip.subject, clip.name) for clip in found.clips}, judged)
    weights = weights_of(found, settings)
    rows, left_out = usable(found, weights)
    left_out |= {NOBODY: len(empty)} if empty else {}
    if settings.niches is not None and len(rows) < settings.niches:
        raise BadInput(f"the target should have {settings.niches} keypoint sets, got {len(rows)}")
    rows = rows[even_over_clips(found.clip[rows], settings.wanted, seed)]
    return _chosen(found, rows, weights[rows], left_out)


def _as_declared(readers: Readers, declared: Declarations) -> Readers:
    """Readers of which those of the package know what is declared of the files."""
    if declared == NOTHING_DECLARED:
        return readers
    return (*built_in(declared), *(reader for reader in readers if reader not in BUILT_IN))


def _chosen(
    found: FoundKeypoints, rows: np.ndarray, weights: np.ndarray, left_out: Mapping[str, int]
) -> KeypointTarget:
    """The (sets,) rows of what was found, with their (sets, 17) weights."""
    clips = [found.clips[number] for number in found.clip[rows]]
    label = _labels({clip.file for clip in found.clips})
    names = [
        _joined(label[clip.file], clip, found.place(row))
        for clip, row in zip(clips, rows, strict=True)
    ]
    pictured = np.array([bool(clip.picture) for clip in clips])
    return KeypointTarget(
        keypoints=np.where((weights > 0.0)[..., None], found.keypoints[rows], np.float32(0.0)),
        weights=weights,
        image_size=found.image_size[rows],
        clip=np.array([_joined(clip.file, clip) for clip in clips], np.str_),
        name=np.array(names, np.str_),
        picture=np.array([clip.picture for clip in clips], np.str_),
        frame=np.where(pictured, found.number[rows], NOT_NUMBERED).astype(np.int32),
        left_out=left_out,
    )


def _joined(file: str, clip: Clip, place: str = "") -> str:
    recording = "/".join(part for part in (clip.subject, clip.name) if part)
    return " ".join(part for part in (file, recording, clip.part, place) if part)


def _labels(files: set[str]) -> dict[str, str]:
    """What a file is called: its name, or its whole path where several have that name."""
    names = Counter(PurePath(file).name for file in files)
    short = {file: PurePath(file).name for file in files}
    return {file: file if names[name] > 1 else name for file, name in short.items()}


def _found(
    settings: TargetSettings, seed: int, readers: Readers
) -> tuple[FoundKeypoints, list[str]]:
    """Everything that the settings name, and the files in which nobody was found."""
    parts, empty = [], []
    for path, reader in list(matched(settings.keypoints, readers)):
        part = reader.read(path)
        expect_pixels(str(path), part)
        _tell_order(str(path), part)
        parts.append(part)
        empty += [] if len(part) else [str(path)]
    if settings.poses is not None:
        poses = load(settings.poses)
        parts.append(views_of_poses(poses, settings.views, settings.noise_px, seed))
    found = FoundKeypoints.concat(parts)
    if not len(found):
        raise BadInput(f"no people were found in {_listed(empty)}")
    return found, empty


def _tell_order(where: str, found: FoundKeypoints) -> None:
    """A search towards keypoints in another order goes nowhere; nothing is answered by them."""
    try:
        expect_order(where, found)
    except BadInput as error:
        _log.warning("target %s", error)


def matched(paths: Sequence[str], readers: Readers) -> Iterator[tuple[Path, KeypointReader]]:
    """Each file with its reader; of a folder that no reader takes, the files that one does."""
    for path in (Path(text).expanduser() for text in paths):
        reader = _reader_of(path, readers)
        if reader is not None:
            yield path, reader
        elif path.is_dir():
            yield from _within(path, readers)
        elif path.exists():
            raise BadInput(f"target {path}: no reader knows files of this kind" + _instead(path))
        else:
            raise BadInput(f"target {path}: there is no such file or folder")


_READ = (
    "; read are JSON of many makers, .csv and .h5 of DeepLabCut and SLEAP, .npy, .npz, .parquet "
    "and folders of OpenPose's files, see docs/your-own-data.md"
)
_INSTEAD = {
    ".txt": "; of YOLO, `save_json=True` writes results of COCO, which are read",
    ".jsonl": "; of a file with an object a line, a list of these objects is read",
    ".slp": "; of SLEAP, the analysis file that it exports, .h5, is read",
}


def _instead(path: Path) -> str:
    """What would be read in place of a file, as the end of a sentence."""
    return _INSTEAD.get(path.suffix.lower(), _READ)


def _within(folder: Path, readers: Readers) -> Iterator[tuple[Path, KeypointReader]]:
    """The files of a folder, and of those in it, that a reader takes, by path."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder)
    )
    matched = [(path, _reader_of(path, readers)) for path in files]
    known = [(path, reader) for path, reader in matched if reader is not None]
    if not known:
        raise BadInput(
            f"target {folder}: no file in this folder is of a kind that a reader knows" + _READ
        )
    yield from known


def _hidden(path: Path, folder: Path) -> bool:
    """Below the folder that was named."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _reader_of(path: Path, readers: Readers) -> KeypointReader | None:
    return next((reader for reader in readers if reader.matches(path)), None)


def refuse_judged(clips: Collection[tuple[str, str]], judged: Collection[tuple[str, str]]) -> None:
    """Clips that a lifter is judged by are no target without a word.

    Args:
        clips: (subject, clip) of the target.
        judged: (subject, clip) of what a lifter is judged by.

    Raises:
        BadInput: a clip is among both.
    """
    if both := sorted(set(clips) & set(judged)):
        subject, clip = both[0]
        more = f" and {len(both) - 1} more" if len(both) > 1 else ""
        raise BadInput(
            f"clip {clip} of subject {subject}{more} should not be the target and judge the lifter "
            "as well; transductive: true declares that it is meant"
        )


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return f"{', '.join(paths[:_LISTED])}{more}"
