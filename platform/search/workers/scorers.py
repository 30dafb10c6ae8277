"""Actors that hold the current lifters on their device and score poses by them."""

from typing import Any

import numpy as np
import torch

from evoskeleton.evolution.archive.novelty import novelty
from evoskeleton.evolution.chance import key, stream
from evoskeleton.lifting.bundle import Lifter, from_arrays
from evoskeleton.lifting.hardness import hardness

Arrays = dict[str, np.ndarray]


class Scorer:
    """An actor. Poses travel to it, weights stay: lifters are unpacked when their hash is new.

    It keeps nothing that a restart would lose. Thread count and chunk size are fixed, so that a
    score depends on the pose, the lifters and the archive alone.
    """

    def __init__(self, seed: int, views: int, device: str = "auto", threads: int = 1) -> None:
        torch.set_num_threads(threads)
        found = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = found if device == "auto" else device
        self._key = key(seed, stream("scoring views"))
        self._views = views
        self._hash = ""
        self._lifters: list[Lifter] = []

    def score(
        self, bodies: Arrays, champion: dict[str, Any], archived: Arrays | None = None
    ) -> Arrays:
        """Scores (poses,) float32: error and disagreement in mm, share of joints outside the image.

        Args:
            bodies: holds `joints` (poses, 17, 3) world mm; where novelty is wanted `ids` (poses,)
                and `descriptor` (poses, 39) as well.
            champion: `hash` of the lifters, and `lifters`, each with `arrays` and `config`.
            archived: `ids` (others,), `rows` (others, 39), `neighbours` and `unit_mm`; with it
                `novelty` is scored, mm a joint.
        """
        lifters = self._hold(champion)
        result = hardness(lifters, bodies["joints"], views=self._views, key=self._key)
        scores = dict(vars(result))
        return scores if archived is None else scores | self.novelty(bodies, archived)

    def novelty(self, bodies: Arrays, archived: Arrays) -> Arrays:
        """`novelty` (poses,) float32 alone, see `score`: it changes with the archive."""
        asked, known = (
            torch.from_numpy(np.array(part)).to(self._device)
            for part in (bodies["descriptor"], archived["rows"])
        )
        members = torch.from_numpy(np.isin(bodies["ids"], archived["ids"])).to(self._device)
        distance = novelty(asked, known, int(archived["neighbours"]), members)
        return {"novelty": (distance * float(archived["unit_mm"])).cpu().numpy()}

    def _hold(self, champion: dict[str, Any]) -> list[Lifter]:
        if self._hash != champion["hash"]:
            lifters = [from_arrays(part["arrays"], part["config"]) for part in champion["lifters"]]
            self._lifters = [
                Lifter(lifter.cascade.folded(), lifter.normalization).to(self._device)
                for lifter in lifters
            ]
            self._hash = champion["hash"]
        return self._lifters
