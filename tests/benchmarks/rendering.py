"""How many pictures of people one core draws in a second.

    python tests/benchmarks/rendering.py mine.parquet

Processor time, not time on the clock; of each picture the best of five, so that what else a
machine does counts little. Making the body, once a process, is not counted.
"""

import argparse
import time
from typing import Any

import numpy as np
import torch

from evoskeleton.commands.options import poses_of
from evoskeleton.pose2d.rendering.dataset import encoded, one_thread
from evoskeleton.pose2d.rendering.picture import render_picture
from evoskeleton.pose2d.rendering.settings import RenderSettings

CASES: dict[str, dict[str, Any]] = {
    "as by default: 512 x 512 px, one or two people": {},
    "one person, 320 x 320 px, nearly as high": {
        "size": (320, 320),
        "people": (1, 1),
        "cropped": 0.0,
        "views": {"distance_mm": (2500.0, 2900.0)},
    },
}
PICTURES, TIMES = 24, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("poses", help="as of `evoskeleton render`")
    poses = poses_of(parser.parse_args().poses).poses
    torch.set_num_threads(1)
    with one_thread():
        for name, given in CASES.items():
            measure(name, poses, RenderSettings(seed=5, **given))


def measure(name: str, poses: np.ndarray, settings: RenderSettings) -> None:
    heights = [
        person.box[3]
        for number in range(3 * PICTURES)
        for person in render_picture(number, poses, settings).people
    ]
    best = np.full(PICTURES, np.inf)
    for _ in range(TIMES):
        for number in range(PICTURES):
            start = time.process_time()
            encoded(render_picture(number, poses, settings), settings.format)
            best[number] = min(best[number], time.process_time() - start)
    people = len(heights) / (3 * PICTURES)
    print(
        f"{name}: {1.0 / best.mean():.1f} pictures a second and core, {people:.2f} people each, "
        f"{np.median(heights):.0f} px high (median)"
    )


if __name__ == "__main__":
    main()
