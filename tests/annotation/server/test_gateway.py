"""The gateway for browsers: calls go through to gRPC as they are, and nothing else does."""

import asyncio
import base64
import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse

import pytest

grpc = pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("starlette", reason="the extra `serve` is not installed")

from google.protobuf.any_pb2 import Any as AnyMessage  # noqa: E402
from google.rpc.status_pb2 import Status  # noqa: E402
from starlette.staticfiles import StaticFiles  # noqa: E402

from evoskeleton.annotation.domain.rpc_errors import RpcError  # noqa: E402
from evoskeleton.annotation.generated import inference_pb2 as pb  # noqa: E402
from evoskeleton.annotation.generated import inference_pb2_grpc as pb_grpc  # noqa: E402
from evoskeleton.annotation.server.http import connect as gateway  # noqa: E402
from evoskeleton.annotation.server.http import http_server  # noqa: E402

SERVICE = "evoskeleton.v1.InferenceService"
SERVICES = list(pb.DESCRIPTOR.services_by_name.values())
MOST_BYTES = 100_000
HEAD = (
    f"POST /{SERVICE}/GetModel HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
).encode()


class Peer(pb_grpc.InferenceServiceServicer):
    """Answers LiftKeypoints with what it was sent; GetModel with what it was told."""

    def __init__(self) -> None:
        self.token, self.deadline, self.failure = None, None, None
        self.ready = threading.Event()
        self.ready.set()
        self.began, self.gone = threading.Event(), threading.Event()

    def LiftKeypoints(self, request, context):
        headers = dict(context.invocation_metadata())
        self.token, self.deadline = headers.get("authorization"), context.time_remaining()
        return pb.LiftKeypointsResponse(joints=request.keypoints, approximated=[request.schema])

    def GetModel(self, request, context):
        context.add_callback(self.gone.set)
        self.began.set()
        self.ready.wait(20)
        if self.failure:
            code, sentence, trailers = self.failure
            context.set_trailing_metadata(trailers)
            context.abort(code, sentence)
        context.set_trailing_metadata((("seen", "yes"),))
        return pb.GetModelResponse()


class Stand:
    """A gateway on a free port, in a loop and thread of its own, and the peer behind it."""

    def __init__(self, peer: Peer, port: int, end: Callable[[], None]) -> None:
        self.peer, self.port, self.end = peer, port, end

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple:
        """Status, headers and body of one request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def post(self, name: str, message: object, **headers: str) -> tuple:
        """Status, headers and JSON of one Connect call in JSON."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = {"content_type": "application/json"} | headers
        status, given, answer = self.request("POST", f"/{SERVICE}/{name}", body, **headers)
        return status, given, json.loads(answer)


