"""The inference service on a real server: answers, swaps of the champion, limits, orderly end."""

import io
import json
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

import grpc

from evoskeleton.annotation.generated import inference_pb2 as pb
from evoskeleton.annotation.generated.common_pb2 import Box
from evoskeleton.annotation.generated.inference_pb2_grpc import InferenceServiceStub
from evoskeleton.annotation.serving.champions import BundleSource, ServedChampion
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX, JOINT_NAMES
from evoskeleton.lifting.bundle import load_bundle, read_description
from evoskeleton.lifting.keypoints.keypoint_formats import known_set
from evoskeleton.pose2d.detector import Person, check_boxes
from evoskeleton.pose2d.people_to_3d import lift_people

BODY = np.random.default_rng(1).uniform((-30, -90), (30, 90), (17, 2))
POINTS = 500 + 100 * np.random.default_rng(2).normal(size=(5, 17, 2)).astype(np.float32)

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


class BrightSpots:
    """A real detector of a simple kind: the bright part of a picture is a person."""

    def detect(self, image, boxes=None, watch=None):
        height, width = image.shape[:2]
        if boxes is None:
            bright = np.argwhere(image[..., 0] > 200)
            places = [bright.mean(axis=0)[::-1]] if len(bright) else []
        else:
            places = [(box[:2] + box[2:]) / 2 for box in check_boxes(boxes, width, height)]
        return [self.person(place) for place in places]

    def person(self, place):
        keypoints = (BODY + place).astype(np.float32)
        sure = np.ones(17, np.float32)
        box = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
        return Person(box, 0.9, keypoints, sure, sure, ("Spine",))


DETECTOR = ServedDetector(BrightSpots(), "bright spots", "1", "1" * 64)


class Gated:
    """A network that takes as long as a test wants, and remembers the first keypoint of all."""

    def __init__(self):
        self.gate, self.began, self.seen = threading.Event(), threading.Event(), []

    def lift(self, keypoints, visibility, image_size):
        self.seen += keypoints[:, 0, 0].tolist()
        self.began.set()
        assert self.gate.wait(30)
        return np.zeros((len(keypoints), 17, 3), np.float32)


class Given:
    """A source of one champion."""

    def __init__(self, lifter):
        self.champion = ServedChampion(lifter, "given", "7", "0" * 64, {}, None)

    def look(self, held):
        return self.champion


def picture(width=320, height=240, at=(100, 150)) -> bytes:
    image = np.zeros((height, width, 3), np.uint8)
    image[at[0] : at[0] + 40, at[1] : at[1] + 40] = 255
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def packed(points) -> dict:
    return {"packed": np.asarray(points, "<f4").tobytes()}


def lift_request(points, **more) -> pb.LiftKeypointsRequest:
    return pb.LiftKeypointsRequest(keypoints=packed(points), **more)


def joints_of(answer) -> np.ndarray:
    return np.frombuffer(answer.joints.packed, "<f4").reshape(-1, 17, 3)


@pytest.fixture
def connect():
    """Opens stubs of a served endpoint that are closed when the test ends."""
    with ExitStack() as stack:

        def open_stub(running):
            return InferenceServiceStub(stack.enter_context(grpc.insecure_channel(running.address)))

        yield open_stub


@pytest.fixture
def bundle(make_bundle):
    return make_bundle(record={"validation": {"mpjpe": 61.5, "pck": 0.9}})


@pytest.fixture
def running(serve_here, bundle):
    with serve_here(BundleSource(bundle), DETECTOR) as running:
        yield running


@pytest.fixture
def stub(running, connect):
    return connect(running)


def refused(call, *arguments, **named):
    """The status that a call is refused with."""
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **named)
    return raised.value


def test_packed_keypoints_come_back_as_the_models_joints(stub, bundle):
    answer = stub.LiftKeypoints(lift_request(POINTS))
    assert np.allclose(joints_of(answer), load_bundle(bundle).lift(POINTS), atol=0.01)
    assert answer.model.weight_hash == read_description(bundle)["weight_hash"]
    assert (answer.model.name, answer.model.version) == ("bundle", "")
    assert not answer.error_radii_mm and not answer.approximated


