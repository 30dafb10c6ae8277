"""How fast people in a photo become 3D, stage by stage, and how many of them are found.

    python tests/benchmarks/detection.py PHOTOS --model BUNDLE   # a folder with the two photos

Recall is measured on mosaics: the two photos, plain and mirrored, side by side in k x k cells of
one picture of 1,920 px, so that k * k people have to be found who are about 0.7 / k of the picture
high. Mosaics have straight edges that real pictures have not, and the people in them never hide
each other.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.pose2d.blazepose import BlazePose, BlazePoseSettings
from evoskeleton.pose2d.detector import Stopwatch
from evoskeleton.pose2d.estimation import estimate_people
from evoskeleton.pose2d.images import read_image

HIPS = {"person": (234.0, 235.0), "skier": (428.0, 212.0)}
"""Middle of the hips in each photo, px, read by eye."""

HEIGHT = 290.0
"""About how tall both people are in their photos, px."""

MOSAIC_PX, REPEATS = 1920, 15


def mosaic(photos: dict[str, np.ndarray], cells: int) -> tuple[np.ndarray, np.ndarray, float]:
    """A picture of cells x cells photos, the hips (people, 2) in it, and the height of a person."""
    width = MOSAIC_PX // cells
    names = list(photos)
    rows, hips = [], []
    for y in range(cells):
        line = []
        for x in range(cells):
            name, mirrored = names[(x + y) % 2], (x + 2 * y) // 2 % 2 == 1
            image, (u, v) = photos[name], HIPS[name]
            scale = width / image.shape[1]
            height = round(424 * scale)
            small = Image.fromarray(image[:424, ::-1] if mirrored else image[:424])
            line.append(np.asarray(small.resize((width, height), Image.Resampling.BOX)))
            u = image.shape[1] - u if mirrored else u
            hips.append((x * width + u * scale, y * height + v * scale))
        rows.append(np.concatenate(line, axis=1))
    return np.concatenate(rows), np.array(hips), HEIGHT * width / 640


def count(found: np.ndarray, wanted: np.ndarray, height: float) -> tuple[int, int]:
    """Hips (people, 2) that are found within a seventh of the body, and those that nobody has."""
    if not len(found):
        return 0, 0
    near = np.linalg.norm(found[:, None] - wanted[None], axis=2) < height / 7.0
    return int(near.any(axis=0).sum()), int((~near.any(axis=1)).sum())


def recall(photos: dict[str, np.ndarray], tiles: int) -> None:
    """Print one line for each size of mosaic."""
    detector = BlazePose(BlazePoseSettings.parse({"tiles": tiles, "most_people": 200}))
    for cells in (1, 2, 3, 4, 5, 6, 8):
        image, hips, height = mosaic(photos, cells)
        watch = Stopwatch()
        people = detector.detect(image, watch=watch)
        found = np.array([person.keypoints[0] for person in people]).reshape(-1, 2)
        hits, false = count(found, hips, height)
        print(
            f"  tiles {tiles}: {len(hips):3d} people of {height / len(image):5.0%} of the height:"
            f" found {hits:3d}, false {false}"
            f"  (find {1e3 * watch.seconds['find']:.0f} ms,"
            f" locate {1e3 * watch.seconds['locate']:.0f} ms)",
            flush=True,
        )


def time_stages(folder: Path, bundle: Path) -> None:
    """Print the median milliseconds of every stage for each photo, its file read anew."""
    lifter, detector = load_bundle(bundle), BlazePose()
    for name in HIPS:
        rows = []
        for _ in range(REPEATS):
            watch = Stopwatch()
            start = time.perf_counter()
            with watch.stage("read"):
                image = read_image(folder / f"{name}.jpg")
            people = estimate_people(image, detector, lifter, watch=watch).people
            rows.append({**watch.seconds, "all": time.perf_counter() - start})
        middle = {stage: 1e3 * np.median([row[stage] for row in rows[2:]]) for stage in rows[0]}
        words = ", ".join(f"{stage} {ms:.1f}" for stage, ms in middle.items())
        print(f"{name}: {len(people)} people; ms: {words}", flush=True)


def main() -> None:
    """Times first, then recall."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder with person.jpg and skier.jpg")
    parser.add_argument("--model", type=Path, help="folder of a lifter bundle, for the times")
    options = parser.parse_args()
    torch.set_num_threads(2)
    if options.model:
        time_stages(options.photos, options.model)
    photos = {name: read_image(options.photos / f"{name}.jpg") for name in HIPS}
    for tiles in (1, 2, 3):
        recall(photos, tiles)


if __name__ == "__main__":
    main()
