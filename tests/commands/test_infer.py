"""`evoskeleton infer` as a user types it: bad files beside good ones, and what is written where."""

import json

import numpy as np
import pytest
from PIL import Image
from refusals import refused

from evoskeleton.cli import main

SPOTS = ("--detector", "bright_spots:BrightSpots")


@pytest.fixture
def photo(tmp_path):
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:140, 150:190] = 255
    Image.fromarray(image).save(tmp_path / "photo.tiff")
    return tmp_path / "photo.tiff"


@pytest.fixture
def film(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for number in range(12):
        frame = np.zeros((240, 320, 3), np.uint8)
        frame[100:140, 60 + 10 * number : 100 + 10 * number] = 255
        writer.write(frame)
    writer.release()
    return path


def run(capfd, *arguments):
    with pytest.raises(SystemExit) as left:
        main(["infer", *map(str, arguments), *SPOTS])
    words = capfd.readouterr()
    return left.value.code, [json.loads(line) for line in words.out.splitlines()], words.err


def test_bad_files_are_told_and_the_others_answered(capfd, tmp_path, photo, make_bundle):
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    Image.new("RGB", (440, 4)).save(tmp_path / "strip.png")
    bad = [tmp_path / name for name in ("gone.jpg", "cut.jpg", "strip.png")]
    code, answers, said = run(capfd, bad[0], photo, *bad[1:], photo, "--model", make_bundle())
    assert code == 1 and [len(answer["people"]) for answer in answers] == [1, 1]
    lines = said.splitlines()
    assert len(lines) == 3 and all(line.startswith("evoskeleton: ") for line in lines)
    assert "gone.jpg should be a photo or a video" in lines[0] and "cut.jpg" in lines[1]
    assert "strip.png: the picture should be at most 10 times as long" in lines[2]


def test_without_a_lifter_of_ones_own_that_of_the_package_answers(capfd, photo):
    code, (answer,), said = run(capfd, photo, "--fit")
    (person,) = answer["people"]
    assert code == 0 and said == "" and np.isfinite(person["joints"]).all()
    assert answer["error_radii_level"] == 0.9 and len(person["error_radii"]) == 17
    assert person["partial"] is False and person["filled"] is False


def test_a_video_becomes_lines_in_a_file_drawings_and_motion(capfd, tmp_path, film, make_bundle):
    lifter = ("--model", make_bundle())
    output, drawn = tmp_path / "walk.jsonl", tmp_path / "drawn"
    asked = (film, *lifter, "--output", output, "--every", "2", "--no-smooth")
    code, printed, said = run(capfd, *asked, "--overlay", drawn, "--overlay-as", "video")
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert (code, printed, said) == (0, [], "")
    assert [line["frame"] for line in lines] == [0, 2, 4, 6, 8, 10]
    assert [round(line["seconds"], 3) for line in lines] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert (drawn / "walk.avi.overlay.mp4").stat().st_size > 1000
    assert "walk.jsonl is there already" in refused(capfd, "infer", *asked, *SPOTS)
    code, _, _ = run(capfd, film, *lifter, "--output", tmp_path / "walk.bvh")
    assert code == 0 and "Frames: 12\nFrame Time: 0.1" in (tmp_path / "walk.bvh").read_text()


def test_mistakes_are_told_before_anything_is_looked_at(capfd, tmp_path, photo):
    def said(*words):
        return refused(capfd, "infer", *words, *SPOTS)

    assert "pictures or video, got film" in said(photo, "--overlay-as", "film")
    assert "should be made of one video" in said(photo, "--output", tmp_path / "a.bvh")
    assert "takes no settings" in said(photo, "--detector-set", "tiles=3")
    assert "there is no such file" in said(tmp_path / "gone.jpg")
    assert "did you mean joints_hz?" in said(photo, "--set", "joint_hz=3")