def test_numbers_one_by_one_give_the_same_joints_in_the_same_form(stub):
    values = pb.LiftKeypointsRequest(keypoints={"values": POINTS.ravel().tolist()})
    answer = stub.LiftKeypoints(values)
    assert not answer.joints.packed
    joints = np.array(answer.joints.values).reshape(-1, 17, 3)
    assert np.allclose(joints, joints_of(stub.LiftKeypoints(lift_request(POINTS))), atol=0.01)


def test_missing_joints_may_hold_anything(stub, bundle):
    visibility = np.ones((5, 17), np.float32)
    visibility[:, 3] = 0
    points = np.where(visibility[..., None] > 0.5, POINTS, np.nan)
    answer = stub.LiftKeypoints(lift_request(points, visibility=packed(visibility)))
    expected = load_bundle(bundle).lift(POINTS, visibility)
    assert np.allclose(joints_of(answer), expected, atol=0.01)


@pytest.mark.parametrize("name", ["coco", "blazepose"])
def test_keypoints_of_other_schemas_are_converted_by_joint_name(stub, bundle, name):
    known = known_set(name)
    points = 500 + 100 * np.random.default_rng(3).normal(size=(2, len(known.names), 2))
    answer = stub.LiftKeypoints(lift_request(points, schema=name, poses=2))
    ours, _ = known.to_human36m(points.astype(np.float32))
    assert np.allclose(joints_of(answer), load_bundle(bundle).lift(ours), atol=0.05)
    assert "Spine" in answer.approximated


def test_a_missing_point_of_a_schema_hides_the_joints_made_of_it(stub, bundle):
    known = known_set("coco")
    points = 500 + 100 * np.random.default_rng(3).normal(size=(1, 17, 2)).astype(np.float32)
    visibility = np.ones((1, 17), np.float32)
    visibility[0, known.names.index("left_hip")] = 0
    answer = stub.LiftKeypoints(lift_request(points, schema="coco", visibility=packed(visibility)))
    ours, seen = known.to_human36m(points, visibility)
    assert seen[0, JOINT_NAMES.index("Hip")] == seen[0, JOINT_NAMES.index("LHip")] == 0
    assert np.allclose(joints_of(answer), load_bundle(bundle).lift(ours, seen), atol=0.05)


def test_human36m_files_of_32_joints_are_read_by_place(stub):
    points = np.full((5, 32, 2), 9.0, np.float32)
    points[:, H36M_32_INDEX] = POINTS
    answer = stub.LiftKeypoints(lift_request(points, schema="human36m_32"))
    assert not answer.approximated
    plain = stub.LiftKeypoints(lift_request(POINTS))
    assert np.allclose(joints_of(answer), joints_of(plain), atol=0.01)


def test_error_radii_come_with_every_answer(serve_here, connect, make_bundle):
    radii = {
        side: {name: mm for name in JOINT_NAMES} for side, mm in (("seen", 40), ("hidden", 90))
    }
    record = {"error_radii_mm": {"level": 0.9, **radii}}
    with serve_here(BundleSource(make_bundle(record=record)), DETECTOR) as running:
        stub = connect(running)
        answers = (
            stub.LiftKeypoints(lift_request(POINTS)),
            stub.EstimatePoses(pb.EstimatePosesRequest(image=picture())),
            stub.GetModel(pb.GetModelRequest()),
        )
    for answer in answers:
        assert list(answer.error_radii_mm) == [40] * 17
        assert list(answer.hidden_error_radii_mm) == [90] * 17
    assert answers[2].error_radii_level == pytest.approx(0.9)


def test_the_model_describes_itself(stub):
    model = stub.GetModel(pb.GetModelRequest())
    assert list(model.joint_names) == list(JOINT_NAMES)
    assert model.errors_mm == {"mpjpe": 61.5}
    schemas = {schema.name: list(schema.points) for schema in model.schemas}
    assert schemas["human36m"] == list(JOINT_NAMES) and len(schemas["blazepose"]) == 33
    assert model.detector.name == "bright spots"
    assert model.most_poses == 4096