@contextmanager
def running(drain_seconds: float = 5.0, **options: object) -> Iterator[Stand]:
    peer, server = Peer(), grpc.server(ThreadPoolExecutor(4))
    pb_grpc.add_InferenceServiceServicer_to_server(peer, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    started, ports, ends = threading.Event(), [], []

    async def serve() -> None:
        end = asyncio.Event()
        ends.append((asyncio.get_running_loop(), end))
        async with grpc.aio.insecure_channel(address) as channel:
            app = gateway.gateway_app(channel, SERVICES, **{"most_bytes": MOST_BYTES} | options)
            async with http_server.serving(app, drain_seconds=drain_seconds) as port:
                ports.append(port)
                started.set()
                await end.wait()

    def end() -> None:
        loop, ended = ends[0]
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    try:
        assert started.wait(20)
        yield Stand(peer, ports[0], end)
    finally:
        end()
        thread.join(20)
        server.stop(None)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def shared() -> Iterator[Stand]:
    with running() as stand:
        yield stand


@pytest.fixture
def stand(shared) -> Stand:
    shared.peer.__init__()
    return shared


@pytest.fixture
def pages(tmp_path) -> Iterator[Stand]:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "index.html").write_text("<p>annotate</p>")
    (folder / "app.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    with running(files=StaticFiles(directory=folder, html=True)) as stand:
        yield stand


def test_a_call_in_json_goes_through(stand):
    message = {"schema": "coco", "keypoints": {"values": [1.5, "NaN"]}}
    status, headers, answer = stand.post("LiftKeypoints", message)
    assert status == 200 and headers["content-type"] == "application/json"
    assert answer == {"joints": {"values": [1.5, "NaN"]}, "approximated": ["coco"]}


def test_a_call_in_protobuf_goes_through_untouched(stand):
    request = pb.LiftKeypointsRequest(schema="coco").SerializeToString() + b"\xfa\x3e\x01x"
    path, kind = f"/{SERVICE}/LiftKeypoints", "application/proto"
    status, headers, body = stand.request("POST", path, request, content_type=kind)
    assert status == 200 and headers["content-type"] == kind
    assert pb.LiftKeypointsResponse.FromString(body).approximated == ["coco"]


def test_the_token_and_the_deadline_go_along(stand):
    stand.post("LiftKeypoints", {}, authorization="Bearer x", connect_timeout_ms="5000")
    assert stand.peer.token == "Bearer x" and 0 < stand.peer.deadline < 6
    stand.post("LiftKeypoints", {})
    assert stand.peer.token is None


@pytest.mark.parametrize("token", ["Bearer \xe9", "Bearer \x7f", "Bearer a\tb"])
def test_a_token_that_cannot_be_one_is_told(stand, token):
    status, _, answer = stand.post("LiftKeypoints", {}, authorization=token)
    assert status == 401 and answer["code"] == "unauthenticated"


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.value[0]])
def test_a_status_comes_back_as_connect_words_it(stand, code):
    stand.peer.failure = code, "a sentence", (("retry-after-ms", "250"),)
    status, headers, answer = stand.post("GetModel", {})
    name = {"CANCELLED": "canceled"}.get(code.name, code.name.lower())
    assert answer == {"code": name, "message": "a sentence"}
    assert status == gateway.HTTP_STATUS[code] >= 400
    assert headers["trailer-retry-after-ms"] == "250"


def test_a_mistake_of_the_gateway_shows_nothing_of_itself(stand, monkeypatch):
    monkeypatch.setattr(gateway, "_to_json", lambda *_: 1 / 0)
    status, _, answer = stand.post("GetModel", {})
    assert status == 500 and answer["code"] == "internal" and "division" not in answer["message"]


def test_details_of_a_status_come_along(stand):
    rich = Status(code=3, message="m")
    rich.details.append(AnyMessage(type_url="type.googleapis.com/a.B", value=b"\x01\x02"))
    trailers = (("grpc-status-details-bin", rich.SerializeToString()),)
    stand.peer.failure = grpc.StatusCode.INVALID_ARGUMENT, "m", trailers
    (detail,) = stand.post("GetModel", {})[2]["details"]
    assert detail["type"] == "a.B" and base64.b64decode(detail["value"] + "==") == b"\x01\x02"


def test_trailers_of_an_answer_come_as_headers(stand):
    assert stand.post("GetModel", {})[1]["trailer-seen"] == "yes"


def test_a_deadline_that_passes_is_told(stand):
    stand.peer.ready.clear()
    status, _, answer = stand.post("GetModel", {}, connect_timeout_ms="50")
    stand.peer.ready.set()
    assert status == 504 and answer["code"] == "deadline_exceeded"


@pytest.mark.parametrize(
    "given", ["-1", "1.5", "soon", "99999999999", "\u0663".encode().decode("latin1")]
)
def test_an_odd_deadline_is_told(stand, given):
    status, _, answer = stand.post("GetModel", {}, connect_timeout_ms=given)
    assert status == 400 and "connect-timeout-ms should be" in answer["message"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"[1]", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b'{"nothing": 1}', "nothing"),
        (b'{"width": -1}', "width"),
        (b'{"width": 1e999}', "width"),
        (b'{"schema": 5}', "schema"),
        (b'{"width": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b"[" * 50_000, "cannot be read"),
        (b'{"keypoints":' * 5000, "cannot be read"),
    ],
)
def test_json_that_is_no_request_is_told(stand, body, reason):
    status, _, answer = stand.post("LiftKeypoints", body)
    assert status == 400 and answer["code"] == "invalid_argument"
    assert (
        "LiftKeypointsRequest cannot be read" in answer["message"] and reason in answer["message"]
    )
    assert len(answer["message"]) < 500


