"""Batches of a training: step by step, in order, whatever made them.

Look number `step * batch + slot` of a training is at one person, under one augmentation: rows are
taken in a new order every time through the set, and everything is drawn by (seed, look). Batches
are therefore the same for any number of workers, and for a training that goes on from any step.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import key, permutation, stream
from evoskeleton.pose2d.heatmap.person_crops import cropped
from evoskeleton.pose2d.images import read_image
from evoskeleton.pose2d.samples.looks.appearance import chance_of, changed
from evoskeleton.pose2d.samples.looks.augmentation_settings import AugmentationSettings
from evoskeleton.pose2d.samples.looks.framing import Body, LookDraws, look
from evoskeleton.pose2d.samples.samples import Samples

CACHED_BYTES = 256 << 20
"""Decoded pictures that a process keeps: a small set is decoded once."""


@dataclass(frozen=True)
class Batch:
    """What a network is shown, and should answer.

    Attributes:
        crops: (slots, height, width, 3) uint8.
        targets: (slots, keypoints, 2) float32 px of the crop; 0 where the weight is 0.
        weights: (slots, keypoints) float32: 1 for what is labelled and in the crop, else 0.
        broken: rows whose picture could not be read; their crops are black, their weights 0.
    """

    crops: Tensor
    targets: Tensor
    weights: Tensor
    broken: list[int]


@dataclass(frozen=True)
class Plan:
    """Which batches there are.

    Attributes:
        seed: of the training.
        batch: looks a step.
        share: places in every batch that this process takes, `start` and `stop`.
        picture_px: width and height of a crop.
    """

    seed: int
    batch: int
    share: tuple[int, int]
    picture_px: tuple[int, int]
    augmentation: AugmentationSettings


class Pictures:
    """Pictures by path, the last ones kept decoded."""

    def __init__(self, most_bytes: int = CACHED_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()

    def read(self, path: str) -> np.ndarray:
        """(height, width, 3) uint8.

        Raises:
            BadInput: it cannot be read.
        """
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        image = read_image(path)
        self._kept[path] = image
        self._bytes += image.nbytes
        while self._bytes > self._most and self._kept:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return image


class Steps(Dataset[Batch]):
    """Batch number i of a training; every process has one of its own."""

    def __init__(self, samples: Samples, plan: Plan) -> None:
        self._samples, self._plan = samples, plan
        self._body = Body.of(samples.names)
        self._key = key(plan.seed, stream("pictures"))
        self._pictures = Pictures()
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def __getitem__(self, step: int) -> Batch:
        looks = step * self._plan.batch + np.arange(*self._plan.share, dtype=np.int64)
        rows = [self._row(int(number)) for number in looks]
        draws = LookDraws.at(self._key, looks)
        batch = self._blank(len(looks))
        for at, (row, number) in enumerate(zip(rows, looks, strict=True)):
            try:
                image = self._pictures.read(self._samples[row].picture.path)
            except BadInput:
                batch.broken.append(row)
                continue
            self._fill(batch, at, row, image, int(number), draws.of(at))
        return batch

    def _blank(self, slots: int) -> Batch:
        (width, height), points = self._plan.picture_px, len(self._samples.names)
        return Batch(
            torch.zeros(slots, height, width, 3, dtype=torch.uint8),
            torch.zeros(slots, points, 2),
            torch.zeros(slots, points),
            [],
        )

    def _fill(
        self,
        batch: Batch,
        at: int,
        row: int,
        image: np.ndarray,
        number: int,
        draws: dict[str, float],
    ) -> None:
        person, size, settings = self._samples[row], self._plan.picture_px, self._plan.augmentation
        box, keypoints, labelled = person.box, person.keypoints, person.labelled
        seen = look(box, keypoints, labelled, self._body, size, settings, draws)
        crop = changed(cropped(image, seen.affine, size), settings, chance_of(self._key, number))
        points = seen.points(keypoints, self._body)
        known = seen.flags(labelled, self._body)
        with np.errstate(invalid="ignore"):
            known = known & ((points >= 0.0) & (points < size)).all(axis=1)
        batch.crops[at] = torch.from_numpy(crop)
        targets = np.where(known[:, None], points, 0.0).astype(np.float32)
        batch.targets[at] = torch.from_numpy(targets)
        batch.weights[at] = torch.from_numpy(known.astype(np.float32))

    def _row(self, number: int) -> int:
        round_, place = divmod(number, len(self._samples))
        return int(self._order(round_)[place])

    def _shuffled(self, round_: int) -> np.ndarray:
        order: np.ndarray = permutation(
            key(self._key, stream("order"), round_), len(self._samples)
        ).numpy()
        return order


def batches(
    samples: Samples, plan: Plan, start: int, stop: int, workers: int = 0
) -> Iterator[Batch]:
    """Batches of the steps from `start` to before `stop`, in order.

    Args:
        samples: the people.
        plan: which batches there are.
        start: the first step.
        stop: the step after the last.
        workers: processes that make them; 0 makes them here.
    """
    yield from DataLoader(
        Steps(samples, plan),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_alone,
    )


def _alone(worker: int) -> None:
    """A worker is one thread of a processor."""
    cv2.setNumThreads(0)
