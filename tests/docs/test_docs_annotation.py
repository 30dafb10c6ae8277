"""The commands of docs/annotation.md are run as they stand, but for the server's port."""

import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from one_walker import OneWalker
from PIL import Image

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.cli import main
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.cameras import FOCAL_PX
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.settings import SourceSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "annotation.md"


def blocks(heading: str) -> list[str]:
    """The code under a heading."""
    section = re.split(r"^## ", PAGE.read_text(), flags=re.M)
    (text,) = (part for part in section if part.startswith(heading + "\n"))
    return re.findall(r"```(?:bash|python)\n(.*?)```", text, flags=re.S)


def run(line: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line)[1:])
    assert not ended.value.code, line


def picture(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1000, 1000), (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with the files that the page names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    for number in (1, 2):
        (tmp_path / f"{number}.jpg").write_bytes(picture(number))
        (tmp_path / "pictures" / f"{number}.jpg").write_bytes(picture(number))
    words = {
        "images": [{"id": 7, "file_name": "1.jpg", "width": 1000, "height": 1000}],
        "categories": [{"id": 1, "name": "person", "keypoints": JOINT_NAMES}],
        "annotations": [
            {"id": 9, "image_id": 7, "category_id": 1, "keypoints": [5, 5, 2] * len(JOINT_NAMES)}
        ],
    }
    (tmp_path / "people.json").write_text(json.dumps(words))
    return tmp_path


def test_what_the_page_says_from_a_picture_to_a_seed(here, serve_here, bundle, motion):
    ((add, serve),) = (text.splitlines() for text in blocks("Begin"))
    run(add)
    assert serve == "evoskeleton serve --bundle lifter --annotations annotations"
    side = motion[10][:, [1, 2]] - motion[10][:1, [1, 2]]
    points = 500.0 + FOCAL_PX * side * np.array([1.0, -1.0]) / 4000.0
    walker = ServedDetector(OneWalker(points), "one walker", "1", "1" * 64)
    with serve_here(BundleSource(bundle), walker, annotations=Path("annotations")) as running:
        (code,) = blocks("From Python")
        exec(compile(code.replace("127.0.0.1:50051", running.address), str(PAGE), "exec"), {})
    for line in "".join(blocks("Poses")).splitlines():
        run(line)
    seeds = load(SourceSettings.parse(dict(kind="annotated", path="annotated")))
    assert seeds.clip.tolist() == ["1.jpg#0"]


def test_coco_as_the_page_says(here):
    whole, theirs, back = blocks("COCO, and keypoints of other programs")[0].splitlines()
    assert "openpose_folder" in theirs
    for line in (whole, back):
        run(line)
    back = json.loads((here / "back.json").read_text())
    assert back["images"][0]["id"] == 7 and back["annotations"][0]["id"] == 9
