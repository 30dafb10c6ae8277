"""Actors that hold the current lifter on their device and score poses by its error."""

from typing import Any

import numpy as np
import torch

from evoskeleton.evolution.chance import key, stream
from evoskeleton.lifting.bundle import Lifter, from_arrays
from evoskeleton.lifting.hardness import hardness

Arrays = dict[str, np.ndarray]


class Scorer:
    """An actor. Poses travel to it, weights stay: a lifter is unpacked when its hash is new.

    It keeps nothing that a restart would lose. Thread count and chunk size are fixed, so that a
    score depends on the pose and the lifter alone.
    """

    def __init__(self, seed: int, views: int, device: str = "auto") -> None:
        torch.set_num_threads(1)
        found = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = found if device == "auto" else device
        self._key = key(seed, stream("scoring views"))
        self._views = views
        self._hash = ""
        self._lifter: Lifter | None = None

    def score(self, bodies: Arrays, champion: dict[str, Any]) -> Arrays:
        """Error (poses,) mm and share of joints outside the image.

        Args:
            bodies: holds `joints` (poses, 17, 3) world mm.
            champion: `hash`, `arrays` and `config` of the lifter.
        """
        lifter = self._hold(champion)
        result = hardness([lifter], bodies["joints"], views=self._views, key=self._key)
        return {"error": result.error, "outside": result.outside}

    def _hold(self, champion: dict[str, Any]) -> Lifter:
        if self._lifter is None or self._hash != champion["hash"]:
            self._lifter = from_arrays(champion["arrays"], champion["config"]).to(self._device)
            self._hash = champion["hash"]
        return self._lifter
