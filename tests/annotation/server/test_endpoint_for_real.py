"""Clients against a real `evoskeleton serve`: they agree with the lifter and outlive the server."""

import asyncio
import json
import signal
import ssl
import subprocess
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

from evoskeleton.annotation.client import (  # noqa: E402
    AsyncClient,
    CallSettings,
    Client,
    EndpointError,
)
from evoskeleton.annotation.server.tokens import Tokens  # noqa: E402
from evoskeleton.errors import BadInput  # noqa: E402
from evoskeleton.lifting.bundle import load_bundle, read_description  # noqa: E402
from evoskeleton.lifting.conformal import radii_of  # noqa: E402

PATIENT = CallSettings.parse({"timeout_s": 120.0, "longest_pause_s": 0.5})


@pytest.fixture(scope="module")
def keypoints(motion) -> np.ndarray:
    """(20, 17, 2) px: the walker seen from the side, upright."""
    return (motion[:20][..., [1, 2]] * [1.0, -1.0] / 4.0 + 500.0).astype(np.float32)


def test_the_endpoint_lifts_as_the_bundle_does(endpoint, bundle, keypoints):
    visibility = np.ones((20, 17), np.float32)
    visibility[3, 13] = 0.0
    broken = keypoints.copy()
    broken[3, 13] = np.nan
    with Client(endpoint.address) as client:
        lifted = client.lift(broken, visibility)
        served = client.served()
    assert np.allclose(lifted.joints, load_bundle(bundle).lift(broken, visibility), atol=0.01)
    assert lifted.model == served.model and served.model.weight_hash == endpoint.weights
    assert "coco" in served.schemas and served.detector is None


def test_the_bundles_error_radii_come_with_the_answer(endpoint, bundle, keypoints):
    known = radii_of(read_description(bundle))
    with Client(endpoint.address) as client:
        radii = client.lift(keypoints).error_radii
        assert client.served().error_radii_level == 0.9
    assert np.allclose(radii.seen, known.seen) and np.allclose(radii.hidden, known.hidden)


def test_many_calls_may_be_awaited_at_once(endpoint, bundle, keypoints):
    async def all_at_once() -> list:
        async with AsyncClient(endpoint.address) as client:
            return await asyncio.gather(*(client.lift(keypoints[i : i + 1]) for i in range(20)))

    joints = np.concatenate([lifted.joints for lifted in asyncio.run(all_at_once())])
    assert np.allclose(joints, load_bundle(bundle).lift(keypoints), atol=0.01)


def test_what_is_wrong_is_told_by_the_server(endpoint, keypoints):
    with Client(endpoint.address) as client:
        with pytest.raises(BadInput, match=r"keypoints should be \(poses, 17, 2\)"):
            client.lift(keypoints[:, :16])
        with pytest.raises(EndpointError, match="FAILED_PRECONDITION: .* no detector"):
            client.estimate(b"picture")
        with pytest.raises(EndpointError, match="FAILED_PRECONDITION: .* no detector"):
            list(client.stream([b"picture"]))


def test_clients_outlive_a_server_that_is_killed(serving, bundle, keypoints, tmp_path):
    """Half a dozen calls a thread, over a kill -9 and a restart on the same port; none fails."""
    answers, failures, killed = [], [], threading.Event()

    def ask(client: Client) -> None:
        try:
            for number in range(6):
                if number == 3:
                    killed.wait(60)
                answers.append(client.lift(keypoints).joints)
        except Exception as error:
            failures.append(error)

    with serving(bundle, tmp_path / "first") as first:
        client = Client(first.address, settings=PATIENT)
        threads = [threading.Thread(target=ask, args=[client]) for _ in range(4)]
        for thread in threads:
            thread.start()
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        killed.set()
        with serving(bundle, tmp_path / "second", port=first.port), client:
            for thread in threads:
                thread.join(120)
    assert not failures and len(answers) == 24
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_a_server_that_is_too_busy_is_asked_until_it_has_time(serving, bundle, motion, tmp_path):
    poses = np.tile(motion[..., [1, 2]] / 4.0, (8, 1, 1)).astype(np.float32)
    small = ["--set", "most_queued_poses=2000", "--set", "batch_poses=1920"]
    once = PATIENT.model_copy(update={"attempts": 1})

    def ask(settings: CallSettings) -> str:
        with Client(served.address, settings=settings) as client:
            try:
                return str(len(client.lift(poses).joints))
            except EndpointError as error:
                return error.code

    with serving(bundle, tmp_path / "log", *small) as served, ThreadPoolExecutor(8) as pool:
        impatient = set(pool.map(ask, [once] * 200))
        patient = set(pool.map(ask, [PATIENT] * 40))
    assert impatient == {"1920", "RESOURCE_EXHAUSTED"} and patient == {"1920"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate of localhost: (certificate, key)."""
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"]
    command += ["subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", made[0], "-keyout", made[1]]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is absent")
    return made


def test_tokens_and_tls_hold_for_grpc_and_http(serving, bundle, certificate, keypoints, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    good, weak = tokens.add("good", ["infer"]), tokens.add("weak", ["annotate"])
    options = ["--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1])]
    options += ["--tokens", str(tmp_path / "tokens.json"), "--http-address", "127.0.0.1:0"]
    trust = ssl.create_default_context(cafile=str(certificate[0]))

    def by_http(token: str) -> tuple[int, dict]:
        request = urllib.request.Request(
            f"https://localhost:{served.http_port}/evoskeleton.v1.InferenceService/GetModel",
            b"{}",
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(request, context=trust, timeout=20) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    with serving(bundle, tmp_path / "log", *options) as served:
        with Client(served.address, good, certificates=certificate[0]) as client:
            assert len(client.lift(keypoints).joints) == 20
        for token, code in ((weak, "PERMISSION_DENIED"), ("evo_no", "UNAUTHENTICATED")):
            client = Client(served.address, token, certificates=certificate[0])
            with client, pytest.raises(EndpointError, match=code):
                client.served()
        assert by_http(good)[1]["model"]["weightHash"] == served.weights
        assert by_http(weak)[0] == 403
        status, words = by_http("evo_no")
        assert status == 401 and words["code"] == "unauthenticated"
    assert good not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("option", ["--address", "--http-address"])
def test_an_address_that_others_can_reach_is_refused_in_the_open(option, bundle, capsys):
    from evoskeleton.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["serve", "--bundle", str(bundle), option, "0.0.0.0:0", "--no-detector"])
    assert ended.value.code == 2
    assert "needs --tls-cert, --tls-key, --tokens" in " ".join(capsys.readouterr().err.split())


def test_an_http_address_that_is_taken_is_told(bundle, endpoint, capsys):
    from evoskeleton.cli import main

    taken = ["--address", "127.0.0.1:0", "--http-address", endpoint.http, "--metrics-address", ""]
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--bundle", str(bundle), *taken, "--no-detector"])
    assert ended.value.code == 2
    assert "Address already in use" in " ".join(capsys.readouterr().err.split())