def test_a_picture_becomes_people_in_2d_and_3d(stub, bundle):
    answer = stub.EstimatePoses(pb.EstimatePosesRequest(image=picture()))
    assert (answer.width, answer.height) == (320, 240)
    (one,) = answer.people
    assert np.allclose(np.reshape(one.keypoints, (17, 2)), BODY + (169.5, 119.5), atol=0.01)
    person = BrightSpots().person((169.5, 119.5))
    (joints,) = lift_people([person], load_bundle(bundle), 320, 240)
    assert np.allclose(np.reshape(one.joints, (17, 3)), joints, atol=0.05)
    assert answer.model.weight_hash == read_description(bundle)["weight_hash"]
    assert answer.detector.name == "bright spots"


def test_detection_alone_gives_no_joints_and_takes_boxes(stub):
    boxes = [Box(x0=10, y0=20, x1=50, y1=100), Box(x0=60, y0=20, x1=80, y1=90)]
    answer = stub.DetectPeople(pb.DetectPeopleRequest(image=picture(), boxes=boxes))
    assert [one.id for one in answer.people] == [0, 1]
    assert not any(one.joints for one in answer.people)
    middle = np.reshape(answer.people[0].keypoints, (17, 2)) - BODY
    assert np.allclose(middle, (30, 60), atol=0.01)


def test_a_stream_answers_frame_by_frame_and_a_bad_one_ends_nothing(stub):
    pictures = [picture(), picture()[:60], picture(at=(104, 155)), b""]
    frames = [pb.StreamPosesRequest(frame=10 + n, image=one) for n, one in enumerate(pictures)]
    answers = list(stub.StreamPoses(iter(frames)))
    assert [answer.frame for answer in answers] == [10, 11, 12, 13]
    assert [len(answer.poses.people) for answer in answers] == [1, 0, 1, 0]
    assert answers[0].poses.people[0].id == answers[2].poses.people[0].id == 0
    assert "damaged" in answers[1].problem and "none of these" in answers[3].problem


def test_a_server_without_a_detector_says_so(serve_here, connect, bundle):
    with serve_here(BundleSource(bundle)) as running:
        stub = connect(running)
        error = refused(stub.EstimatePoses, pb.EstimatePosesRequest(image=picture()))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert not stub.GetModel(pb.GetModelRequest()).HasField("detector")


def test_fifty_champions_under_load_lose_no_call(serve_here, connect, make_bundle):
    lifters = {}

    def crown(seed):
        folder = make_bundle(seed=seed)
        lifters[read_description(folder)["weight_hash"]] = load_bundle(folder)
        return folder

    done = threading.Event()

    def client(number):
        names = set()
        with grpc.insecure_channel(running.address) as channel:
            stub = InferenceServiceStub(channel)
            while not done.is_set():
                points = POINTS[: 1 + number % 5]
                answer = stub.LiftKeypoints(lift_request(points))
                names.add(answer.model.weight_hash)
                expected = lifters[answer.model.weight_hash].lift(points)
                assert np.allclose(joints_of(answer), expected, atol=0.05)
        return names

    source = BundleSource(crown(0))
    with serve_here(source, refresh_seconds=1000) as running, ThreadPoolExecutor(6) as pool:
        stub = connect(running)
        calls = [pool.submit(client, number) for number in range(6)]
        try:
            for seed in range(1, 51):
                crown(seed)
                assert stub.RefreshModel(pb.RefreshModelRequest()).changed
        finally:
            done.set()
        named = set.union(*(call.result() for call in calls))
    assert len(lifters) == 51 and len(named) > 25


def test_a_champion_whose_self_test_fails_is_not_taken(serve_here, connect, make_bundle):
    folder = make_bundle(seed=1)
    with serve_here(BundleSource(folder), refresh_seconds=1000) as running:
        stub = connect(running)
        before = stub.LiftKeypoints(lift_request(POINTS))
        good = make_bundle("other", seed=2)
        (folder / "bundle.json").write_text((good / "bundle.json").read_text())
        error = refused(stub.RefreshModel, pb.RefreshModelRequest())
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "not those that were saved" in error.details()
        after = stub.LiftKeypoints(lift_request(POINTS))
        assert after == before
        (folder / "model.safetensors").write_bytes((good / "model.safetensors").read_bytes())
        assert stub.RefreshModel(pb.RefreshModelRequest()).changed
        assert not stub.RefreshModel(pb.RefreshModelRequest()).changed
        assert stub.LiftKeypoints(lift_request(POINTS)).model != before.model


