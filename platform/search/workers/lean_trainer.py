"""A Ray Train trainer that starts no processes for what a training here does not have.

Importing this imports Ray Train.
"""

import threading
from typing import Any

import ray
from ray._raylet import PlacementGroupID
from ray.train.torch import TorchTrainer
from ray.util.placement_group import PlacementGroup, remove_placement_group

from evoskeleton.platform.search.workers.joined.awaiting import awaited

_NEEDLESS = {"DatasetsCallback", "PlacementGroupCleanerCallback"}
"""A server of Ray datasets, of which there are none; and a guard that gives back the room of a lost
controller, which `free_room` does."""


def free_room() -> None:
    """Give back what a controller that was lost had reserved: Ray keeps it until the driver ends.

    Nothing else of a campaign reserves groups of places, and one training runs at a time.
    """
    job = ray.get_runtime_context().get_job_id()
    for name, group in ray.util.placement_group_table().items():
        if name.endswith(job) and group["state"] != "REMOVED":
            remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(name))))


class LeanTrainer(TorchTrainer):  # type: ignore[misc]  # Ray has no types that mypy could read
    """Each process left out saves seconds of a processor in every training.

    A Ray that names its parts differently starts all of them, as it does by itself.

    Attributes:
        given_up: when the training is not wanted any more; none: it always is.
    """

    given_up: threading.Event | None = None

    def _create_default_callbacks(self) -> list[Any]:
        callbacks = super()._create_default_callbacks()
        return [one for one in callbacks if type(one).__name__ not in _NEEDLESS]

    def _initialize_and_run_controller(self, **given: Any) -> Any:
        """As Ray does it, on the node of the driver, but waiting until that is given up.

        Raises:
            GivenUp: the training is not wanted any more.
        """
        from ray.train.v2._internal.constants import get_env_vars_to_propagate
        from ray.train.v2._internal.execution.controller import TrainController

        here = {ray._raylet.RAY_NODE_ID_KEY: ray.get_runtime_context().get_node_id()}
        variables = {"RAY_WARN_BLOCKING_GET_INSIDE_ASYNC": "0", **get_env_vars_to_propagate()}
        made = ray.remote(num_cpus=0, label_selector=here, runtime_env={"env_vars": variables})
        controller = made(TrainController).remote(**given)
        awaited(controller.run.remote(), self.given_up)
        return awaited(controller.get_result.remote(), self.given_up)
