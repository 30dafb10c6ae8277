"""MoveNet: its graph as ONNX against torch, people out of maps, crops out of people."""

import base64
import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.keypoints.keypoint_formats import BLAZEPOSE_POINTS, COCO
from evoskeleton.pose2d.crops import moved, picture_to_crop
from evoskeleton.pose2d.heatmap.onnx_network import OnnxNetwork
from evoskeleton.pose2d.movenet.graph_model import to_onnx
from evoskeleton.pose2d.movenet.multipose import Maps, Sketch, peaks, sketch
from evoskeleton.pose2d.movenet.sketches import (
    AGREES,
    agreement,
    region_of_sketch,
    sketched_person,
)
from evoskeleton.pose2d.people.duplicates import MIXED, explained

RANDOM = np.random.default_rng(3)
STANDING = np.array([
    (0, -75), (3, -78), (-3, -78), (7, -76), (-7, -76), (18, -50), (-18, -50), (24, -20),
    (-24, -20), (26, 5), (-26, 5), (10, 0), (-10, 0), (11, 40), (-11, 40), (12, 80), (-12, 80),
], float)  # fmt: skip
"""COCO's points of somebody who faces us, px from the hips."""


def words(*texts: str) -> dict:
    return {"list": {"s": [base64.b64encode(text.encode()).decode() for text in texts]}}


def graph_model(folder, last: str = "AddV2"):
    """A small graph model in TensorFlow.js' layout, and its weights."""
    weights = {
        "k1": RANDOM.normal(size=(3, 3, 3, 4)).astype(np.float16),
        "b1": RANDOM.normal(size=4).astype(np.float16),
        "k2": RANDOM.normal(size=(3, 3, 4, 1)).astype(np.float16),
        "k3": RANDOM.normal(size=(1, 1, 4, 4)).astype(np.float16),
        "b3": RANDOM.normal(size=4).astype(np.float16),
    }
    two, one = ({"list": {"i": ["1", step, step, "1"]}} for step in "21")
    nodes = [
        {"name": "in", "op": "Placeholder"},
        {"name": "a", "op": "_FusedConv2D", "input": ["in", "k1", "b1"],
         "attr": {"strides": two, "fused_ops": words("BiasAdd", "Relu6")}},
        {"name": "b", "op": "DepthwiseConv2dNative", "input": ["a", "k2"],
         "attr": {"strides": two}},
        {"name": "c", "op": "_FusedConv2D", "input": ["b", "k3", "b3"],
         "attr": {"strides": one, "fused_ops": words("BiasAdd", "Relu")}},
        {"name": "d", "op": "ResizeBilinear", "input": ["c", "size"]},
        {"name": "e", "op": last, "input": ["d", "a"]},
    ]  # fmt: skip
    entries = [
        {"name": name, "shape": list(values.shape), "dtype": "float32",
         "quantization": {"dtype": "float16"}}
        for name, values in weights.items()
    ]  # fmt: skip
    document = {
        "modelTopology": {"node": nodes},
        "weightsManifest": [{"paths": ["w.bin"], "weights": entries}],
    }
    (folder / "m.json").write_text(json.dumps(document))
    (folder / "w.bin").write_bytes(b"".join(values.tobytes() for values in weights.values()))
    return folder / "m.json", {k: torch.tensor(v.astype(np.float32)) for k, v in weights.items()}


