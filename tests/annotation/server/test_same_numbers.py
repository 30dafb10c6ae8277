"""A picture through `infer`, EstimatePoses and Suggest: the same 3D, bit for bit."""

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

import grpc

from evoskeleton.annotation.generated import annotation_pb2, inference_pb2
from evoskeleton.annotation.generated.annotation_pb2_grpc import AnnotationServiceStub
from evoskeleton.annotation.generated.inference_pb2_grpc import InferenceServiceStub
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.lifting.bundle import Lifter, load_bundle, save_bundle
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import Normalization
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.estimation import estimate_people, infer

SIZE = (640, 360)


class Crowd:
    """Finds the same people in every picture, some of them hidden in part."""

    def __init__(self, people: int) -> None:
        draw = np.random.default_rng(people)
        self.keypoints = draw.uniform((0, 0), SIZE, (people, 17, 2)).astype(np.float32)
        self.sure = (draw.random((people, 17)) > 0.2).astype(np.float32)

    def detect(self, image, boxes=None, watch=None):
        box = np.array([0, 0, *SIZE], np.float32)
        return [
            Person(box, 0.9, points, sure, sure, ())
            for points, sure in zip(self.keypoints, self.sure, strict=True)
        ]


def bundle_of(mode: str, folder) -> str:
    """An untrained lifter as wide as the small preset."""
    draw = torch.Generator().manual_seed(3)
    cascade = Cascade(CascadeSettings.parse({"width": 256, "blocks": 2, "stages": 1}), 5)
    points = 500.0 + 120.0 * torch.randn(50, 17, 2, generator=draw)
    joints = 300.0 * torch.randn(50, 17, 3, generator=draw)
    save_bundle(Lifter(cascade, Normalization.measure(mode, points, joints)), folder, {})
    return folder


def joints_of(people) -> np.ndarray:
    """(people, 17, 3) float32 of messages."""
    return np.array([np.reshape(one, (17, 3)) for one in people]).astype(np.float32)


@pytest.mark.parametrize("people", [1, 60, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.parametrize("mode", ["per_pose", "zscore"])
def test_infer_estimate_and_suggest_give_the_same_numbers(serve_here, tmp_path, mode, people):
    bundle, crowd = bundle_of(mode, tmp_path / "bundle"), Crowd(people)
    Image.new("RGB", SIZE).save(tmp_path / "one.png")
    content = (tmp_path / "one.png").read_bytes()
    known = ServedDetector(crowd, "crowd", "1", "1" * 64)
    with (
        serve_here(BundleSource(bundle), known, annotations=tmp_path / "kept") as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        stub = InferenceServiceStub(channel)
        estimated = stub.EstimatePoses(inference_pb2.EstimatePosesRequest(image=content))
        lifts = [
            stub.LiftKeypoints.future(
                inference_pb2.LiftKeypointsRequest(
                    keypoints={"packed": points.tobytes()},
                    visibility={"packed": sure.tobytes()},
                    width=width,
                    height=height,
                )
            )
            for width, height in (SIZE, (0, 0))
            for points, sure in zip(crowd.keypoints, crowd.sure, strict=True)
        ]
        lifted = np.array([np.frombuffer(c.result().joints.packed, "<f4") for c in lifts])
        service = AnnotationServiceStub(channel)
        project = service.MakeProject(annotation_pb2.MakeProjectRequest(name="crowd"))
        image = service.UploadImage(
            annotation_pb2.UploadImageRequest(project_id=project.id, name="a.png", image=content)
        )
        suggested = service.Suggest(annotation_pb2.SuggestRequest(image_id=image.id))
    lifter = load_bundle(bundle)
    alone = estimate_people(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), crowd, lifter).joints
    assert len(alone) == people
    assert np.array_equal(joints_of([one.joints for one in estimated.people]), alone)
    assert np.array_equal(joints_of([one.lifted for one in suggested.people]), alone)
    sized, unsized = lifted.reshape(2, people, 17, 3)
    assert np.array_equal(sized, alone)
    assert np.array_equal(unsized, lifter.lift(crowd.keypoints, crowd.sure))
    assert np.array_equal(sized, unsized) == (mode == "per_pose")
    (answer,) = infer([tmp_path / "one.png"], bundle, detector=crowd)
    words = np.array([one["joints"] for one in answer["people"]])
    assert np.array_equal(words, np.round(np.array(alone, np.float64), 2))
