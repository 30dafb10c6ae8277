"""Who is let in, and what the commands `serve` and `token` say and do: real processes, real TLS."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from evoskeleton.annotation.domain.addresses import is_loopback
from evoskeleton.annotation.generated import inference_pb2 as pb
from evoskeleton.annotation.generated.inference_pb2_grpc import InferenceServiceStub
from evoskeleton.annotation.server import auth as gate
from evoskeleton.annotation.server.auth import needed_scope
from evoskeleton.annotation.server.tokens import Tokens
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import read_description

INVALID = grpc.StatusCode.INVALID_ARGUMENT
ASK = pb.GetModelRequest()
LIFT = pb.LiftKeypointsRequest(keypoints={"packed": np.ones((1, 17, 2), "<f4").tobytes()})


@pytest.fixture
def tokens(tmp_path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


def bearer(token: str) -> dict:
    return {"metadata": (("authorization", f"Bearer {token}"),)}


def status(call, request, **named) -> grpc.StatusCode:
    try:
        call(request, timeout=30, **named)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_the_file_holds_no_token_and_is_the_owners_alone(tokens, tmp_path):
    secret = tokens.add("ann", ["infer", "annotate"])
    path = tmp_path / "tokens.json"
    assert secret not in path.read_text() and secret[4:] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    (token,) = tokens.list()
    assert (token.name, token.scopes) == ("ann", ("infer", "annotate"))
    assert tokens.find(secret) == token
    assert tokens.find(secret + "x") is tokens.find("") is None


def test_a_token_needs_a_new_name_and_known_scopes(tokens):
    tokens.add("ann", ["infer"])
    with pytest.raises(BadInput, match="a token ann already"):
        tokens.add("ann", ["infer"])
    with pytest.raises(BadInput, match="one of infer, annotate, admin, got root"):
        tokens.add("bob", ["root"])
    with pytest.raises(BadInput, match="no token bob: there are ann"):
        tokens.revoke("bob")


def test_services_that_nobody_gave_a_scope_need_admin():
    assert needed_scope("/evoskeleton.v1.InferenceService/GetModel") == "infer"
    assert needed_scope("/evoskeleton.v1.InferenceService/RefreshModel") == "admin"
    assert needed_scope("/evoskeleton.v1.AnnotationService/LeaseImage") == "annotate"
    assert needed_scope("/evoskeleton.v2.Other/Method") == "admin"


def test_calls_need_a_known_token_with_the_scope(serve_here, make_bundle, tokens, tmp_path):
    infer, admin = tokens.add("a", ["infer"]), tokens.add("b", ["admin"])
    source = BundleSource(make_bundle())
    with (
        serve_here(source, tokens=tmp_path / "tokens.json") as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        stub = InferenceServiceStub(channel)
        refresh = pb.RefreshModelRequest()
        denied = grpc.StatusCode.PERMISSION_DENIED
        for named in ({}, bearer("wrong"), bearer(""), {"metadata": (("authorization", infer),)}):
            assert status(stub.GetModel, ASK, **named) == grpc.StatusCode.UNAUTHENTICATED
        assert status(stub.GetModel, ASK, **bearer(infer)) == grpc.StatusCode.OK
        assert status(stub.LiftKeypoints, LIFT, **bearer(admin)) == denied
        assert status(stub.RefreshModel, refresh, **bearer(infer)) == denied
        assert status(stub.RefreshModel, refresh, **bearer(admin)) == grpc.StatusCode.OK
        with pytest.raises(grpc.RpcError) as raised:
            list(stub.StreamPoses(iter([])))
        assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED
        raw = channel.unary_unary("/evoskeleton.v1.InferenceService/LiftKeypoints")
        assert status(raw, b"\xff\xff") == grpc.StatusCode.UNAUTHENTICATED


def held_open(channel, method: str, count: int) -> list:
    """Calls that send headers and no message, as long as the channel is open."""
    waiting = threading.Event()

    def nothing():
        waiting.wait(60)
        yield from ()

    return [channel.stream_stream(method)(nothing()) for _ in range(count)]


@pytest.mark.parametrize(
    "method",
    [
        "evoskeleton.v1.InferenceService/GetModel",
        "evoskeleton.v1.InferenceService/StreamPoses",
        "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_calls_without_a_token_end_before_they_send_anything(
    serve_here, make_bundle, tokens, tmp_path, method, monkeypatch
):
    monkeypatch.setattr(gate, "_CHECK_S", 1.0)
    secret = tokens.add("a", ["infer"])
    source, kept = BundleSource(make_bundle()), {"tokens": tmp_path / "tokens.json"}
    with (
        serve_here(source, most_calls=2, drain_seconds=0.5, **kept) as running,
        grpc.insecure_channel(running.address) as channel,
        grpc.insecure_channel(running.address) as other,
    ):
        calls = held_open(channel, f"/{method}", 12)
        assert {call.code() for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}
        ask = InferenceServiceStub(other).GetModel
        assert status(ask, ASK, **bearer(secret)) == grpc.StatusCode.OK


def test_the_health_check_is_open_and_few_may_wait(
    serve_here, make_bundle, tokens, tmp_path, monkeypatch
):
    monkeypatch.setattr(gate, "MOST_CHECKS", 3)
    monkeypatch.setattr(gate, "_CHECK_S", 3.0)
    secret, check = tokens.add("a", ["infer"]), health_pb2.HealthCheckRequest()
    source, kept = BundleSource(make_bundle()), {"tokens": tmp_path / "tokens.json"}
    with (
        serve_here(source, most_calls=2, **kept) as running,
        grpc.insecure_channel(running.address) as channel,
        grpc.insecure_channel(running.address) as other,
    ):
        health = health_pb2_grpc.HealthStub(other)
        assert health.Check(check).status == health_pb2.HealthCheckResponse.SERVING
        unknown = health_pb2.HealthCheckRequest(service="nothing")
        assert status(health.Check, unknown) == grpc.StatusCode.NOT_FOUND
        raw = other.unary_unary("/grpc.health.v1.Health/Check")
        assert status(raw, b"\xff\xff") == INVALID
        calls = held_open(channel, "/grpc.health.v1.Health/Check", 12)
        until = time.monotonic() + 30
        while sum(call.done() for call in calls) < 9:
            assert time.monotonic() < until
        ask = InferenceServiceStub(other).GetModel
        assert status(ask, ASK, **bearer(secret)) == grpc.StatusCode.OK
        assert Counter(call.code().name for call in calls) == {
            "DEADLINE_EXCEEDED": 3, "RESOURCE_EXHAUSTED": 9,
        }  # fmt: skip
        assert health.Check(check).status == health_pb2.HealthCheckResponse.SERVING


def test_over_http_a_token_is_asked_for_before_a_body_is_read(
    serve_here, make_bundle, tokens, tmp_path
):
    secret = tokens.add("a", ["infer"])
    kept = {"tokens": tmp_path / "tokens.json", "http_address": "127.0.0.1:0"}
    kept["metrics_address"] = "127.0.0.1:0"

    def head(method: str, token: str) -> bytes:
        """The answer to headers that say that a long body follows."""
        words = f"POST /evoskeleton.v1.InferenceService/{method} HTTP/1.1\r\nHost: localhost\r\n"
        words += f"Content-Type: application/proto\r\nAuthorization: Bearer {token}\r\n"
        with socket.create_connection(("127.0.0.1", running.endpoint.http_port), 20) as caller:
            caller.sendall(f"{words}Content-Length: 1000000\r\n\r\n".encode())
            return caller.recv(10_000)

    with serve_here(BundleSource(make_bundle()), **kept) as running:
        assert b"401" in head("GetModel", "wrong").partition(b"\r\n")[0]
        assert b"403" in head("RefreshModel", secret).partition(b"\r\n")[0]
        page = f"http://127.0.0.1:{running.endpoint.metrics_port}/metrics"
        metrics = urllib.request.urlopen(page, timeout=30).read().decode()
    for code, method in (("UNAUTHENTICATED", "GetModel"), ("PERMISSION_DENIED", "RefreshModel")):
        assert f'code="{code}",method="/evoskeleton.v1.InferenceService/{method}"}} 1.0' in metrics


def test_any_token_may_ask_by_reflection(serve_here, make_bundle, tokens, tmp_path):
    secret = tokens.add("a", ["infer"])
    source, kept = BundleSource(make_bundle()), {"tokens": tmp_path / "tokens.json"}
    with (
        serve_here(source, **kept) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (answer,) = stub.ServerReflectionInfo(iter([ask]), **bearer(secret))
        names = {service.name for service in answer.list_services_response.service}
    assert "evoskeleton.v1.InferenceService" in names


def test_a_revoked_token_ends_at_once_and_a_damaged_file_lets_nobody_in(
    serve_here, make_bundle, tokens, tmp_path
):
    gone, kept = tokens.add("a", ["infer"]), tokens.add("b", ["infer"])
    with (
        serve_here(BundleSource(make_bundle()), tokens=tmp_path / "tokens.json") as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        ask = InferenceServiceStub(channel).GetModel
        assert status(ask, ASK, **bearer(gone)) == grpc.StatusCode.OK
        tokens.revoke("a")
        assert status(ask, ASK, **bearer(gone)) == grpc.StatusCode.UNAUTHENTICATED
        assert status(ask, ASK, **bearer(kept)) == grpc.StatusCode.OK
        (tmp_path / "tokens.json").write_text("{")
        assert status(ask, ASK, **bearer(kept)) == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("address", "inside"),
    [("127.0.0.1:1", True), ("[::1]:1", True), ("localhost:1", True), ("0.0.0.0:1", False)]
    + [("[::]:1", False), ("10.0.0.3:1", False), ("localhost.example:1", False)],
)
def test_what_others_can_reach_is_known(address, inside):
    assert is_loopback(address) == inside


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is absent")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", *words.split(), *name, *files], check=True, capture_output=True)
    return cert, key


def test_tls_is_spoken_with_those_who_trust_the_certificate(serve_here, make_bundle, certificate):
    cert, key = certificate
    with serve_here(BundleSource(make_bundle()), tls_cert=cert, tls_key=key) as running:
        target = f"localhost:{running.endpoint.port}"
        trusting = grpc.ssl_channel_credentials(cert.read_bytes())
        with grpc.secure_channel(target, trusting) as channel:
            assert status(InferenceServiceStub(channel).GetModel, ASK) == grpc.StatusCode.OK
        with grpc.insecure_channel(target) as channel:
            refused = status(InferenceServiceStub(channel).GetModel, ASK)
    assert refused == grpc.StatusCode.UNAVAILABLE


def said(capsys, *arguments: object) -> str:
    """What a refused command says on standard error."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    words = capsys.readouterr().err
    assert exit_.value.code == 2 and "Traceback" not in words
    return " ".join(words.split())


