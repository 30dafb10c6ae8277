"""The commands of docs/endpoint.md are run as they stand, but for ports and a lifter's size."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

from evoskeleton.cli import main  # noqa: E402
from evoskeleton.platform.data.formats.parquet import write_parquet  # noqa: E402
from evoskeleton.platform.data.poses import single_clip  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "endpoint.md"
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.S)
SMALL = ["--set", "steps=20", "--set", "batch=32", "--set", "cascade.width=16"]


def blocks(heading: str) -> list[tuple[str, str]]:
    """(language, text) of the code under a heading."""
    section = re.split(r"^## ", PAGE.read_text(), flags=re.M)
    (text,) = (part for part in section if part.startswith(heading + "\n"))
    return BLOCK.findall(text)


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def evoskeleton(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code, arguments


@pytest.fixture(scope="module")
def here(motion, tmp_path_factory) -> Path:
    """A folder with the files that the page names."""
    folder = tmp_path_factory.mktemp("page")
    write_parquet(folder / "train.parquet", single_clip(motion[:160], "S1", "walk", "a"))
    write_parquet(folder / "held-out.parquet", single_clip(motion[160:], "S1", "walk", "b"))
    keypoints = motion[:5][..., [1, 2]] * [1.0, -1.0]
    np.save(folder / "keypoints.npy", keypoints)
    words = {"keypoints": {"values": keypoints.ravel().tolist()}}
    (folder / "keypoints.json").write_text(json.dumps(words))
    return folder


@pytest.fixture(scope="module")
def ports(here, serving) -> dict[str, str]:
    """The lines under "Serve", run: the ports of the page and those of the test."""
    ((_, text),) = blocks("Serve")
    train, serve = (shlex.split(line)[1:] for line in text.splitlines())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        evoskeleton(train + SMALL)
    ports = {"50051": free_port(), "8080": free_port()}
    options = [changed(argument, ports) for argument in serve[serve.index("--http-address") :]]
    assert serve[:3] == ["serve", "--bundle", "lifter"]
    log, port = here / "log", int(ports["50051"])
    with serving(here / "lifter", log, *options, port=port):
        yield ports


def changed(text: str, ports: dict[str, str]) -> str:
    for known, free in ports.items():
        text = text.replace(known, free)
    return text


def test_from_python(here, ports, monkeypatch, capsys):
    monkeypatch.chdir(here)
    ((_, text),) = blocks("From Python")
    exec(compile(changed(text, ports), str(PAGE), "exec"), {})
    said = capsys.readouterr().out
    assert "(5, 17, 3) mm" in said and "90 of 100" in said


def test_from_anything_else(here, ports):
    answers = []
    for _, text in blocks("From anything else"):
        for line in text.splitlines():
            program, *arguments = shlex.split(changed(line, ports))
            beside = Path(sys.executable).parent / program
            found = str(beside) if beside.exists() else shutil.which(program)
            if found is None:
                pytest.skip(f"{program} is absent")
            done = subprocess.run([found, *arguments], cwd=here, capture_output=True, text=True)
            assert done.returncode == 0, (line, done.stderr)
            answers.append(done.stdout)
    assert "evoskeleton.v1.InferenceService" in answers[0]
    model, same, lifted = (json.loads(answer) for answer in answers[1:])
    assert model["model"]["name"] == "lifter" and same["model"] == lifted["model"]
    assert len(lifted["joints"]["values"]) == 5 * 17 * 3


def test_tokens_and_tls(here, monkeypatch, capsys):
    monkeypatch.chdir(here)
    (_, commands), (_, code) = blocks("Tokens and TLS")
    for line in commands.splitlines():
        evoskeleton(shlex.split(line)[1:])
    assert "evo_" in capsys.readouterr().out
    exec(compile(code, str(PAGE), "exec"), {})
