"""Rendered people: keypoints where the joints are, the same pictures anywhere, whole folders."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from refusals import refused

from evoskeleton.annotation.formats.coco import read_coco
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import look_at
from evoskeleton.pose2d.rendering.body.figure import REST
from evoskeleton.pose2d.rendering.body.posing import Freedom, posed_bones
from evoskeleton.pose2d.rendering.dataset import render
from evoskeleton.pose2d.rendering.labels import HIDDEN, NOT_LABELLED, VISIBLE, Seen, label
from evoskeleton.pose2d.rendering.looks.dressed import Dressed, dress
from evoskeleton.pose2d.rendering.looks.look import draw_look
from evoskeleton.pose2d.rendering.picture import render_picture
from evoskeleton.pose2d.rendering.scene.camera import Camera
from evoskeleton.pose2d.rendering.scene.raster import rasterise
from evoskeleton.pose2d.rendering.settings import RenderSettings

SMALL = RenderSettings(count=3, size=(128, 96), people=(2, 2))


@pytest.fixture(scope="module")
def poses() -> np.ndarray:
    """The body at rest, and with its left arm raised."""
    raised = REST.copy()
    for joint in (Joint.LELBOW, Joint.LWRIST):
        raised[joint, 2] = 2 * REST[Joint.LSHOULDER, 2] - REST[joint, 2]
    return np.stack([REST, raised])


def camera_at(azimuth_deg: float) -> Camera:
    """A camera 4 m from the hip of a body at rest, which looks to azimuth -90."""
    angle = math.radians(azimuth_deg)
    place = torch.tensor([[4000.0 * math.cos(angle), 4000.0 * math.sin(angle), 950.0]])
    turn = look_at(place, torch.tensor([[0.0, 0.0, 950.0]]))[0].numpy()
    lens = (np.full(2, 300.0), np.full(2, 100.0), np.zeros(3), np.zeros(2))
    return Camera(turn, place[0].numpy(), *lens, size=(200, 200))


def standing() -> Dressed:
    look = draw_look(np.random.default_rng(4))
    return dress(look, REST.astype(float) + (0, 0, 924.0), 0.0, Freedom())


def seen_of(person: Dressed, camera: Camera) -> Seen:
    surface = person.surface
    inside = camera.in_camera(surface.world)
    found = rasterise(camera.project(inside), inside[:, 2], surface.faces, camera.size)
    owner, depth = np.full(200 * 200, -1, np.int16), np.full(200 * 200, np.inf, np.float32)
    owner[found.pixel], depth[found.pixel] = 0, found.depth
    return Seen(owner.reshape(200, 200), depth.reshape(200, 200))


@pytest.mark.parametrize(("azimuth", "nose"), [(-90.0, VISIBLE), (90.0, HIDDEN)])
def test_a_nose_is_seen_from_before_and_hidden_from_behind(azimuth, nose):
    person, camera = standing(), camera_at(azimuth)
    found = label(person, 0, 0, camera, seen_of(person, camera), "coco")
    assert found is not None
    assert found.visibility[0] == nose
    assert (found.visibility[5:] == VISIBLE).all()


def test_what_stands_before_a_person_hides_it_and_what_is_outside_is_not_labelled():
    person, camera = standing(), camera_at(-90.0)
    seen = seen_of(person, camera)
    upper = slice(0, 100)
    seen.owner[upper], seen.depth[upper] = -1, 1000.0
    shifted = Camera(**{**vars(camera), "center": np.array([100.0, 100.0])})
    found = label(person, 0, 0, shifted, seen, "h36m")
    assert found is not None
    assert found.visibility[Joint.HEAD] == HIDDEN
    assert found.visibility[Joint.LFOOT] == VISIBLE
    away = Camera(**{**vars(camera), "center": np.array([100.0, 190.0])})
    found = label(person, 0, 0, away, seen, "h36m")
    assert found is not None
    assert found.visibility[Joint.LFOOT] == NOT_LABELLED


def test_the_skin_goes_where_the_joints_go():
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    moved = REST.astype(float) @ turn.T + (300.0, 20.0, 924.0)
    bones = posed_bones(moved, 0.0, Freedom(toes=0.0))
    for joint, bone in ((Joint.LELBOW, 8), (Joint.RKNEE, 23), (Joint.HEAD, 4), (Joint.LFOOT, 14)):
        placed = bones.maps[bone, :, :3] @ REST[joint] + bones.maps[bone, :, 3]
        assert np.allclose(placed, moved[joint], atol=0.5), joint


def test_a_picture_depends_on_its_number_alone(poses):
    alone = render_picture(2, poses, SMALL)
    render_picture(1, poses, SMALL)
    again = render_picture(2, poses, SMALL.model_copy(update={"count": 9}))
    assert (alone.pixels == again.pixels).all()
    other = render_picture(2, poses, SMALL.model_copy(update={"seed": 1}))
    assert (alone.pixels != other.pixels).mean() > 0.5


@pytest.mark.parametrize("schema", ["coco", "h36m"])
def test_a_folder_is_coco_whose_points_are_the_projected_joints(poses, tmp_path, schema):
    settings = SMALL.model_copy(update={"keypoints": schema})
    done = render(poses, tmp_path / "out", settings, clips=["S1/walk", ""])
    data = (tmp_path / "out" / "annotations.json").read_bytes()
    assert read_coco(data).keypoints == {"coco": "coco", "h36m": "human36m"}[schema]
    words = json.loads(data)
    assert done.pictures == len(words["images"]) == 3
    assert done.people == len(words["annotations"]) > 2
    clips = [image.get("clip") for image in words["images"]]
    assert set(clips[:2]) == {"S1/walk", None}
    cameras = {image["id"]: image["camera"] for image in words["images"]}
    joint, place = {"coco": (Joint.LKNEE, 13), "h36m": (Joint.LKNEE, 5)}[schema]
    for person in words["annotations"]:
        lens = {name: np.array(value) for name, value in cameras[person["image_id"]].items()}
        expected = Camera(**lens, size=(128, 96)).project(np.array(person["joints_mm"]))[joint]
        x, y, visible = person["keypoints"][3 * place : 3 * place + 3]
        assert not visible or np.allclose(expected, (x, y), atol=0.1)
        left, top, wide, high = person["bbox"]
        assert 0 <= left < left + wide <= 128 and 0 <= top < top + high <= 96


def test_a_folder_that_is_broken_off_is_not_there(poses, tmp_path):
    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(poses, tmp_path / "out", SMALL, made=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_background_that_is_broken_is_told_and_left_out(poses, tmp_path):
    photos = tmp_path / "photos"
    render(poses, photos, SMALL)
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    told: list[str] = []
    settings = SMALL.model_copy(update={"backgrounds": photos})
    assert render(poses, tmp_path / "out", settings, told=told.append).pictures == 3
    assert "broken.jpg" in told[0]
    assert told[1] == "1 of 4 backgrounds are left out"


def test_what_cannot_be_rendered_is_told(poses, tmp_path, capsys):
    with pytest.raises(BadInput, match=r"finite numbers"):
        render(np.full((1, 17, 3), np.nan), tmp_path / "out", SMALL)
    with pytest.raises(BadInput, match="should be a folder of photos, there is none at"):
        gone = SMALL.model_copy(update={"backgrounds": tmp_path / "gone"})
        render(poses, tmp_path / "out", gone)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="none of its 0 pictures can be used"):
        empty = SMALL.model_copy(update={"backgrounds": tmp_path / "empty"})
        render(poses, tmp_path / "out", empty)
    line = ("render", "standard", "--output", tmp_path / "out")
    said = refused(capsys, *line, "--size", "5 x")
    assert "--size should be whole numbers such as 512x512, got 5 x" in said
    said = refused(capsys, *line, "--size", "8x8")
    assert "setting size.0: input should be greater than or equal to 64, got 8" in said
    assert "the first should not exceed the second" in refused(capsys, *line, "--people", "3-2")
    said = refused(capsys, *line, "--hardest", 5)
    assert "--hardest is for a pose table, whose rows hold errors, got standard" in said
    (tmp_path / "out").mkdir()
    assert "is there already; --overwrite replaces it" in refused(capsys, *line)


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@pytest.mark.long
def test_one_two_and_three_processes_write_the_same_bytes(poses, tmp_path):
    settings = SMALL.model_copy(update={"count": 30})
    folders = {workers: tmp_path / str(workers) for workers in (1, 2, 3)}
    for workers, folder in folders.items():
        render(poses, folder, settings, workers)
    assert len({digest(folder) for folder in folders.values()}) == 1
