"""A trained detector behind the endpoint: it looks at pictures, and is replaced while it serves."""

import io
import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

import grpc

from evoskeleton.annotation.generated import inference_pb2 as pb
from evoskeleton.annotation.generated.common_pb2 import Box
from evoskeleton.annotation.generated.inference_pb2_grpc import InferenceServiceStub
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.trained_detectors import trained_detector
from evoskeleton.pose2d.heatmap.bundle import save_bundle
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "labs-own"
    save_bundle(HeatmapNetwork(HeatmapSettings(width=16, picture_px=(96, 128))), place, {})
    return place


@pytest.fixture
def request_of_a_box():
    file = io.BytesIO()
    image = np.random.default_rng(0).integers(0, 256, (200, 150, 3), np.uint8)
    Image.fromarray(image).save(file, "PNG")
    box = Box(x0=20, y0=20, x1=130, y1=180)
    return pb.DetectPeopleRequest(image=file.getvalue(), boxes=[box])


def change_card(folder, **changes):
    card = json.loads((folder / "detector.json").read_text())
    (folder / "detector.json").write_text(json.dumps({**card, **changes}))


def test_a_newer_detector_takes_over_and_a_damaged_one_does_not(
    serve_here, make_bundle, folder, request_of_a_box
):
    served = serve_here(BundleSource(make_bundle()), trained_detector(folder), refresh_seconds=1000)
    with served as running, grpc.insecure_channel(running.address) as channel:
        stub = InferenceServiceStub(channel)
        first = stub.DetectPeople(request_of_a_box)
        assert first.detector.name == "labs-own" and len(first.detector.weight_hash) == 64
        assert not stub.RefreshModel(pb.RefreshModelRequest()).changed
        curves = {"slopes": [0.0] * 17, "offsets": [float(np.log(3.0))] * 17}
        change_card(folder, calibration=curves)
        assert stub.DetectPeople(request_of_a_box) == first
        assert stub.RefreshModel(pb.RefreshModelRequest()).changed
        after = stub.DetectPeople(request_of_a_box)
        assert [max(person.confidence) for person in after.people] == [0.75]
        (folder / "model.onnx").write_bytes(b"x")
        change_card(folder, training={"epochs": 9})
        with pytest.raises(grpc.RpcError, match="not the one that was saved"):
            stub.RefreshModel(pb.RefreshModelRequest())
        assert stub.DetectPeople(request_of_a_box) == after