def test_a_new_champion_is_found_without_being_asked_for(serve_here, connect, make_bundle):
    folder = make_bundle(seed=1)
    with serve_here(BundleSource(folder), refresh_seconds=0.05) as running:
        stub = connect(running)
        before = stub.GetModel(pb.GetModelRequest()).model
        make_bundle(seed=2)
        until = time.monotonic() + 30
        while stub.GetModel(pb.GetModelRequest()).model == before:
            assert time.monotonic() < until
    assert running.champions.current.weight_hash == read_description(folder)["weight_hash"]


def test_a_full_queue_says_when_to_come_back(serve_here, connect):
    network = Gated()
    with serve_here(Given(network), most_queued_poses=10) as running:
        stub = connect(running)
        first = stub.LiftKeypoints.future(lift_request(POINTS))
        assert network.began.wait(30)
        second = stub.LiftKeypoints.future(lift_request(POINTS))
        error = refused(stub.LiftKeypoints, lift_request(np.tile(POINTS, (2, 1, 1))))
        network.gate.set()
        assert len(joints_of(first.result())) == len(joints_of(second.result())) == 5
        assert stub.LiftKeypoints(lift_request(POINTS)).model.version == "7"
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert int(dict(error.trailing_metadata())["retry-after-ms"]) >= 10
    assert "come back" in error.details()


def test_more_calls_than_the_server_takes_are_told_to_come_back(serve_here, connect):
    network = Gated()
    with serve_here(Given(network), most_calls=2) as running:
        stub = connect(running)
        calls = [stub.LiftKeypoints.future(lift_request(POINTS)) for _ in range(4)]
        until = time.monotonic() + 30
        while sum(call.done() for call in calls) < 2:
            assert time.monotonic() < until
        network.gate.set()
        statuses = sorted(str(call.code()) for call in calls)
    assert statuses.count("StatusCode.OK") == 2
    assert statuses.count("StatusCode.RESOURCE_EXHAUSTED") == 2


def test_calls_of_many_clients_share_batches(serve_here, connect):
    network = Gated()
    batches = []
    network.lift, lift = (
        (lambda k, v, size: (batches.append(len(k)), lift(k, v, size))[1]),
        network.lift,
    )
    with serve_here(Given(network)) as running:
        stub = connect(running)
        calls = [stub.LiftKeypoints.future(lift_request(POINTS)) for _ in range(8)]
        network.began.wait(30)
        wait_until_queued(running, 40)
        network.gate.set()
        assert all(len(joints_of(call.result())) == 5 for call in calls)
    assert sum(batches) == 40 and len(batches) <= 3


def wait_until_queued(running, poses):
    until = time.monotonic() + 30
    while running.endpoint.queued_poses < poses:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_work_of_a_caller_who_has_gone_is_dropped(serve_here, connect):
    network = Gated()
    with serve_here(Given(network)) as running:
        stub = connect(running)
        first = stub.LiftKeypoints.future(lift_request(POINTS))
        assert network.began.wait(30)
        late = refused(stub.LiftKeypoints, lift_request(np.full((3, 17, 2), 77.0)), timeout=0.3)
        gone = stub.LiftKeypoints.future(lift_request(np.full((3, 17, 2), 88.0)))
        wait_until_queued(running, 11)
        gone.cancel()
        network.gate.set()
        first.result()
        stub.LiftKeypoints(lift_request(POINTS))
    assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert 77.0 not in network.seen


def test_the_metrics_tell_late_callers_from_those_who_left(serve_here, connect):
    network = Gated()
    with serve_here(Given(network), metrics_address="127.0.0.1:0") as running:
        stub = connect(running)
        refused(stub.LiftKeypoints, lift_request(POINTS), timeout=0.3)
        gone = stub.LiftKeypoints.future(lift_request(POINTS), timeout=30)
        wait_until_queued(running, 10)
        gone.cancel()
        page = f"http://127.0.0.1:{running.endpoint.metrics_port}/metrics"
        until = time.monotonic() + 30
        while 'code="CANCELLED"' not in (metrics := urllib.request.urlopen(page).read().decode()):
            assert time.monotonic() < until
        network.gate.set()
    method = 'method="/evoskeleton.v1.InferenceService/LiftKeypoints"'
    for code in ("DEADLINE_EXCEEDED", "CANCELLED"):
        assert f'evoskeleton_calls_total{{code="{code}",{method}}} 1.0' in metrics


