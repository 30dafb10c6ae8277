"""`evoskeleton annotate`: from photos to seeds, with what a browser would send in between."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from evoskeleton.cli import main  # noqa: E402
from evoskeleton.commands.annotate import _files  # noqa: E402
from evoskeleton.platform.data.sources.load import load  # noqa: E402
from evoskeleton.platform.data.sources.settings import SourceSettings  # noqa: E402


def refused(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["annotate", *map(str, words)])
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_what_cannot_be_annotated_is_one_sentence(capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    there = "--annotations", tmp_path / "annotations"
    assert "should hold pictures" in refused(capsys, tmp_path / "empty", *there)
    assert "there is no project photos yet" in refused(capsys, *there)
    assert "No such file" in refused(capsys, tmp_path / "gone.jpg", *there)


def test_files_that_are_called_alike_are_told_apart(tmp_path):
    files = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name in ("1.jpg", f"{folder}.png", "notes.txt"):
            (tmp_path / folder / name).write_bytes(b"")
        files.append(tmp_path / folder)
    assert list(_files(files)) == ["a/1.jpg", "a.png", "b/1.jpg", "b.png"]


@pytest.mark.long
def test_a_photo_becomes_a_seed(tmp_path, bundle, motion):
    from page_browsing import photo, walker_points

    (tmp_path / "photos").mkdir()
    points = walker_points(motion[10])
    (tmp_path / "photos" / "a.png").write_bytes(photo(points, 0))
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    running = begun(tmp_path, bundle)
    try:
        address, token = started(running)
        answer = call(address, token, "ListProjects", {})
        (project,) = answer["projects"]
        (image,) = call(address, token, "ListImages", {"projectId": project["id"]})["images"]
        person = {
            "keypoints": points.ravel().tolist(),
            "visibility": [2] * 17,
            "joints": (motion[10] - motion[10][0])[:, [0, 2, 1]].ravel().tolist(),
            "cameraPitchDeg": 0.0,
            "bodyHeightMm": 1700.0,
        }
        request = {"imageId": image["id"], "key": "k", "people": [person]}
        assert call(address, token, "Submit", request)["state"] == "STATE_SUBMITTED"
    finally:
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[0]
    assert "1 poses, seeds for a campaign" in said
    assert (tmp_path / "kept" / "page-token").stat().st_mode & 0o777 == 0o600
    coco = json.loads((tmp_path / "kept" / "photos-coco.json").read_text())
    assert len(coco["annotations"]) == 1
    table = str(tmp_path / "kept" / "photos-poses")
    assert len(load(SourceSettings.parse({"kind": "annotated", "path": table}))) == 1


def begun(folder, bundle):
    words = ["annotate", folder / "photos", "--annotations", folder / "kept", "--bundle", bundle]
    words += ["--no-browser", "--no-detector", "--http-address", "127.0.0.1:0"]
    command = [sys.executable, "-m", "evoskeleton.cli", *map(str, words)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def started(running):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(r"annotate at (\S+)/#token=(\S+)", running.stdout.readline()):
            return found.groups()
    raise AssertionError("it did not start")


def call(address, token, method, words):
    request = urllib.request.Request(
        f"{address}/evoskeleton.v1.AnnotationService/{method}",
        json.dumps(words).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)
