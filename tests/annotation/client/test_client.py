"""The Python clients: what they try again, when they give up, and what they make of answers."""

import asyncio
import inspect
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

grpc = pytest.importorskip("grpc", reason="the extra `serve` is not installed")

from evoskeleton.annotation.client import (  # noqa: E402
    AsyncClient,
    CallSettings,
    Client,
    EndpointError,
    InvalidRequest,
    annotation_calls,
    managing_calls,  # noqa: E402
)
from evoskeleton.annotation.client import inference_calls as calls  # noqa: E402
from evoskeleton.annotation.generated import annotation_pb2  # noqa: E402
from evoskeleton.annotation.generated import inference_pb2 as pb  # noqa: E402
from evoskeleton.annotation.generated import inference_pb2_grpc as pb_grpc  # noqa: E402
from evoskeleton.annotation.generated.common_pb2 import Person  # noqa: E402
from evoskeleton.errors import BadInput  # noqa: E402

EAGER = CallSettings.parse({"timeout_s": 20.0, "first_pause_s": 0.01, "longest_pause_s": 0.05})


SOMEBODY = Person(
    id=3,
    keypoints=range(34),
    confidence=[0.5] * 17,
    visibility=[1.0] * 17,
    known=[True] * 17,
    joints=range(51),
)


class Scripted(pb_grpc.InferenceServiceServicer):
    """A peer that fails as the script says, one entry a call, and then answers."""

    def __init__(self, *script: tuple) -> None:
        self.script, self.seen = list(script), []

    def answer(self, context: grpc.ServicerContext, response: object) -> object:
        self.seen.append(dict(context.invocation_metadata()) | {"at": time.monotonic()})
        if self.script:
            code, sentence, *trailers = self.script.pop(0)
            context.set_trailing_metadata(tuple(trailers))
            context.abort(code, sentence)
        return response

    def GetModel(self, request, context):
        return self.answer(context, pb.GetModelResponse(joint_names=["Hip"]))

    def LiftKeypoints(self, request, context):
        points = np.frombuffer(request.keypoints.packed, "<f4").reshape(-1, 17, 2)
        joints = np.concatenate([points, points[..., :1]], axis=2)
        response = pb.LiftKeypointsResponse(
            error_radii_mm=range(17), hidden_error_radii_mm=range(100, 117)
        )
        response.joints.packed = joints.tobytes()
        response.model.weight_hash = "ab"
        return self.answer(context, response)

    def DetectPeople(self, request, context):
        boxes = [(box.x0, box.y0, box.x1, box.y1) for box in request.boxes]
        response = pb.DetectPeopleResponse(width=len(request.image), height=len(boxes))
        response.people.append(SOMEBODY)
        response.people[0].ClearField("joints")
        return self.answer(context, response)

    def EstimatePoses(self, request, context):
        response = pb.EstimatePosesResponse(
            people=[SOMEBODY], error_radii_mm=range(17), hidden_error_radii_mm=range(17)
        )
        response.model.version = "3"
        return self.answer(context, response)

    def StreamPoses(self, requests, context):
        for request in requests:
            response = pb.StreamPosesResponse(frame=request.frame)
            if request.image == b"broken":
                response.problem = "this is no picture"
            else:
                response.poses.people.append(SOMEBODY)
            yield self.answer(context, response)


@contextmanager
def listening(servicer: Scripted, port: int = 0) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4), options=(("grpc.so_reuseport", 0),))
    pb_grpc.add_InferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def waiting(address: str, call: calls.Call, **given: object) -> object:
    with Client(address, **{"settings": EAGER} | given) as client:
        return client.run(call)


def awaiting(address: str, call: calls.Call, **given: object) -> object:
    async def run() -> object:
        async with AsyncClient(address, **{"settings": EAGER} | given) as client:
            return await client.run(call)

    return asyncio.run(run())


