"""What starts, watches and replaces servers: probes, waiting, certificates, old connections."""

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from evoskeleton.annotation.client import Client
from evoskeleton.annotation.client.health import problem_of
from evoskeleton.annotation.generated import inference_pb2 as pb
from evoskeleton.annotation.generated.inference_pb2_grpc import InferenceServiceStub
from evoskeleton.annotation.serving.champions import BundleSource, Champions
from evoskeleton.errors import BadInput

LOOPBACK = "127.0.0.1:0"
POSE = np.ones((1, 17, 2), np.float32)


def probe(running, path: str) -> tuple[int, str]:
    page = f"http://127.0.0.1:{running.endpoint.metrics_port}{path}"
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode().strip()


def until(condition, seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.05)


def test_the_probes_tell_alive_from_ready(serve_here, make_bundle):
    with serve_here(BundleSource(make_bundle()), metrics_address=LOOPBACK) as running:
        assert probe(running, "/livez") == (200, "ok")
        assert probe(running, "/readyz") == (200, "ok")
        assert "evoskeleton_calls_running 0.0" in probe(running, "/metrics")[1]
        running.endpoint._stopping = True
        assert probe(running, "/readyz") == (503, "the server is being stopped")
        assert probe(running, "/livez") == (200, "ok")


def test_a_server_whose_event_loop_hangs_is_not_alive(serve_here, make_bundle):
    with serve_here(BundleSource(make_bundle()), metrics_address=LOOPBACK) as running:
        hang = threading.Event()
        running.loop.call_soon_threadsafe(hang.wait, 60)
        try:
            code, words = probe(running, "/livez")
        finally:
            hang.set()
        assert code == 503 and "no answer of the event loop within 3 s" in words
        assert probe(running, "/livez") == (200, "ok")


def test_a_server_that_waits_for_its_champion_is_alive_and_gets_ready(
    serve_here, make_bundle, tmp_path
):
    folder = tmp_path / "later"
    more = {"wait": True, "refresh_seconds": 0.05, "metrics_address": LOOPBACK}
    with (
        serve_here(BundleSource(folder), **more) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        stub, health = InferenceServiceStub(channel), health_pb2_grpc.HealthStub(channel)
        ask = pb.LiftKeypointsRequest(keypoints={"packed": POSE.tobytes()})
        with pytest.raises(grpc.RpcError) as refused:
            stub.LiftKeypoints(ask)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "waits for its first champion" in refused.value.details()
        until(lambda: "bundle.json" in probe(running, "/readyz")[1])
        assert probe(running, "/readyz")[0] == 503 and probe(running, "/livez")[0] == 200
        assert "evoskeleton_champion_info" not in probe(running, "/metrics")[1]
        assert problem_of(running.address).endswith("NOT_SERVING")
        make_bundle().rename(folder)
        until(lambda: probe(running, "/readyz")[0] == 200)
        request = health_pb2.HealthCheckRequest(service="evoskeleton.v1.InferenceService")
        until(lambda: health.Check(request).status == health_pb2.HealthCheckResponse.SERVING)
        assert stub.LiftKeypoints(ask).model.name == "later"
        assert problem_of(running.address) == ""


def test_nobody_waits_for_a_champion_unless_asked(tmp_path):
    with pytest.raises(BadInput, match="bundle.json"):
        Champions(BundleSource(tmp_path / "none"))


def test_a_database_that_is_gone_makes_the_server_unready(
    serve_here, make_bundle, tmp_path, postgres_database
):
    store = {"annotations": tmp_path, "annotations_url": postgres_database}
    source = BundleSource(make_bundle())
    with serve_here(source, metrics_address=LOOPBACK, **store) as running:
        assert probe(running, "/readyz") == (200, "ok")
        with closed_to_others(postgres_database):
            code, words = probe(running, "/readyz")
            assert code == 503 and "database of the annotations cannot be reached" in words
            assert probe(running, "/livez") == (200, "ok")
        assert probe(running, "/readyz") == (200, "ok")


@contextmanager
def closed_to_others(database: str):
    """A database that ends all connections and takes no new ones."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    url = make_url(database)
    engine = create_engine(url.set(drivername="postgresql+pg8000", database="template1"))
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false'))
        connection.execute(text(end), {"name": url.database})
        yield
        connection.execute(text(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true'))
    engine.dispose()


def certificate(folder: Path, name: str, subject: str = "DNS:localhost") -> tuple[Path, Path]:
    """A self-signed certificate and its key, as openssl makes them."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}"]
    files = ["-keyout", str(key), "-out", str(cert)]
    made = ["openssl", *words.split(), *names, *files]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl, which makes the certificate, is absent")
    return cert, key