def test_json_of_very_many_numbers_is_refused_unread():
    with running(most_bytes=10_000_000) as wide:
        status, _, answer = wide.post("LiftKeypoints", b"[" + b"1," * 600_000 + b"1]")
    assert status == 429 and "at most 500000 values" in answer["message"]


def test_random_bytes_get_a_status_and_others_are_served(stand):
    chance = random.Random(7)
    for _ in range(300):
        body = chance.randbytes(chance.randrange(200))
        kind = chance.choice(["application/json", "application/proto", "text/plain", ""])
        path = f"/{SERVICE}/{chance.choice(['LiftKeypoints', 'GetModel', 'StreamPoses', 'None'])}"
        status, _, answer = stand.request("POST", path, body, content_type=kind)
        assert status == 200 or json.loads(answer)["message"], (path, kind, body)
    assert stand.post("GetModel", {})[0] == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_read(stand):
    with socket.create_connection(("127.0.0.1", stand.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Content-Length: 99999999999\r\n\r\n")
        assert b"429" in connection.recv(1000)


def test_who_may_not_call_is_told_before_a_body_is_read():
    def permit(path: str, authorization: str | None) -> None:
        if authorization != "Bearer good":
            raise RpcError(grpc.StatusCode.UNAUTHENTICATED, f"{path} needs a token")

    with running(permit=permit) as closed:
        with socket.create_connection(("127.0.0.1", closed.port), timeout=20) as connection:
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
            assert b"401" in connection.recv(12)
        assert closed.post("GetModel", {}, authorization="Bearer good")[0] == 200


def test_bodies_are_bounded_all_together(monkeypatch):
    monkeypatch.setattr(gateway, "MOST_BODIES", 1)
    with running() as stand, ExitStack() as stack:
        for _ in range(2):
            connection = socket.create_connection(("127.0.0.1", stand.port), timeout=20)
            stack.enter_context(connection)
            connection.sendall(HEAD + b"Content-Length: 99000\r\n\r\n" + bytes(60_000))
        assert b"429" in connection.recv(1000), "the second"
        status, _, answer = stand.post("GetModel", {})
        assert status == 200, answer


def test_a_caller_who_leaves_cancels_the_call(stand):
    stand.peer.ready.clear()
    with socket.create_connection(("127.0.0.1", stand.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        assert stand.peer.began.wait(20)
    assert stand.peer.gone.wait(20)
    stand.peer.ready.set()


def test_a_call_that_is_cut_off_is_told():
    with running(drain_seconds=0.0) as stand:
        stand.peer.ready.clear()
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(stand.post, "GetModel", {})
            assert stand.peer.began.wait(20)
            stand.end()
            status, _, answer = call.result()
        stand.peer.ready.set()
    assert status == 503 and answer["message"] == "the server is being shut down"


def test_a_body_without_a_length_is_counted(stand):
    with socket.create_connection(("127.0.0.1", stand.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"20000\r\n" + b" " * 0x20000 + b"\r\n")
        assert b"429" in connection.recv(1000)


def test_a_body_in_very_many_pieces_is_refused_and_one_in_fewer_is_taken(stand):
    for pieces, status in ((900, 200), (30_000, 400)):
        body = b"1\r\n \r\n" * pieces + b"2\r\n{}\r\n0\r\n\r\n"
        with socket.create_connection(("127.0.0.1", stand.port), 20) as connection:
            head = f"POST /{SERVICE}/GetModel HTTP/1.1\r\nHost: localhost\r\n"
            head += "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
            with suppress(OSError):
                connection.sendall(head.encode() + body)
            answer = HTTPResponse(connection)
            answer.begin()
            assert answer.status == status


def test_a_slow_client_is_refused_and_others_are_served_meanwhile(stand, monkeypatch):
    monkeypatch.setattr(gateway, "BODY_TIMEOUT_S", 0.3)
    with socket.create_connection(("127.0.0.1", stand.port), timeout=20) as connection:
        connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n{")
        assert stand.post("GetModel", {})[0] == 200
        assert b"504" in connection.recv(1000)


@pytest.mark.parametrize("first", [b"", b"POST / HT", HEAD + b"Content-Length: 2\r\n\r\n{}GET /"])
def test_a_client_that_never_gets_to_the_point_is_left(monkeypatch, first):
    monkeypatch.setattr(http_server, "REQUEST_TIMEOUT_S", 0.2)
    monkeypatch.setattr(http_server, "FIRST_REQUEST_S", 0.4)
    with running() as stand:
        with socket.create_connection(("127.0.0.1", stand.port), timeout=20) as connection:
            connection.sendall(first)
            while connection.recv(1000):
                pass
        assert stand.post("GetModel", {})[0] == 200


def test_a_client_that_leaves_in_the_middle_harms_nobody(stand):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", stand.port)) as connection:
            connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n{")
    assert stand.post("GetModel", {})[0] == 200


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("Nothing", 501, "there is no method"),
        ("StreamPoses", 501, "is a stream"),
    ],
)
def test_methods_that_cannot_be_called_are_told(stand, name, code, sentence):
    status, _, answer = stand.post(name, {})
    assert status == code and answer["code"] == "unimplemented" and sentence in answer["message"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_encoding": "gzip"}, 501),
        ({"connect_protocol_version": "2"}, 501),
    ],
)
def test_forms_that_are_not_spoken_are_told(stand, headers, code):
    assert stand.post("GetModel", {}, **headers)[0] == code


def test_calls_want_post(stand):
    assert stand.request("GET", f"/{SERVICE}/GetModel")[0] == 405


def test_pages_are_served_and_nothing_beside_them(pages):
    assert pages.request("GET", "/")[2] == b"<p>annotate</p>"
    status, headers, body = pages.request("GET", "/app.js")
    assert (status, body) == (200, b"1") and headers["x-content-type-options"] == "nosniff"
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//secret.txt",
                 "/link.txt", "/app.js/../../secret.txt", "/%00"):  # fmt: skip
        status, _, body = pages.request("GET", path)
        assert status in (400, 404) and b"secret" not in body, path
    assert pages.post("GetModel", {})[0] == 200


def test_without_pages_there_are_none(stand):
    assert stand.request("GET", "/index.html")[0] == 404


def test_pages_from_elsewhere_may_not_call_unless_they_are_named(stand):
    asked = {"origin": "https://a.example", "access_control_request_method": "POST"}
    path = f"/{SERVICE}/GetModel"
    status, headers, _ = stand.request("OPTIONS", path, **asked)
    assert status >= 400 and "access-control-allow-origin" not in headers
    assert "access-control-allow-origin" not in stand.post("GetModel", {}, **asked)[1]
    with running(origins=["https://a.example"]) as open_stand:
        headers = open_stand.request("OPTIONS", path, **asked)[1]
        assert headers["access-control-allow-origin"] == "https://a.example"
        called = {"origin": "https://a.example", "content_type": "application/json"}
        headers = open_stand.request("POST", path, b"{}", **called)[1]
        read = headers["access-control-expose-headers"]
        assert {"etag", "trailer-current-revision"} <= {*read.split(", ")}
        other = open_stand.request("OPTIONS", path, **asked | {"origin": "https://b.example"})[1]
        assert "access-control-allow-origin" not in other


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:1", 200), ("[::1]:5", 200), ("evil.example", 400), ("", 400)],
)
def test_on_loopback_only_the_names_of_loopback_are_answered(stand, host, status):
    kind = {"content_type": "application/json"}
    path = f"/{SERVICE}/GetModel"
    assert stand.request("POST", path, b"{}", host=host, **kind)[0] == status


def test_a_port_that_is_taken_is_told(stand):
    async def again() -> None:
        app = gateway.gateway_app(grpc.aio.insecure_channel("127.0.0.1:1"), SERVICES)
        async with http_server.serving(app, port=stand.port):
            pass

    with pytest.raises(OSError):
        asyncio.run(again())