@pytest.fixture(params=[waiting, awaiting])
def run(request) -> Callable:
    """Both clients: sends one call and gives its answer."""
    return request.param


UNAVAILABLE = (grpc.StatusCode.UNAVAILABLE, "starting")


def test_what_is_unavailable_is_tried_again(run):
    peer = Scripted(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)
    with listening(peer) as address:
        assert run(address, calls.served()).joint_names == ("Hip",)
    assert len(peer.seen) == 4


def test_a_busy_server_is_asked_again_when_it_said(run):
    busy = (grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", ("retry-after-ms", "200"))
    peer = Scripted(busy)
    with listening(peer) as address:
        run(address, calls.served())
    first, second = (call["at"] for call in peer.seen)
    assert second - first >= 0.2


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRequest),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, EndpointError),
        (grpc.StatusCode.UNAUTHENTICATED, EndpointError),
        (grpc.StatusCode.ABORTED, EndpointError),
        (grpc.StatusCode.INTERNAL, EndpointError),
    ],
)
def test_what_will_not_get_better_is_not_tried_again(run, code, kind):
    peer = Scripted((code, "a sentence"))
    with listening(peer) as address, pytest.raises(kind, match="a sentence") as refusal:
        run(address, calls.served())
    assert len(peer.seen) == 1 and refusal.value.code == code.name
    assert isinstance(refusal.value, BadInput) == (code is grpc.StatusCode.INVALID_ARGUMENT)


def test_a_server_that_never_comes_is_given_up_at_the_deadline(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EndpointError) as refusal:
            run(address, calls.served(), settings=EAGER.model_copy(update={"timeout_s": 0.5}))
    assert refusal.value.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


def test_the_number_of_attempts_is_bounded(run):
    peer = Scripted(*[UNAVAILABLE] * 9)
    with listening(peer) as address, pytest.raises(EndpointError, match="starting"):
        run(address, calls.served(), settings=EAGER.model_copy(update={"attempts": 3}))
    assert len(peer.seen) == 3


def test_a_server_that_goes_and_comes_back_is_not_noticed():
    with listening(Scripted()) as address:
        client = Client(address, settings=EAGER)
        client.served()
    with ThreadPoolExecutor(1) as pool, client:
        asked = pool.submit(client.served)
        with listening(Scripted(), int(address.rpartition(":")[2])):
            assert asked.result().joint_names == ("Hip",)


def test_a_token_is_sent_with_every_attempt(run):
    peer = Scripted(UNAVAILABLE)
    with listening(peer) as address:
        run(address, calls.served(), token="secret")
    assert [call["authorization"] for call in peer.seen] == ["Bearer secret"] * 2


def test_a_token_never_leaves_the_machine_unencrypted():
    with pytest.raises(BadInput, match="over TLS only"):
        Client("poses.example:443", token="secret")
    Client("poses.example:443", token="secret", tls=True).close()


@pytest.mark.parametrize(
    "address",
    ["localhost.attacker.example:443", "127.0.0.1.nip.io:443", "127.x:1", "unix.example:1"]
    + ["ipv4:127.0.0.1:1,10.0.0.1:1", "ipv6:[2001:db8::1]:1", "dns:///localhost.example:1", "::"],
)
def test_names_that_begin_like_this_machine_are_not_taken_for_it(address):
    with pytest.raises(BadInput, match="over TLS only"):
        Client(address, token="secret")


@pytest.mark.parametrize(
    "address",
    ["localhost:1", "127.0.0.1:1", "127.3.2.1:1", "[::1]:1", "ipv4:127.0.0.1:1,127.0.0.2:1"]
    + ["ipv6:[::1]:1", "dns:///localhost:1", "unix:/run/evoskeleton"],
)
def test_on_this_machine_a_token_needs_no_encryption(address):
    Client(address, token="secret").close()


def test_certificates_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(BadInput, match=r"none.pem: No such file"):
        Client(certificates=tmp_path / "none.pem")