def test_a_renewed_certificate_is_shown_to_who_connects_next(serve_here, make_bundle, tmp_path):
    import ssl

    first, second = certificate(tmp_path, "first"), certificate(tmp_path, "second")
    cert, key = tmp_path / "cert.pem", tmp_path / "cert.key"

    def put(pair: tuple[Path, Path]) -> None:
        for source, target in zip(pair, (cert, key), strict=True):
            (tmp_path / "new").write_bytes(source.read_bytes())
            (tmp_path / "new").rename(target)

    def shown(port: int) -> str:
        return ssl.get_server_certificate(("127.0.0.1", port)).strip()

    put(first)
    files = {"tls_cert": cert, "tls_key": key, "http_address": LOOPBACK}
    with serve_here(BundleSource(make_bundle()), **files) as running:
        ports = running.endpoint.port, running.endpoint.http_port
        roots = grpc.ssl_channel_credentials(first[0].read_bytes())
        with grpc.secure_channel(f"localhost:{ports[0]}", roots) as channel:
            stub = InferenceServiceStub(channel)
            assert stub.GetModel(pb.GetModelRequest(), wait_for_ready=True).model.name
            assert [shown(port) for port in ports] == 2 * [first[0].read_text().strip()]
            cert.write_text("half of a certif")
            assert [shown(port) for port in ports] == 2 * [first[0].read_text().strip()]
            put(second)
            assert [shown(port) for port in ports] == 2 * [second[0].read_text().strip()]
            assert stub.GetModel(pb.GetModelRequest()).model.name
        assert problem_of(f"0.0.0.0:{ports[0]}", cert) == ""
        assert "TLS" in problem_of(f"127.0.0.1:{ports[0]}", first[0])


@pytest.mark.parametrize("subject", ["DNS:*.poses.example", "IP:10.9.8.7"])
def test_the_check_trusts_the_servers_own_certificate_whatever_its_name(
    serve_here, make_bundle, tmp_path, subject
):
    cert, key = certificate(tmp_path, "own", subject)
    with serve_here(BundleSource(make_bundle()), tls_cert=cert, tls_key=key) as running:
        assert problem_of(running.address, cert) == ""
        assert problem_of(running.address) != ""


def test_the_check_is_a_command_with_an_exit_code(serve_here, make_bundle):
    def asked(address: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "evoskeleton.cli", "serve", "--check"]
        return subprocess.run([*command, "--address", address], capture_output=True, text=True)

    with serve_here(BundleSource(make_bundle())) as running:
        good = asked(running.address)
        assert (good.returncode, good.stderr) == (0, "")
    gone = asked(running.address)
    assert gone.returncode == 1 and f"{running.address}: UNAVAILABLE" in gone.stderr
    with pytest.raises(BadInput, match="leaves the port open"):
        problem_of(LOOPBACK)


def test_an_old_connection_ends_without_a_lost_call(serve_here, make_bundle):
    source = BundleSource(make_bundle())
    with (
        serve_here(source, max_connection_age_seconds=0.3) as running,
        Client(running.address) as client,  # which asks again what a closing connection took along
    ):
        states = []
        client._channel.subscribe(states.append, try_to_connect=True)
        ends = time.monotonic() + 2.0
        while time.monotonic() < ends:
            assert client.lift(POSE).joints.shape == (1, 17, 3)
        until(lambda: states.count(grpc.ChannelConnectivity.READY) > 1)


def test_a_client_of_several_servers_asks_one_after_the_other(serve_here, make_bundle):
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serve_here(BundleSource(make_bundle(f"b{number}", number))))
            for number in range(2)
        ]
        target = "ipv4:" + ",".join(server.address for server in servers)
        client = stack.enter_context(Client(target))
        until(lambda: len({client.served().model.name for _ in range(4)}) == 2)
        names = [client.served().model.name for _ in range(8)]
        assert names.count("b0") == names.count("b1") == 4
        servers[0].wait_for(servers[0].endpoint.stop())
        assert {client.served().model.name for _ in range(8)} == {"b1"}


def test_a_name_is_looked_up_by_dns(serve_here, make_bundle):
    with serve_here(BundleSource(make_bundle())) as running:
        target = f"dns:///localhost:{running.endpoint.port}"
        with Client(target, token="evo_x") as client:
            assert client.served().model.name == "bundle"
