"""Stock clients of other makers call the endpoint: grpcurl, buf curl, Node's grpc-js, curl."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

PROTO = Path(__file__).resolve().parents[3] / "annotation" / "proto"
LIFT = "evoskeleton.v1.InferenceService/LiftKeypoints"


def program(name: str) -> str:
    """A program beside our Python, or on the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is absent")
    return found


def ran(*command: object, fails: bool = False, **environment: str) -> str:
    """What a command printed."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def request_words(motion) -> str:
    """One pose, in JSON."""
    points = motion[0, :, [0, 2]].T * [1.0, -1.0]
    return json.dumps({"keypoints": {"values": points.ravel().round(2).tolist()}})


def assert_lifted(answer: dict, endpoint) -> None:
    joints = np.array(answer["joints"]["values"]).reshape(1, 17, 3)
    assert np.isfinite(joints).all() and np.abs(joints[0, 0]).max() < 1e-3
    hash_ = answer["model"].get("weightHash") or answer["model"].get("weight_hash")
    assert hash_ == endpoint.weights


def test_grpcurl_by_reflection(endpoint, request_words):
    grpcurl = program("grpcurl")
    assert "evoskeleton.v1.InferenceService" in ran(grpcurl, "-plaintext", endpoint.address, "list")
    answer = ran(grpcurl, "-plaintext", "-d", request_words, endpoint.address, LIFT)
    assert_lifted(json.loads(answer), endpoint)


def test_grpcurl_by_the_proto_files(endpoint, request_words):
    named = ("-plaintext", "-import-path", PROTO, "-proto", "evoskeleton/v1/inference.proto")
    answer = ran(program("grpcurl"), *named, "-d", request_words, endpoint.address, LIFT)
    assert_lifted(json.loads(answer), endpoint)


def test_grpcurl_is_told_what_is_wrong(endpoint):
    few = json.dumps({"keypoints": {"values": [1.0] * 32}})
    output = ran(program("grpcurl"), "-plaintext", "-d", few, endpoint.address, LIFT, fails=True)
    assert "InvalidArgument" in output and "keypoints should be" in output


@pytest.mark.parametrize("protocol", ["grpc", "connect"])
def test_buf_curl(endpoint, request_words, protocol, tmp_path):
    where = {"grpc": endpoint.address, "connect": endpoint.http}[protocol]
    http2 = ["--http2-prior-knowledge"] if protocol == "grpc" else []
    answer = ran(
        program("buf"), "curl", *http2, "--protocol", protocol, "--schema", PROTO,
        "-d", request_words, f"http://{where}/{LIFT}", HOME=str(tmp_path),
    )  # fmt: skip
    assert_lifted(json.loads(answer), endpoint)


def test_buf_curl_is_told_what_is_wrong(endpoint, tmp_path):
    output = ran(
        program("buf"), "curl", "--protocol", "connect", "--schema", PROTO, "-d", "{}",
        f"http://{endpoint.http}/{LIFT}", fails=True, HOME=str(tmp_path),
    )  # fmt: skip
    assert "invalid_argument" in output


def test_curl(endpoint, request_words):
    url, kind = f"http://{endpoint.http}/{LIFT}", "Content-Type: application/json"
    answer = ran(program("curl"), "--silent", "-H", kind, "-d", request_words, url)
    assert_lifted(json.loads(answer), endpoint)


NODE = """
const grpc = require('@grpc/grpc-js'), loader = require('@grpc/proto-loader');
const [proto, address, request] = process.argv.slice(1);
const contract = loader.loadSync('evoskeleton/v1/inference.proto', {includeDirs: [proto]});
const { InferenceService } = grpc.loadPackageDefinition(contract).evoskeleton.v1;
const client = new InferenceService(address, grpc.credentials.createInsecure());
client.LiftKeypoints(JSON.parse(request), (error, answer) => {
  console.log(JSON.stringify(error ? { code: error.code, message: error.details } : answer));
  client.close();
});
"""


@pytest.fixture(scope="module")
def node() -> str:
    found, needed = program("node"), "require('@grpc/grpc-js'); require('@grpc/proto-loader')"
    if subprocess.run([found, "-e", needed], capture_output=True).returncode:
        pytest.skip("npm's @grpc/grpc-js and @grpc/proto-loader are absent; NODE_PATH names them")
    return found


def test_node(endpoint, request_words, node):
    answer = ran(node, "-e", NODE, PROTO, endpoint.address, request_words)
    assert_lifted(json.loads(answer), endpoint)


def test_node_is_told_what_is_wrong(endpoint, node):
    answer = json.loads(ran(node, "-e", NODE, PROTO, endpoint.address, "{}"))
    assert answer["code"] == 3 and "keypoints should be" in answer["message"]
