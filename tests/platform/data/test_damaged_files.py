"""Damaged files of all kinds: refused in a sentence of ours, whatever was done to them."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import body_model_files
import c3d_by_hand
import deeplabcut_files
import h5py
import marker_files
import mpi_inf_3dhp_files
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import loadmat, savemat

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.platform.data.formats.mpi_inf_3dhp import load_mpi_inf_3dhp
from evoskeleton.platform.data.formats.smpl import read_body_model
from evoskeleton.platform.data.formats.three_dpw import read_3dpw
from evoskeleton.platform.data.markers.c3d import read_c3d
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.platform.data.target.declarations import Declarations
from evoskeleton.platform.data.target.readers.arrays import Arrays
from evoskeleton.platform.data.target.readers.coco import CocoFile
from evoskeleton.platform.data.target.readers.deeplabcut import DeepLabCut
from evoskeleton.platform.data.target.readers.instances import Instances
from evoskeleton.platform.data.target.readers.landmarks import MediaPipeLandmarks
from evoskeleton.platform.data.target.readers.lift_file import LiftFile
from evoskeleton.platform.data.target.readers.openpose import OpenPose
from evoskeleton.platform.data.target.readers.videopose3d_2d import VideoPose3d2d

CASES = Path(__file__).parent / "cases"
FILES = int(os.environ.get("EVOSKELETON_DAMAGED_FILES", "100000"))
SIZE = Declarations(size=(1920, 1080))


def recording(*changes: str) -> Callable[[Path], object]:
    return lambda path: load(settings_from_text(str(path), list(changes)))


def examples(folder: Path, walk: np.ndarray) -> dict[str, tuple[bytes, Callable[[Path], object]]]:
    """A small whole file of each kind, by its name, and what reads it."""
    points = np.random.default_rng(0).uniform(100, 900, (3, 33, 3)).round(2)
    points[..., 2] = 0.9
    coco = points[:, :17]
    np.save(folder / "k.npy", coco[..., :2])
    np.save(folder / "d.npy", {(1, "Walking", "a.h5"): coco[..., :2].reshape(3, 34)})
    poses = load(settings_from_text(str(CASES / "plain.bvh"), ["units=cm", "up=y"])).poses
    np.save(folder / "p.npy", poses)
    pq.write_table(pa.table({"pose": poses.reshape(3, 51).tolist()}), folder / "p.parquet")
    tracked = [",".join(["scorer", *["n"] * 51])]
    tracked += [",".join(["bodyparts", *np.repeat(COCO, 3)])]
    tracked += [",".join(["coords", *["x", "y", "likelihood"] * 17])]
    tracked += [f"{row},{','.join(map(str, each.reshape(-1)))}" for row, each in enumerate(coco)]
    flat = points[:, :25].reshape(3, -1)
    people = {"people": [{"pose_keypoints_2d": each.tolist()} for each in flat]}
    results = [{"image_id": 1, "keypoints": each.reshape(-1).tolist()} for each in coco]
    frames = [
        {
            "frame_id": 0,
            "instances": [dict(keypoints=p[:, :2].tolist(), keypoint_scores=[0.9] * 17)],
        }
        for p in coco
    ]
    marks = [[{"x": x / 1000, "y": y / 1000, "visibility": v} for x, y, v in p] for p in points]
    texts: dict[str, tuple[str, Callable[[Path], object]]] = {
        "k.json": ((CASES / "kp_h36m.json").read_text(), LiftFile().read),
        "s.json": ((CASES / "lift_score_key.json").read_text(), LiftFile().read),
        "a_keypoints.json": (json.dumps(people), OpenPose().read),
        "r.json": (json.dumps(results), CocoFile().read),
        "m.json": (json.dumps(frames), Instances().read),
        "l.json": (json.dumps(marks), MediaPipeLandmarks(SIZE).read),
        "t.csv": ("\n".join(tracked), DeepLabCut().read),
        "b.bvh": ((CASES / "plain.bvh").read_text(), recording("units=cm", "up=y")),
    }
    body_model_files.write_amass(folder / "w.npz", 4)
    np.savez(folder / "model.npz", **body_model_files.arrays())
    body_model_files.write_pickled_model(folder / "m.pkl")
    markers = marker_files.plug_in_gait(walk)
    marker_files.write_trc(folder / "w.trc", markers)
    (folder / "w.c3d").write_bytes(c3d_by_hand.c3d(walk[:, :3], "mips"))
    people = {"sequence": "s", "jointPositions": [np.tile(walk[:, :4].reshape(4, 12), 6)]}
    (folder / "p.pkl").write_bytes(pickle.dumps(people, protocol=2))
    deeplabcut_files.write_h5(folder / "t.h5", coco, COCO, "table")
    body = {"id": 3, "joints19": marker_files.panoptic(walk)[0].ravel().tolist()}
    texts["body3DScene_00000001.json"] = (
        json.dumps({"fpsType": "hd_29_97", "bodies": [body]}),
        recording("lying=true"),
    )
    names = [
        {"x": x, "y": y, "score": v, "name": n} for n, (x, y, v) in zip(COCO, coco[0], strict=True)
    ]
    texts["f.json"] = (json.dumps([{"keypoints": names}]), MediaPipeLandmarks().read)
    person = {"id": 1, "image_id": 1, "category_id": 1, "keypoints": coco[0].ravel().tolist()}
    images = [{"id": 1, "file_name": "a.jpg", "width": 1000, "height": 1000}]
    category = {"id": 1, "keypoints": list(COCO)}
    words = {"images": images, "categories": [category], "annotations": [person]}
    texts["c.json"] = (json.dumps(words), CocoFile().read)
    whole = {name: (text.encode(), read) for name, (text, read) in texts.items()}
    whole |= numpys_and_mats(folder, walk, coco)
    for name, read in (
        ("k.npy", Arrays().read),
        ("d.npy", Arrays().read),
        ("p.npy", recording("units=mm", "up=z")),
        ("p.parquet", recording("lying=true")),
        ("w.trc", recording("up=z")),
        ("w.c3d", read_c3d),
        ("p.pkl", read_3dpw),
        ("w.npz", recording(f"skeleton={folder / 'model.npz'}")),
        ("m.pkl", read_body_model),
        ("t.h5", DeepLabCut().read),
    ):
        whole[name] = ((folder / name).read_bytes(), read)
    return whole


def numpys_and_mats(
    folder: Path, walk: np.ndarray, coco: np.ndarray
) -> dict[str, tuple[bytes, Callable[[Path], object]]]:
    """Files of kinds that are known by their names, or hold arrays by name."""
    mpi_inf_3dhp_files.write_training(folder, walk, 2)
    cells = {k: v for k, v in loadmat(folder / "annot.mat").items() if not k.startswith("_")}
    savemat(folder / "annot.mat", cells)
    camera = mpi_inf_3dhp_files.in_front(walk.astype(np.float64))
    mpi_inf_3dhp_files.write_test(folder, camera, np.ones(4), np.ones(4))
    np.savez(folder / "k.npz", keypoints=coco[..., :2], scores=coco[..., 2])
    entries = {"v.mp4": {"custom": [coco[..., :2]]}}
    words = np.array({"layout_name": "coco"}, dtype=object)
    np.savez(folder / "v.npz", positions_2d=np.array(entries, dtype=object), metadata=words)
    np.savez(
        folder / "h.npz", positions_3d=np.array({"S1": {"Walking 1": walk / 1000}}, dtype=object)
    )
    np.save(folder / "a.npy", np.array({"a.jpg": {"p2d": coco[0, :14, :2]}}, dtype=object))
    rows = {(1, "Walking", "Walking 1.h5"): walk.reshape(4, 51)}
    np.save(folder / "threeDPose_train.npy", np.array(rows, dtype=object))
    with h5py.File(folder / "s.h5", "w") as file:
        file["node_names"] = np.array(COCO, dtype="S")
        file["tracks"] = coco[..., :2].transpose(2, 1, 0)[None]
    readers: dict[str, Callable[[Path], object]] = {
        "k.npz": Arrays(Declarations(points="coco17")).read,
        "v.npz": VideoPose3d2d().read,
        "h.npz": recording(),
        "a.npy": Arrays().read,
        "threeDPose_train.npy": recording("kind=human36m"),
        "s.h5": DeepLabCut().read,
        "annot.mat": load_mpi_inf_3dhp,
        "annot_data.mat": load_mpi_inf_3dhp,
    }
    return {name: ((folder / name).read_bytes(), read) for name, read in readers.items()}


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Bytes of a file after one to four mishaps."""
    data = bytearray(content)
    for _ in range(int(random.choice([1, 1, 1, 2, 4]))):
        at = int(random.integers(0, max(len(data), 1)))
        way = int(random.integers(0, 5))
        if way == 0:
            del data[at:]
        elif way == 1:
            data[at : at + 1] = random.bytes(1)
        elif way == 2:
            del data[at : at + int(random.integers(1, 40))]
        elif way == 3:
            data[at:at] = data[at : at + int(random.integers(1, 40))]
        else:
            words = [b"null", b"-1e999", b"NaN", b"[]", b"{}", b"1e308", b"\xff", b'"', b"-1", b"0"]
            data[at : at + 3] = words[int(random.integers(0, len(words)))]
    return bytes(data)


def damaged_name(name: str) -> str:
    """Files of some kinds are known by how they are called."""
    return name if name.startswith(("body3DScene", "annot")) else f"x_{name}"


def survives(files: int, folder: Path, walk: np.ndarray) -> None:
    whole = examples(folder, walk)
    for name, (content, read) in whole.items():
        (folder / damaged_name(name)).write_bytes(content)
        read(folder / damaged_name(name))
    for seed in range(files):
        name, (content, read) = list(whole.items())[seed % len(whole)]
        path = folder / damaged_name(name)
        path.write_bytes(damaged(content, np.random.default_rng(seed)))
        try:
            read(path)
        except BadInput as error:
            assert "\n" not in str(error), (seed, name, error)
        except Exception as error:
            raise AssertionError(f"file {seed}, {name}: {type(error).__name__}: {error}") from error


def test_a_few_damaged_files_are_refused_in_a_sentence(tmp_path, motion):
    survives(450, tmp_path, motion[:4])


@pytest.mark.long
def test_many_damaged_files_are_refused_in_a_sentence(tmp_path, motion):
    survives(FILES, tmp_path, motion[:4])