def test_mistakes_of_serve_are_told_in_one_sentence(capsys, tmp_path, make_bundle, certificate):
    bundle, (cert, key) = make_bundle(), certificate
    (tmp_path / "words.json").write_text("words")
    started = ("serve", "--bundle", bundle, "--no-detector", "--address")
    cases = {
        ("serve", "--bundle", tmp_path / "none"): "none/bundle.json: No such file",
        ("serve", "--home", tmp_path / "empty", "--model", "m"): "none is registered yet",
        ("serve", "--bundle", bundle, "--model", "m"): "leave out --model",
        ("serve", "--tracking-uri", "ftp://x"): "should start with one of sqlite",
        (*started, "nowhere"): "host:port, such as 127.0.0.1:50051, got nowhere",
        (*started, "0.0.0.0:0"): "needs --tls-cert, --tls-key, --tokens",
        (*started, "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key): "needs --tokens",
        (*started, "127.0.0.1:0", "--tls-cert", cert): "both --tls-cert and --tls-key",
        (*started, "127.0.0.1:0", "--tls-cert", key, "--tls-key", key): "certificate and its key",
        (*started, "127.0.0.1:0", "--tokens", tmp_path / "no"): "token file",
        (*started, "127.0.0.1:0", "--tokens", tmp_path / "words.json"): "should be JSON",
        (*started, "127.0.0.1:0", "--set", "most_poses=0"): "most_poses",
        (*started, "127.0.0.1:0", "--set", "mostposes=1"): "did you mean most_poses?",
        (*started, "127.0.0.1:0", "--metrics-address", "127.0.0.1:99999"): "host:port",
        ("token", "add", "ann", "--scope", "root", "--tokens", tmp_path / "t"): "got root",
        ("token", "list", "--tokens", tmp_path / "none"): "No such file",
        ("token", "revoke", "ann", "--tokens", tmp_path / "words.json"): "should be JSON",
    }
    for arguments, sentence in cases.items():
        assert sentence in said(capsys, *arguments), arguments
    assert not (tmp_path / "t").exists()


def test_without_the_extra_the_commands_say_what_is_missing():
    code = (
        "import sys; sys.modules['grpc'] = None; from evoskeleton.cli import main; main(['serve'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "the endpoint needs grpc, which is not installed" in done.stderr


class Process:
    """A running `evoskeleton serve`."""

    def __init__(self, process, port, metrics_port):
        self.process, self.address, self.metrics_port = process, f"127.0.0.1:{port}", metrics_port


@contextmanager
def started(*arguments: object):
    """`evoskeleton serve` on free ports, in a process of its own."""
    ports = ("--address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0", "--no-detector")
    command = [sys.executable, "-m", "evoskeleton.cli", "serve", *map(str, arguments), *ports]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"on port (\d+), metrics on port (\d+)", line)
        assert found, process.communicate(timeout=60)
        yield Process(process, *found.groups())
    finally:
        process.kill()
        process.communicate(timeout=60)


def test_the_command_serves_a_bundle_and_ends_in_order(make_bundle, tokens, tmp_path):
    secret, wrong = tokens.add("ann", ["infer"]), "evo_wrong_token"
    bundle = make_bundle()
    files = ("--bundle", bundle / "bundle.json", "--tokens", tmp_path / "tokens.json")
    with started(*files) as server:
        with grpc.insecure_channel(server.address) as channel:
            stub = InferenceServiceStub(channel)
            answer = stub.LiftKeypoints(LIFT, **bearer(secret))
            assert answer.model.weight_hash == read_description(bundle)["weight_hash"]
            assert status(stub.GetModel, ASK, **bearer(wrong)) == grpc.StatusCode.UNAUTHENTICATED
            empty = pb.LiftKeypointsRequest()
            assert status(stub.LiftKeypoints, empty, **bearer(secret)) == INVALID
        page = f"http://127.0.0.1:{server.metrics_port}/metrics"
        metrics = urllib.request.urlopen(page, timeout=30).read().decode()
        maps = Path(f"/proc/{server.process.pid}/maps")
        assert not maps.exists() or "/ray/" not in maps.read_text()
        server.process.send_signal(signal.SIGTERM)
        _, log = server.process.communicate(timeout=60)
        assert server.process.returncode == 0, log
    assert 'code="OK",method="/evoskeleton.v1.InferenceService/LiftKeypoints"} 1.0' in metrics
    assert answer.model.weight_hash in metrics
    lines = [json.loads(line) for line in log.splitlines()]
    calls = [(line["code"], line["caller"]) for line in lines if "code" in line]
    assert calls == [("UNAUTHENTICATED", ""), ("INVALID_ARGUMENT", "ann")]
    assert secret not in log + metrics and wrong not in log + metrics


@pytest.mark.slow
def test_the_command_serves_the_champion_of_the_registry(make_bundle, tmp_path):
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.platform.record.tracking import Tracker, TrackingSettings

    home = tmp_path / "home"
    run = Tracker(TrackingSettings(), home).start("served", {"seed": 1})
    registry = Registry(TrackingSettings(), home)
    registry.register(make_bundle("a", seed=1), "evoskeleton-c", {"mpjpe": 50.0}, run)
    with (
        started("--home", home, "--set", "refresh_seconds=1000") as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        stub = InferenceServiceStub(channel)
        first = stub.GetModel(ASK)
        registry.register(make_bundle("b", seed=2), "evoskeleton-c", {"mpjpe": 40.0}, run)
        assert stub.GetModel(ASK).model == first.model
        assert stub.RefreshModel(pb.RefreshModelRequest()).changed
        second = stub.GetModel(ASK)
        registry.rollback("evoskeleton-c")
        assert stub.RefreshModel(pb.RefreshModelRequest()).model == first.model
        maps = Path(f"/proc/{server.process.pid}/maps")
        assert not maps.exists() or "/ray/" not in maps.read_text()
    assert (first.model.name, first.model.version) == ("evoskeleton-c", "1")
    assert first.errors_mm == {"mpjpe": 50.0} and second.errors_mm == {"mpjpe": 40.0}
    assert second.model.version == "2" and second.model.weight_hash != first.model.weight_hash
