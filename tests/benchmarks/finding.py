"""How many people of photos are found, and how many of those who are found are there.

    pip download --no-deps ultralytics==8.4.190 insightface==2.1 pose2sim==0.10.49
    npm pack @vladmandic/face-api@1.7.15
    python tests/benchmarks/finding.py . --photos PHOTOS --finder blazepose movenet both

Fifteen pictures that other packages carry: groups close to the camera, a street, a laboratory with
people of three sizes; person.jpg and skier.jpg are looked for in PHOTOS. Their 46 people were
marked by eye, the joints of the limbs that can be seen or safely guessed, px of the picture made
728 px wide: `people_in_photos.json`. MoveNet's `side` was set to 384 after five sizes had been
scored on them (rendered people favour 320); its other settings follow rendered people.

Somebody is found where the object keypoint similarity is a half or more, COCO's
(https://cocodataset.org/#keypoints-eval) over the marked joints; the area is 0.53 of the box.
Everybody who is answered counts for precision. Times are of the process, one thread.
"""

import argparse
import json
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import SAME_JOINT
from evoskeleton.pose2d.blazepose import BlazePose, BlazePoseSettings
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.images import decode_image, read_image
from evoskeleton.pose2d.people.duplicates import distinct

MARKED = Path(__file__).with_name("people_in_photos.json")
WIDTH = 728
"""Of the pictures that were marked, px."""

FALLOFF = {
    "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107, "knee": 0.087, "ankle": 0.089,
}  # fmt: skip
AREA = 0.53
FOUND = 0.5


def pictures(packages: Path, photos: Path | None) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Marked pictures that are there, (height, width, 3) uint8."""
    for entry in json.loads(MARKED.read_text()):
        image = _picture(entry, packages, photos)
        if image is None:
            print(f"{entry['name']} is not there", file=sys.stderr)
        else:
            yield entry, image


def _picture(entry: dict[str, Any], packages: Path, photos: Path | None) -> np.ndarray | None:
    if "package" not in entry:
        path = (photos or packages) / f"{entry['name']}.jpg"
        return read_image(path) if path.exists() else None
    files = sorted(packages.glob(f"{entry['package']}-*"))
    if not files:
        return None
    content = _member(files[0], entry["member"])
    return _frame(content, entry["frame"]) if "frame" in entry else decode_image(content)


def _member(package: Path, name: str) -> bytes:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(name)
    with tarfile.open(package) as tarball:
        return tarball.extractfile(name).read()


def _frame(content: bytes, number: int) -> np.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(content)
        file.flush()
        capture = cv2.VideoCapture(file.name)
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        _, image = capture.read()
    return np.ascontiguousarray(image[..., ::-1])


def similarity(marked: dict[str, Any], person: Person, scale: float) -> float:
    """Object keypoint similarity of somebody marked and somebody found, in [0, 1]."""
    x0, y0, x1, y1 = (scale * edge for edge in marked["box"])
    area = AREA * (x1 - x0) * (y1 - y0)
    ours = {theirs: JOINT_NAMES.index(name) for name, theirs in SAME_JOINT.items()}
    alike = []
    for name, place in marked["points"].items():
        miss = person.keypoints[ours[name]] - scale * np.array(place)
        width = 2.0 * FALLOFF[name.split("_")[1]]
        alike.append(np.exp(-(miss @ miss) / (2.0 * area * width**2)))
    return float(np.nan_to_num(alike).mean())


def matched(alike: np.ndarray) -> int:
    """Pairs of (marked, found) similarities, each of both once, the most alike first."""
    alike, pairs = alike.copy(), 0
    while alike.size and alike.max() >= FOUND:
        row, column = np.unravel_index(alike.argmax(), alike.shape)
        alike[row], alike[:, column], pairs = -1.0, -1.0, pairs + 1
    return pairs


def judge(detector: BlazePose, packages: Path, photos: Path | None, boxes: bool) -> str:
    """Look at all pictures; print one row each."""
    hits, there, answered, spent = 0, 0, 0, 0.0
    for entry, image in pictures(packages, photos):
        scale, marked = image.shape[1] / WIDTH, entry["people"]
        given = scale * np.array([one["box"] for one in marked]) if boxes else None
        began = time.process_time()
        people = detector.detect(image, given)
        people = people if boxes else [people[row] for row in distinct(people)]
        took = time.process_time() - began
        alike = np.array([[similarity(one, each, scale) for each in people] for one in marked])
        pairs = matched(alike.reshape(len(marked), len(people)))
        print(f"  {entry['name']}: {pairs} of {len(marked)}, answered {len(people)}, {took:.2f} s")
        hits, there, answered = hits + pairs, there + len(marked), answered + len(people)
        spent += took
    return (
        f"recall {hits / there:.3f} ({hits} of {there}), precision {hits / max(answered, 1):.3f} "
        f"({hits} of {answered}), {spent / max(answered, 1):.2f} s a person"
    )


def main() -> None:
    """Judge finders one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", type=Path, help="folder of the downloaded packages")
    parser.add_argument("--photos", type=Path, help="folder with person.jpg and skier.jpg")
    parser.add_argument("--finder", nargs="+", default=["auto"], help="settings of the detector")
    parser.add_argument("--set", nargs="+", default=[], help="further settings as NAME=VALUE")
    parser.add_argument("--boxes", action="store_true", help="look in the marked boxes instead")
    options = parser.parse_args()
    further = dict(pair.split("=", 1) for pair in options.set)
    for finder in options.finder:
        settings = BlazePoseSettings.parse({"finder": finder, "threads": 1, **further})
        print(finder)
        print(" ", judge(BlazePose(settings), options.packages, options.photos, options.boxes))


if __name__ == "__main__":
    main()
