"""Settings of what a campaign runs on."""

import re

from pydantic import Field, field_validator

from evoskeleton.settings import Settings


class MachineSettings(Settings):
    """What the search runs on. Nothing here changes a row of the table."""

    address: str | None = Field(None, description="Ray cluster to join; none starts one here")
    workers: int | None = Field(
        None, ge=1, description="processes that breed; none: as many as fit"
    )
    scorers: int | None = Field(
        None,
        ge=1,
        description="processes that score poses with the lifters; none: one, and one a GPU on a "
        "cluster that is joined",
    )
    worker_cpus: float = Field(
        0.4, gt=0, description="processors that each of the `workers` reserves"
    )
    scorer_cpus: float = Field(
        0.2, gt=0, description="processors that each of the `scorers` reserves"
    )
    trainer_cpus: float = Field(1.0, gt=0, description="processors that a training reserves in all")
    always_ray_train: bool = Field(
        False,
        description="train by Ray Train also where a training is so small that its helpers take "
        "longer; the lifters are the same",
    )
    scorer_gpus: float | None = Field(
        None,
        ge=0,
        description="share of a GPU that each of the `scorers` reserves; none: a quarter GPU for "
        "all, where there is one; on a joined cluster with several, more than half of one each",
    )
    trainer_gpus: float | None = Field(
        None,
        ge=0,
        description="GPUs that a training reserves in all; none: half a GPU where there is one, or "
        "what scorers leave of one",
    )
    worker_labels: dict[str, str] = Field(
        default_factory=dict,
        description="labels of the nodes that `workers` run on, such as ray.io/node-group: spot",
    )
    scorer_labels: dict[str, str] = Field(
        default_factory=dict,
        description="labels of the nodes that `scorers` run on, such as "
        "ray.io/accelerator-type: H100",
    )
    trainer_labels: dict[str, str] = Field(
        default_factory=dict, description="labels of the nodes that trainings run on"
    )
    wait_seconds: float = Field(
        60.0,
        ge=0,
        description="seconds to wait for the cluster at `address` to answer, and then for the "
        "processors and GPUs that are asked for; raise it where nodes are added on demand",
    )
    stop_seconds: float = Field(
        20.0,
        ge=0,
        description="seconds that a generation in flight has to end after SIGTERM or Ctrl-C, "
        "before it is given up",
    )
    vacuum_hours: int | None = Field(
        None,
        ge=1,
        description="files of the table that the campaign joined into larger ones longer ago than "
        "so many hours are removed, but for those that its trainings read; none: they stay until "
        "`evoskeleton data vacuum`, and take about as much room as the table",
    )

    @field_validator("address")
    @classmethod
    def _is_reached_by_the_driver(cls, address: str | None) -> str | None:
        if address is None or address in ("auto", "local"):
            return address
        if address.startswith("ray://"):
            raise ValueError(
                "a campaign is driven from within the cluster, not through ray://: run it on a "
                "node with --address auto, or by `ray job submit`"
            )
        if not re.fullmatch(r"\[?[^\s/]+\]?:\d{1,5}", address):
            raise ValueError("should be auto, or host:port of the cluster's head")
        return address