class Patient:
    """A detector that takes as long as a test wants, and counts the pictures."""

    def __init__(self):
        self.gate, self.began, self.pictures = threading.Event(), threading.Event(), 0

    def detect(self, image, boxes=None, watch=None):
        self.pictures += 1
        self.began.set()
        assert self.gate.wait(30)
        return []


def test_pictures_wait_in_a_bounded_queue_that_forgets_who_has_gone(serve_here, connect, bundle):
    patient = Patient()
    detector = ServedDetector(patient, "patient", "1", "1" * 64)
    with serve_here(BundleSource(bundle), detector, most_queued_pictures=2) as running:
        stub, request = connect(running), pb.DetectPeopleRequest(image=picture())
        first = stub.DetectPeople.future(request)
        assert patient.began.wait(30)
        late = refused(stub.DetectPeople, request, timeout=0.3)
        until = time.monotonic() + 30
        while running.endpoint.queued_pictures > 1:
            assert time.monotonic() < until
        second = stub.DetectPeople.future(request)
        while (full := refused(stub.DetectPeople, request, timeout=0.3)).code() != EXHAUSTED:
            assert time.monotonic() < until
        patient.gate.set()
        assert first.result().width == second.result().width == 320
    assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert int(dict(full.trailing_metadata())["retry-after-ms"]) >= 10
    assert patient.pictures == 2


def test_a_server_that_stops_ends_the_calls_that_run(serve_here, connect):
    network = Gated()
    with serve_here(Given(network), drain_seconds=30) as running:
        stub = connect(running)
        call = stub.LiftKeypoints.future(lift_request(POINTS))
        assert network.began.wait(30)
        stopping = threading.Thread(target=lambda: running.wait_for(running.endpoint.stop()))
        stopping.start()
        try:
            until = time.monotonic() + 30
            while takes_calls(stub):
                assert time.monotonic() < until
        finally:
            network.gate.set()
        assert len(joints_of(call.result())) == 5
        stopping.join()


def test_http_calls_have_as_long_to_end_as_others(serve_here):
    network = Gated()
    with serve_here(Given(network), http_address="127.0.0.1:0", drain_seconds=30) as running:
        page = f"http://127.0.0.1:{running.endpoint.http_port}/evoskeleton.v1.InferenceService"
        body = json.dumps({"keypoints": {"values": POINTS.ravel().tolist()}}).encode()
        kind = {"content-type": "application/json"}
        lift = urllib.request.Request(f"{page}/LiftKeypoints", body, kind)
        with ThreadPoolExecutor(2) as pool:
            call = pool.submit(urllib.request.urlopen, lift, timeout=60)
            assert network.began.wait(30)
            stopping = pool.submit(lambda: running.wait_for(running.endpoint.stop()))
            try:
                with pytest.raises(TimeoutError):
                    call.result(timeout=7.0)
            finally:
                network.gate.set()
            assert len(json.load(call.result())["joints"]["values"]) == POINTS.size // 2 * 3
            stopping.result()


def takes_calls(stub) -> bool:
    try:
        stub.GetModel(pb.GetModelRequest())
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        return False
    return True


def test_health_and_reflection_answer_stock_clients(running):
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
        ProtoReflectionDescriptorDatabase,
    )

    with grpc.insecure_channel(running.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "evoskeleton.v1.InferenceService"):
            status = health.Check(health_pb2.HealthCheckRequest(service=name)).status
            assert status == health_pb2.HealthCheckResponse.SERVING
        names = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {"evoskeleton.v1.InferenceService", "grpc.health.v1.Health"} <= set(names)


def test_a_second_server_does_not_share_the_port(serve_here, running, bundle):
    with (
        pytest.raises(BadInput, match="cannot be listened on"),
        serve_here(BundleSource(bundle), address=running.address),
    ):
        pass
