"""Several processes that train one thing, by Ray Train: a gradient shard each.

What they run is a function of anybody's, by name: it is called with what it is given, and with its
shard, its device, and what makes a network share its gradients. It keeps its own place on a disk
that all nodes see, and goes on from there when Ray starts it again.
"""

import importlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from evoskeleton.errors import BadInput
from evoskeleton.platform.search.workers.joined.room import Resources


def fit_by_ray(
    loop: Callable[[dict[str, Any]], None],
    config: Mapping[str, Any],
    *,
    name: str,
    storage: str,
    shards: int,
    resources: Resources,
    max_failures: int,
    filesystem: Any = None,
    given_up: threading.Event | None = None,
) -> None:
    """Run a loop in each of several workers of Ray Train, with `gpu` added to its config.

    Raises:
        GivenUp: it is not wanted any more.
        BadInput: no processors for it came free, or it failed too often.
    """
    from ray.exceptions import RayActorError
    from ray.train import (
        CheckpointConfig,
        ControllerError,
        FailureConfig,
        RunConfig,
        ScalingConfig,
    )
    from ray.train.torch import TorchConfig

    from evoskeleton.platform.search.workers.joined.awaiting import expect_wanted
    from evoskeleton.platform.search.workers.lean_trainer import LeanTrainer, free_room

    gpus = resources.trainer_gpus / shards
    trainer = LeanTrainer(
        loop,
        train_loop_config={**config, "gpu": gpus > 0},
        torch_config=TorchConfig(backend="nccl" if gpus >= 1 else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=shards,
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": resources.trainer_cpus / shards}
            | ({"GPU": gpus} if gpus else {}),
            label_selector=resources.trainer_labels or None,
        ),
        run_config=RunConfig(
            name=name,
            storage_path=storage,
            storage_filesystem=filesystem,
            failure_config=FailureConfig(max_failures=max_failures, controller_failure_limit=2),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    )
    trainer.given_up = given_up
    for left in reversed(range(max_failures + 1)):
        expect_wanted(given_up)
        try:
            trainer.fit()
            return
        except ControllerError as error:
            reason = str(error.controller_failure).splitlines() or [type(error).__name__]
            raise BadInput(f"training {name} could not be run: {reason[0]}") from error
        except RayActorError as error:  # the controller itself, which Ray does not make again
            free_room()
            if not left:
                lost = f"its controller was lost {max_failures + 1} times"
                raise BadInput(f"training {name} could not be run: {lost}") from error


def train_in_shards(
    function: str,
    given: Mapping[str, Any],
    *,
    name: str,
    storage: str,
    shards: int,
    resources: Resources,
    max_failures: int = 5,
) -> None:
    """Call `module:function` in every worker.

    Args:
        function: by name; takes `given`, and `shard`, `device` and `wrap` by keyword.
        given: plain values by keyword.
        name: of the training.
        storage: folder that all nodes see.
        shards: how many workers.
        resources: what they have in all.
        max_failures: most restarts.

    Raises:
        BadInput: no processors for it came free, or it failed too often.
    """
    config = {"function": function, "given": dict(given)}
    fit_by_ray(
        _call,
        config,
        name=name,
        storage=storage,
        shards=shards,
        resources=resources,
        max_failures=max_failures,
    )


def shard_number() -> int:
    """Which worker this is."""
    import ray.train

    return int(ray.train.get_context().get_world_rank())


def shard_device(gpu: bool) -> torch.device | str:
    """Where this worker trains: without a share of a GPU off it, also where torch sees one."""
    import ray.train.torch

    return ray.train.torch.get_device() if gpu else "cpu"


def shared(gpu: bool) -> Callable[[nn.Module], nn.Module]:
    """What makes a network share its gradients with the other workers'."""
    import ray.train.torch

    return ray.train.torch.prepare_model if gpu else DistributedDataParallel


def _call(config: dict[str, Any]) -> None:
    """The loop of one worker."""
    module, _, name = config["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    gpu = config["gpu"]
    function(**config["given"], shard=shard_number(), device=shard_device(gpu), wrap=shared(gpu))


def room_of_shards(shards: int, helpers: int) -> Resources:
    """What so many workers have on the cluster that is joined: a GPU each where there are as many,
    and no more processors than there are.

    Args:
        shards: how many workers.
        helpers: processes that each of them starts besides.
    """
    import ray

    there = ray.cluster_resources()
    gpus = float(shards) if there.get("GPU", 0.0) >= shards else 0.0
    cpus = min(float(shards * (1 + helpers)), 0.9 * there.get("CPU", 1.0))
    return Resources(0, 0, {}, {}, trainer_cpus=cpus, trainer_gpus=gpus)