def padded_as_same(picture: torch.Tensor, kernel: int, step: int) -> torch.Tensor:
    """TensorFlow pads at the end first."""
    edges: list[int] = []
    for length in (picture.shape[3], picture.shape[2]):
        missing = max((-(-length // step) - 1) * step + kernel - length, 0)
        edges += [missing // 2, missing - missing // 2]
    return functional.pad(picture, edges)


def test_a_graph_model_answers_as_torch_does_with_its_weights(tmp_path):
    path, w = graph_model(tmp_path)
    picture = torch.randn(1, 3, 16, 24)
    a = functional.conv2d(padded_as_same(picture, 3, 2), w["k1"].permute(3, 2, 0, 1), w["b1"], 2)
    a = a.clamp(0, 6)
    b = functional.conv2d(padded_as_same(a, 3, 2), w["k2"].permute(2, 3, 0, 1), None, 2, groups=4)
    c = functional.conv2d(b, w["k3"].permute(3, 2, 0, 1), w["b3"]).relu()
    wanted = a + functional.interpolate(c, scale_factor=2, mode="bilinear", align_corners=False)
    network = OnnxNetwork(to_onnx(path, "in", ["e", "c"]), 1)
    first, second = network.all(picture.numpy())
    np.testing.assert_allclose(first, wanted.numpy(), atol=1e-4)
    np.testing.assert_allclose(second, c.numpy(), atol=1e-4)


def test_an_operation_that_is_not_known_is_named(tmp_path):
    path, _ = graph_model(tmp_path, last="Einsum")
    with pytest.raises(BadInput, match="not known, Einsum"):
        to_onnx(path, "in", ["e"])


def maps_of(people: list[np.ndarray]) -> Maps:
    """What the network would answer to people in cells, (17, 2) x y each, in 40 x 60 cells."""
    shape = (40, 60)
    maps = Maps(*(np.zeros((*depth, *shape)) for depth in ((), (2,), (2,), (17,), (34,), (34,))))
    for body in people:
        middle = body[[11, 12]].mean(axis=0)
        column, row = (int(v) for v in middle)
        maps.centre[row, column] = 0.9
        maps.box_scale[:, row, column] = 60.0
        guess = body + RANDOM.normal(0, 1.0, body.shape)
        maps.regression[:, row, column] = (guess - (column, row))[:, ::-1].ravel()
        for joint, (x, y) in enumerate(body):
            maps.heat[joint, int(y), int(x)] = 0.8
            maps.offset[2 * joint : 2 * joint + 2, int(y), int(x)] = y % 1, x % 1
    return maps


def test_two_who_stand_side_by_side_keep_their_own_arms():
    people = [STANDING * 0.2 + (25.3, 19.6), STANDING * 0.2 + (33.7, 20.2)]
    maps = maps_of(people)
    places = peaks(maps.centre, 0.5)
    found = sorted((sketch(maps, *place) for place in places), key=lambda s: s.points[0, 0])
    assert len(found) == 2
    for one, body in zip(found, people, strict=True):
        np.testing.assert_allclose(one.points, body, atol=1e-6)
        assert 0.4 < one.score <= 0.8


def sketched(points: np.ndarray, heat: float = 0.6) -> Sketch:
    return Sketch(points, np.full(17, heat), heat)


@pytest.mark.parametrize("turn", [0.0, 1.2, -2.5])
def test_the_crop_holds_the_body_upright(turn):
    cos, sin = np.cos(turn), np.sin(turn)
    points = STANDING @ np.array([[cos, sin], [-sin, cos]]) + (300, 200)
    region = region_of_sketch(sketched(points))
    inside = moved(points, picture_to_crop(region, 256))
    assert (inside > 0).all() and (inside < 256).all()
    assert inside[0, 1] < inside[11, 1] < inside[15, 1]
    assert abs(inside[0, 0] - 128) < 8


def landmarks(points: np.ndarray) -> np.ndarray:
    body = np.zeros((33, 2))
    body[[BLAZEPOSE_POINTS.index(name) for name in COCO]] = points
    return body


def test_landmarks_of_a_neighbour_do_not_agree():
    one = sketched(STANDING + (200, 200))
    near = landmarks(STANDING + (203, 198))
    turned = landmarks(STANDING * (-1, 1) + (203, 198))
    assert min(agreement(one, near), agreement(one, turned)) > 0.9
    assert agreement(one, landmarks(STANDING + (260, 205))) < AGREES


def test_a_mixture_of_two_is_made_of_them_and_a_third_is_not():
    picture = np.zeros((400, 800, 3))
    left, right, third = (
        sketched_person(sketched(STANDING + (x, 200)), picture) for x in (100, 170, 500)
    )
    half = np.where(np.arange(17)[:, None] % 2, STANDING + (100, 200), STANDING + (170, 200))
    mixed = sketched_person(sketched(half), picture)
    assert explained(mixed, [left, right]) > 0.6 > MIXED > explained(third, [left, right])
    assert explained(left, []) == 0.0


def test_a_point_that_movenet_takes_for_there_is_known_and_a_colder_one_is_not():
    heat = np.full(17, 0.35)
    heat[COCO.index("left_wrist")] = 0.2
    person = sketched_person(Sketch(STANDING + (50, 100), heat, 0.35), np.zeros((200, 100, 3)))
    assert person.known[Joint.RWRIST] and not person.known[Joint.LWRIST]
    assert person.own_joints is None
    np.testing.assert_allclose(person.keypoints[Joint.LKNEE], STANDING[13] + (50, 100), atol=1e-4)
