"""A Ray Train trainer that starts no processes for what a training here does not have.

Importing this imports Ray Train.
"""

from typing import Any

from ray.train.torch import TorchTrainer

_NEEDLESS = {"DatasetsCallback", "PlacementGroupCleanerCallback"}
"""A server of Ray datasets, of which there are none; and a guard for drivers that outlive a lost
controller, which a campaign does not."""


class LeanTrainer(TorchTrainer):  # type: ignore[misc]  # Ray has no types that mypy could read
    """Each process left out saves seconds of a processor in every training.

    A Ray that names its parts differently starts all of them, as it does by itself.
    """

    def _create_default_callbacks(self) -> list[Any]:
        callbacks = super()._create_default_callbacks()
        return [one for one in callbacks if type(one).__name__ not in _NEEDLESS]