def test_numpy_goes_in_and_comes_out(run):
    keypoints = np.arange(68.0).reshape(2, 17, 2)
    with listening(Scripted()) as address:
        lifted = run(address, calls.lift(keypoints))
    assert np.array_equal(lifted.joints[..., :2], keypoints) and lifted.joints.dtype == np.float32
    known = np.ones((2, 17), bool)
    known[1, 4] = False
    radii = lifted.error_radii.of(known)
    assert radii[0, 4] == 4 and radii[1, 4] == 104
    assert lifted.model == calls.Model("", "", "ab")


def test_people_of_a_picture_come_with_and_without_joints(run, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"12345")
    with listening(Scripted()) as address:
        found = run(address, calls.detect(tmp_path / "photo.jpg", np.ones((2, 4))))
        lifted = run(address, calls.estimate(b"12345"))
    assert (found.width, found.height) == (5, 2)
    assert found.model is None and found.people[0].joints is None
    (person,) = lifted.people
    assert lifted.model.version == "3" and person.known.dtype == bool and person.known.all()
    assert lifted.error_radii.of(person.known)[3] == 3


def test_a_stream_answers_frame_by_frame():
    images = [b"fine", b"broken", b"fine"]
    with listening(Scripted()) as address, Client(address) as client:
        frames = list(client.stream(images))
    assert [frame.number for frame in frames] == [0, 1, 2]
    assert frames[1].problem == "this is no picture" and frames[1].people is None
    (person,) = frames[2].people.people
    assert person.id == 3 and person.joints[16, 2] == 50 and person.keypoints[1, 0] == 2


def test_a_stream_can_be_awaited():
    async def live():
        for image in (b"fine", b"fine"):
            yield image

    async def run(address: str) -> list:
        async with AsyncClient(address) as client:
            return [frame.number async for frame in client.stream(live())]

    with listening(Scripted()) as address:
        assert asyncio.run(run(address)) == [0, 1]


def test_a_stream_that_fails_is_told():
    peer = Scripted((grpc.StatusCode.PERMISSION_DENIED, "no"))
    refusal = pytest.raises(EndpointError, match="PERMISSION_DENIED: no")
    with listening(peer) as address, Client(address) as client, refusal:
        list(client.stream([b"fine"]))


def test_images_that_are_not_there_and_odd_boxes_are_told(tmp_path):
    with pytest.raises(BadInput, match=r"none.jpg: No such file"):
        calls.estimate(tmp_path / "none.jpg")
    with pytest.raises(BadInput, match=r"boxes should be \(people, 4\), got \(2, 3\)"):
        calls.detect(b"", np.zeros((2, 3)))


def test_a_client_needs_neither_torch_nor_ray():
    code = (
        "import sys, evoskeleton.annotation.client.client;"
        "print(sorted({'torch', 'ray', 'mlflow', 'pyarrow'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.strip() == "[]", out.stderr


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_function_that_makes_a_call_is_a_method_of_both_clients(client):
    for module in (calls, annotation_calls):
        for name, make in vars(module).items():
            gives = getattr(make, "__annotations__", {}).get("return")
            if not name.startswith("_") and getattr(gives, "__origin__", None) is calls.Call:
                assert getattr(client, name).__doc__ == make.__doc__


@pytest.mark.parametrize("service", [pb, annotation_pb2])
def test_every_method_of_the_services_has_a_call(service):
    (described,) = service.DESCRIPTOR.services_by_name.values()
    wanted = {method.name for method in described.methods if not method.server_streaming}
    sources = "".join(
        inspect.getsource(module) for module in (calls, annotation_calls, managing_calls)
    )
    assert [name for name in sorted(wanted) if f'"{name}"' not in sources] == []


def test_a_method_takes_what_its_function_takes():
    with listening(Scripted()) as address, Client(address, settings=EAGER) as client:
        assert inspect.signature(client.lift) == inspect.signature(calls.lift)
        assert client.served().joint_names == ("Hip",)
