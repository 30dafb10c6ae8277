"""What every kind of source keeps to, whatever its format."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import body_model_files
import marker_files
import mpi_inf_3dhp_files
import numpy as np
import pytest
import yaml
from source_contract import SourceContract

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.annotated import commit_annotated
from evoskeleton.platform.data.exchange import export_poses
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import single_clip
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.settings import KINDS, SourceSettings

FRAMES = 40
SUFFIX = {"parquet": ".parquet", "human36m": ".npy", "videopose3d": ".npz"}

_REST = {
    "hips": (0.0, 0.0, 0.0), "rhip": (-9.0, 0.0, 0.0), "rknee": (0.0, -41.0, 0.0),
    "rfoot": (0.0, -44.0, 1.0), "lhip": (9.0, 0.0, 0.0), "lknee": (0.0, -41.0, 0.0),
    "lfoot": (0.0, -44.0, 1.0), "spine": (0.0, 22.0, 0.0), "thorax": (0.0, 23.0, 0.0),
    "neck": (0.0, 14.0, 3.0), "head": (0.0, 14.0, 0.0), "lshoulder": (19.0, -4.0, 0.0),
    "lelbow": (0.0, -30.0, 0.0), "lwrist": (0.0, -28.0, 0.0), "rshoulder": (-19.0, -4.0, 0.0),
    "relbow": (0.0, -30.0, 0.0), "rwrist": (0.0, -28.0, 0.0),
}  # fmt: skip
"""Offsets of a made-up figure from parent to joint, cm, y up, in the order of the 17 joints."""

_PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
_OWN = "{" + ", ".join(f"{ours}: {own}" for ours, own in zip(JOINT_NAMES, _REST, strict=True)) + "}"


def bvh(path: Path) -> None:
    """A figure that nods and swings its arms."""
    lines, names = ["HIERARCHY"], list(_REST)

    def write(joint: int, depth: int) -> None:
        pad, children = "  " * depth, [i for i, parent in enumerate(_PARENTS) if parent == joint]
        lines.append(f"{pad}{'JOINT' if joint else 'ROOT'} {names[joint]}\n{pad}{{")
        lines.append(f"{pad}  OFFSET {' '.join(map(str, _REST[names[joint]]))}")
        position = "6 Xposition Yposition Zposition " if joint == 0 else "3 "
        lines.append(f"{pad}  CHANNELS {position}Zrotation Yrotation Xrotation")
        for child in children:
            write(child, depth + 1)
        if not children:
            lines.append(f"{pad}  End Site\n{pad}  {{\n{pad}    OFFSET 0 1 0\n{pad}  }}")
        lines.append(f"{pad}}}")

    write(0, 0)
    lines += ["MOTION", f"Frames: {FRAMES}", "Frame Time: 0.02"]
    for frame in range(FRAMES):
        bends = [10 * np.sin(frame / 5 + joint) for joint in range(3 * len(names))]
        lines.append(" ".join(f"{value:.5f}" for value in (frame, 90.0, 0.0, *bends)))
    path.write_text("\n".join(lines))


def asf_and_amc(folder: Path) -> Path:
    """The same figure as Acclaim bones, one a joint."""
    bones = [(name, np.array(offset)) for name, offset in _REST.items() if name != "hips"]
    lines = [":units", "  mass 1.0", "  length 0.45", "  angle deg", ":root"]
    lines += ["  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0"]
    lines += [":bonedata"]
    for number, (name, offset) in enumerate(bones, start=1):
        length = float(np.linalg.norm(offset))
        direction = " ".join(f"{part:.6f}" for part in offset / length)
        lines += ["  begin", f"    id {number}", f"    name {name}", f"    direction {direction}"]
        lines += [f"    length {length * 10 / 56.4444:.6f}", "    axis 0 0 0 XYZ"]
        lines += ["    dof rx", "    limits (-180 180)", "  end"]
    names = list(_REST)
    tree: dict[str, list[str]] = {}
    for joint, parent in enumerate(_PARENTS):
        if parent >= 0:
            tree.setdefault("root" if parent == 0 else names[parent], []).append(names[joint])
    lines += [":hierarchy", "  begin"]
    lines += [f"    {parent} {' '.join(children)}" for parent, children in tree.items()]
    lines += ["  end"]
    (folder / "figure.asf").write_text("\n".join(lines))
    frames = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(1, FRAMES + 1):
        frames += [str(frame), f"root {frame} 16 0 0 0 0"]
        frames += [
            f"{name} {10 * np.sin(frame / 5 + at):.5f}" for at, (name, _) in enumerate(bones)
        ]
    path = folder / "figure.amc"
    path.write_text("\n".join(frames))
    return path


def _export(kind: str) -> Callable[[Path, np.ndarray], SourceSettings]:
    def write(folder: Path, motion: np.ndarray) -> SourceSettings:
        path = folder / f"mine{SUFFIX[kind]}"
        export_poses(single_clip(motion[:FRAMES], "S1", "walk", "walk"), path, kind)
        return SourceSettings.parse(dict(kind=kind, path=str(path)))

    return write


def _bvh(folder: Path, motion: np.ndarray) -> SourceSettings:
    bvh(folder / "figure_1.bvh")
    return given("bvh", folder / "figure_1.bvh", units="cm")


def _amc(folder: Path, motion: np.ndarray) -> SourceSettings:
    return given("amc", asf_and_amc(folder), joints=_OWN.replace("Hip: hips", "Hip: root", 1))


def given(kind: str, path: Path, joints: str = _OWN, **changes: str) -> SourceSettings:
    said = {"kind": kind, "path": str(path), "up": "y", "joints": yaml.safe_load(joints)}
    return SourceSettings.parse(said | changes)


def _folder(folder: Path, motion: np.ndarray) -> SourceSettings:
    _export("human36m")(folder / "inside", motion)
    return SourceSettings.parse(dict(kind="folder", path=str(folder)))


def _table(folder: Path, motion: np.ndarray) -> SourceSettings:
    table = PoseTable.create(str(folder / "poses"))
    rows = np.arange(FRAMES)
    table.commit(
        "mine",
        0,
        PoseRows(
            id=rows, generation=np.zeros(FRAMES, np.int32),
            island=np.zeros(FRAMES, np.int32), mother=rows * 0 - 1, father=rows * 0 - 1,
            operator=np.full(FRAMES, "seed"), poses=motion[:FRAMES],
            margin=np.ones(FRAMES, np.float32), error=np.ones(FRAMES, np.float32),
        ),
    )  # fmt: skip
    return SourceSettings.parse(dict(kind="table", path=str(folder / "poses")))


def _annotated(folder: Path, motion: np.ndarray) -> SourceSettings:
    poses = single_clip(motion[:FRAMES], "annotated-mine", "annotated", "photo.jpg#0")
    clips = np.array([f"photo.jpg#{number}" for number in range(FRAMES)])
    poses = replace(poses, clip=clips, frame=np.zeros(FRAMES, np.int32))
    assumed = np.full(FRAMES, 5.0), np.full(FRAMES, 1700.0)
    commit_annotated(str(folder / "poses"), "mine", poses, *assumed)
    return SourceSettings.parse(dict(kind="annotated", path=str(folder / "poses")))


def _mpi_inf_3dhp(folder: Path, motion: np.ndarray) -> SourceSettings:
    mpi_inf_3dhp_files.write_training(folder / "S1" / "Seq1", motion[:FRAMES])
    return SourceSettings.parse(dict(kind="mpi-inf-3dhp", path=str(folder)))


def _deepmimic(folder: Path, motion: np.ndarray) -> SourceSettings:
    return SourceSettings.parse(dict(kind="deepmimic"))


def _array(folder: Path, motion: np.ndarray) -> SourceSettings:
    np.save(folder / "S1_walk.npy", motion[:FRAMES])
    declared = dict(kind="array", path=str(folder / "S1_walk.npy"), units="mm", up="z")
    return SourceSettings.parse(declared)


def _trc(folder: Path, motion: np.ndarray) -> SourceSettings:
    points = marker_files.keypoints(motion[:FRAMES]).items()
    markers = {name: marker_files.y_up(point) / 1000 for name, point in points}
    marker_files.write_trc(folder / "S1_walk.trc", markers, "m")
    return SourceSettings.parse(dict(kind="trc", path=str(folder / "S1_walk.trc"), up="y"))


def _c3d(folder: Path, motion: np.ndarray) -> SourceSettings:
    pytest.importorskip("ezc3d", reason="the extra `c3d` is not installed")
    marker_files.write_c3d(folder / "S1_walk.c3d", marker_files.plug_in_gait(motion[:FRAMES]))
    return SourceSettings.parse(dict(kind="c3d", path=str(folder / "S1_walk.c3d")))


def _amass(folder: Path, motion: np.ndarray) -> SourceSettings:
    body_model_files.write_amass(folder / "walk_poses.npz", FRAMES)
    np.savez(folder / "model.npz", **body_model_files.arrays())
    model = str(folder / "model.npz")
    return SourceSettings.parse(
        dict(kind="amass", path=str(folder / "walk_poses.npz"), skeleton=model)
    )


def _three_dpw(folder: Path, motion: np.ndarray) -> SourceSettings:
    model = body_model_files.read_model(folder)
    places = body_model_files.three_dpw_joints(model, FRAMES)
    sequence = {"sequence": "street_00", "jointPositions": [places, places + 1.0]}
    (folder / "street_00.pkl").write_bytes(pickle.dumps(sequence, protocol=2))
    return SourceSettings.parse(dict(kind="3dpw", path=str(folder / "street_00.pkl")))


def _panoptic(folder: Path, motion: np.ndarray) -> SourceSettings:
    frames = folder / "171204_pose1" / "hdPose3d_stage1_coco19"
    frames.mkdir(parents=True)
    points = marker_files.panoptic(motion[:FRAMES])
    for row, person in enumerate(points.tolist()):
        words = {"fpsType": "hd_29_97", "bodies": [{"id": 3, "joints19": sum(person, [])}]}
        (frames / f"body3DScene_{row + 100:08d}.json").write_text(json.dumps(words))
    return SourceSettings.parse(dict(kind="panoptic", path=str(frames)))


MAKERS: dict[str, Callable[[Path, np.ndarray], SourceSettings]] = {
    **{kind: _export(kind) for kind in SUFFIX},
    "bvh": _bvh,
    "amc": _amc,
    "array": _array,
    "trc": _trc,
    "c3d": _c3d,
    "amass": _amass,
    "3dpw": _three_dpw,
    "panoptic": _panoptic,
    "folder": _folder,
    "table": _table,
    "annotated": _annotated,
    "mpi-inf-3dhp": _mpi_inf_3dhp,
    "deepmimic": _deepmimic,
    "standard": lambda folder, motion: SourceSettings.parse(dict(kind="standard")),
}


def test_every_kind_is_tried_here():
    assert set(MAKERS) == set(KINDS)


@pytest.mark.parametrize("kind", sorted(MAKERS))
class TestBuiltIn(SourceContract):
    @pytest.fixture
    def settings(self, kind, tmp_path, motion) -> SourceSettings:
        return MAKERS[kind](tmp_path, motion)


class TestHumanEva(SourceContract):
    """Read by the kind of the file it comes in, VideoPose3D's."""

    @pytest.fixture(params=[15, 20])
    def settings(self, request, tmp_path, motion) -> SourceSettings:
        path = tmp_path / f"data_3d_humaneva{request.param}.npz"
        joints = humaneva(motion[:FRAMES], request.param) / 1000
        parts = {"Train/S1": {"Walking 1 chunk0": joints}, "Validate/S1": {"Box 1 chunk1": joints}}
        np.savez(path, positions_3d=np.array(parts, dtype=object))
        return SourceSettings.parse(dict(kind="videopose3d", path=str(path)))

    def test_a_person_is_one_subject_whatever_the_part(self, settings):
        poses = load(settings)
        assert poses.clips() == [
            ("HumanEva-S1", "Train Walking 1 chunk0"),
            ("HumanEva-S1", "Validate Box 1 chunk1"),
        ]
        assert set(poses.action.tolist()) == {"Walking", "Box"}


def humaneva(poses: np.ndarray, count: int) -> np.ndarray:
    """Joints of HumanEva, those that bones meet in twice where there are 20."""
    order = (0, 8, 11, 12, 13, 14, 15, 16, 4, 5, 6, 1, 2, 3, 10)
    twice = (0, 8, 8, 11, 12, 12, 13, 14, 15, 15, 16, 4, 5, 5, 6, 1, 2, 2, 3, 10)
    return poses[:, list(order if count == 15 else twice)]


OWN = """
import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data import single_clip


def load(settings):
    try:
        poses = np.load(settings.path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BadInput(f"{settings.path}: {error}") from None
    return single_clip(poses, subject="S1", action="walk", clip="walk")
"""


class TestOwn(SourceContract):
    @pytest.fixture
    def settings(self, tmp_path, motion, monkeypatch) -> SourceSettings:
        (tmp_path / "contract_source.py").write_text(OWN)
        monkeypatch.syspath_prepend(str(tmp_path))
        np.save(tmp_path / "walk.npy", motion)
        path = str(tmp_path / "walk.npy")
        return SourceSettings.parse({"kind": "contract_source:load", "path": path})
