"""A campaign as metrics of its Ray cluster, which exports them where it exports its own.

Ray puts `ray_` before each name; see https://docs.ray.io/en/latest/ray-observability for the ports.
"""

import math
from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Gauge

_OF_RECORDS = {
    "generation": "Last generation that is in the table",
    "rows": "Poses of the campaign",
    "champion": "Training whose lifters score",
    "seconds": "Duration of the last generation",
    "offspring_per_second": "Valid offspring a second of the last generation",
    "survival": "Share of offspring within the limits",
    "error_mean": "Mean error of the lifter on what was kept, mm",
}


class CampaignGauges:
    """A `Monitor` that sets gauges; made and used where Ray is connected."""

    def __init__(self, campaign: str) -> None:
        self._tags = {"campaign": campaign}
        self._gauges = {name: _gauge(name, text) for name, text in _OF_RECORDS.items()}
        self._waits = _gauge("waits_for_training", "Whether breeding waits for a training")

    def generation(self, done: int, total: int, record: Mapping[str, Any]) -> None:
        """A generation was committed."""
        self._waits.set(0.0, self._tags)
        for name in self._gauges.keys() & record.keys():
            value = float(record[name])
            if math.isfinite(value):
                self._gauges[name].set(value, self._tags)

    def starting(self) -> None:
        """The cluster is there already when this is made."""

    def tell(self, sentence: str) -> None:
        """A sentence is no number."""

    def training(self, name: str, done: int, total: int) -> None:
        """A training is waited for."""
        self._waits.set(1.0, self._tags)


def _gauge(name: str, text: str) -> Gauge:
    return Gauge(f"evoskeleton_campaign_{name}", description=text, tag_keys=("campaign",))
