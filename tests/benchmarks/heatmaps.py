"""How fast a heat-map detector locates one person, in ONNX Runtime and in torch.

    python tests/benchmarks/heatmaps.py --threads 1 2        # widths 16 and 18 at 256 x 192
    python tests/benchmarks/heatmaps.py --widths 48 --size 288 384

Networks are drawn, not trained, and moved a little by noise: the time does not depend on it. A row
has the milliseconds of a whole person (crop, network, decoding), those of the network alone in
either runtime, and the largest distance of a keypoint between the two, px. Of each time: the least
and the median on the clock, and the least of all threads' processor time, which depends far less on
what else the machine does.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from evoskeleton.pose2d.heatmap.bundle import load_bundle, save_bundle
from evoskeleton.pose2d.heatmap.decoding import decoded
from evoskeleton.pose2d.heatmap.heatmap_detector import HeatmapDetector, HeatmapDetectorSettings
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.person_crops import normalized
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings


class Nobody:
    """Finds no one: boxes are given."""

    def detect(self, image, boxes=None, watch=None):
        return []


def milliseconds(call: Callable[[], object], repeats: int) -> np.ndarray:
    """(repeats, 2) of a call, on the clock and of processors, after three that do not count."""
    spent = []
    for _ in range(repeats + 3):
        start = time.perf_counter(), time.process_time()
        call()
        spent.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return 1e3 * np.array(spent[3:])


def drawn(settings: HeatmapSettings) -> HeatmapNetwork:
    """A network with maps that have peaks."""
    network, random = HeatmapNetwork(settings), torch.Generator().manual_seed(0)
    torch.nn.init.normal_(network.final_layer.weight, std=0.1, generator=random)
    return network.eval()


@torch.no_grad()
def row(folder: Path, threads: int, repeats: int) -> str:
    """One line of the table."""
    network, card = load_bundle(folder)
    settings = HeatmapDetectorSettings(threads=threads)
    detector, size = HeatmapDetector(folder, settings, finder=Nobody()), card.network.picture_px
    torch.set_num_threads(threads)
    image = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    box = np.array([500.0, 100.0, 700.0, 600.0])
    picture = normalized(np.random.default_rng(1).integers(0, 256, (1, *size[::-1], 3), np.uint8))
    whole = milliseconds(lambda: detector.detect(image, box[None]), repeats)
    runtime = milliseconds(lambda: detector.maps(picture), repeats)
    plain = milliseconds(lambda: network(torch.from_numpy(picture)), repeats)
    mean = card.network.head == "seed"
    both = (detector.maps(picture), network(torch.from_numpy(picture)).numpy())
    one, other = (decoded(maps, size, mean).keypoints for maps in both)
    times = "  ".join(
        f"{t[:, 0].min():7.1f} {np.median(t[:, 0]):7.1f} {t[:, 1].min():7.1f}"
        for t in (whole, runtime, plain)
    )
    return f"{times}  {np.abs(one - other).max():.4f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--widths", nargs="+", type=int, default=[16, 18])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--size", nargs=2, type=int, default=[192, 256])
    parser.add_argument("--head", default="heatmaps")
    parser.add_argument("--repeats", type=int, default=30)
    asked = parser.parse_args()
    print("width threads  person: least, median, processor   ONNX Runtime   torch   px")
    for width in asked.widths:
        said = {"width": width, "picture_px": tuple(asked.size), "head": asked.head}
        with TemporaryDirectory() as folder:
            save_bundle(drawn(HeatmapSettings.parse(said)), folder, {})
            for threads in asked.threads:
                print(
                    width, threads, row(Path(folder), threads, asked.repeats), sep="\t", flush=True
                )


if __name__ == "__main__":
    main()
