"""Annotated pictures drawn over in another style, to learn from few people who look different.

    python tests/benchmarks/restyled.py renders --output drawn --people 50
    evoskeleton detector train drawn --measure-on drawn-others --output with --begin bred
    evoskeleton detector train drawn --measure-on drawn-others --output without

Each picture is smoothed, its colours are made few and change places, and its edges are drawn dark,
by its number alone. Keypoints stay where they are.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

LEVELS = 64
"""Grey levels that become one."""


def restyled(picture: np.ndarray, number: int) -> np.ndarray:
    """A picture (height, width, 3) uint8 in the other style."""
    smooth = cv2.bilateralFilter(picture, 5, 60, 5)
    edges = cv2.Canny(cv2.cvtColor(smooth, cv2.COLOR_BGR2GRAY), 60, 120)
    few = smooth // LEVELS * LEVELS + LEVELS // 2
    few = few[..., np.random.default_rng(number).permutation(3)]
    few[edges > 0] = 20
    return few


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="that `evoskeleton render` wrote")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--people", type=int, default=500)
    asked = parser.parse_args()
    (asked.output / "images").mkdir(parents=True)
    words = json.loads((asked.folder / "annotations.json").read_text())
    words["annotations"] = words["annotations"][: asked.people]
    shown = {person["image_id"] for person in words["annotations"]}
    words["images"] = [image for image in words["images"] if image["id"] in shown]
    for image in words["images"]:
        name = Path(image["file_name"]).name
        picture = cv2.imread(str(asked.folder / "images" / name))
        cv2.imwrite(str(asked.output / "images" / name), restyled(picture, image["id"]))
    (asked.output / "annotations.json").write_text(json.dumps(words))


if __name__ == "__main__":
    main()
