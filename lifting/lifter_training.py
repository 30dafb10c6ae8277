"""Training of a lifter: a generator that yields one report every so many steps.

Poses (n, 17, 3) float32 world mm are read a batch at a time, so that a memory-mapped file of any
size will do. Every step draws its rows, its virtual views, its noise, its dropped joints and its
dropout from (seed, step) alone, on the device that trains: a training that goes on from a saved
state equals one that was never interrupted, bit for bit, and two trainings of one seed see the
same views whatever they are trained on. What is bit for bit holds for one kind of device and one
number of threads.

The cascade is Li et al. 2020 (https://arxiv.org/abs/2006.07778): Adam, one stage after the other.
They minimise the mean squared error of z-scored joints (`loss: mse`). By default it is the mean
distance of the joints, the error that protocol 1 measures: a squared error asks for the mean of all
bodies that a picture may show, which where a limb points forwards or backwards is neither, and it
takes a hip's millimetres for more than a wrist's.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import integers, key, normal, stream, uniform
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import write_bytes, write_json
from evoskeleton.lifting.bundle import Lifter, load_bundle
from evoskeleton.lifting.bundles import bundle_folder
from evoskeleton.lifting.cameras import ViewSettings, project, sample_views, world_to_camera
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.detections.noise import detected
from evoskeleton.lifting.detections.settings import DetectionSettings
from evoskeleton.lifting.metrics import mpjpe, p_mpjpe
from evoskeleton.lifting.normalization import Mode, Normalization
from evoskeleton.settings import Settings
from evoskeleton.shapes import expect_shape

Wrap = Callable[[nn.Module], nn.Module]

_OURS = {"bone_input": True, "activation": "silu"}
_SMALL = {"width": 256, "blocks": 2, "stages": 1, "dropout": 0.0} | _OURS

_SHIPPED = {"width": 512, "blocks": 2, "stages": 1, "dropout": 0.0, "both_sides": True} | _OURS
_EVERYWHERE = {
    "elevation_deg": (-15.0, 45.0),
    "distance_mm": (2000.0, 9000.0),
    "focal_px": (700.0, 1800.0),
}

PRESETS: dict[str, dict[str, Any]] = {
    "small": {"cascade": _SMALL},
    "large": {
        "steps": 20000,
        "batch": 4096,
        "learning_rate": 1e-3,
        "report_every": 500,
        "cascade": {"width": 1024, "blocks": 2, "stages": 2, "dropout": 0.25} | _OURS,
    },
    "paper": {
        "steps": 10000,
        "batch": 8192,
        "learning_rate": 1e-3,
        "schedule": "constant",
        "loss": "mse",
        "report_every": 500,
        "normalization": "zscore",
        "noise_px": 0.0,
        "drop": 0.0,
        "cascade": {
            "width": 1024,
            "blocks": 2,
            "stages": 2,
            "dropout": 0.5,
            "visibility_input": False,
        },
    },
    "detections": {
        "steps": 3000,
        "batch": 512,
        "learning_rate": 6e-3,
        "warmup": 100,
        "noise_px": 0.0,
        "drop": 0.0,
        "detections": {},
        "second_opinion": 0.2,
        "views": _EVERYWHERE,
        "cascade": _SHIPPED | {"confidence_input": True},
    },
    "exact": {
        "steps": 600,
        "batch": 512,
        "learning_rate": 6e-3,
        "warmup": 100,
        "noise_px": 1.0,
        "views": _EVERYWHERE,
        "cascade": _SHIPPED,
    },
}
"""Named starting points over the defaults. Whatever is set besides the preset wins."""

_STATISTICS_POSES = 16384


class LifterSettings(Settings):
    """A lifter and its training."""

    preset: Literal["small", "large", "paper", "detections", "exact"] = Field(
        "small",
        description="small: minutes on one core; large: for a GPU; paper: as published (z-score, "
        "no visibility, no bones, ReLU); detections and exact: as the lifters of the package, for "
        "keypoints that a detector found and for exact ones. Other settings change it",
    )
    steps: int = Field(600, ge=1, description="steps of each stage")
    batch: int = Field(1024, ge=2, description="poses of a step, each seen by a camera of its own")
    learning_rate: float = Field(2e-2, gt=0, description="Adam's largest step size")
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="how the learning rate falls over the steps of a stage"
    )
    loss: Literal["mpjpe", "mse"] = Field(
        "mpjpe",
        description="what is minimised: the mean distance of the joints, mm, or the mean squared "
        "error of z-scored joints, as published",
    )
    warmup: int = Field(20, ge=0, description="steps over which the learning rate rises")
    seed: int = Field(1, ge=0, lt=2**63, description="seed of weights, rows, views and noise")
    views: ViewSettings = Field(
        default_factory=lambda: ViewSettings.parse({}),
        description="virtual cameras of the training",
    )
    noise_px: float = Field(
        2.0,
        ge=0,
        description="standard deviation of the noise on keypoints, px of a 1000 x 1000 image",
    )
    drop: float = Field(0.05, ge=0, lt=1, description="probability that a joint is hidden")
    detections: DetectionSettings | None = Field(
        None,
        description="keypoints as a detector of people finds them, in place of noise_px and drop; "
        "none: even noise",
    )
    second_opinion: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of a detector's own 3D in what people of a picture are given, where it "
        "gives one",
    )
    normalization: Mode = Field(
        "per_pose", description="per_pose: for use in the wild; zscore: pixels, as published"
    )
    cascade: CascadeSettings = Field(
        default_factory=lambda: CascadeSettings.parse(_SMALL),
        description="the network",
    )
    begin: str | None = Field(
        None,
        description="lifter of the same network whose weights the training begins with: the folder "
        "of its bundle, or detections or exact; none: weights are drawn",
    )
    gradient_shards: int = Field(
        1, ge=1, description="workers that share each batch; part of what the result depends on"
    )
    report_every: int = Field(50, ge=1, description="steps between reports")

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        chosen = PRESETS.get(str(data.get("preset", "small")), {})
        if isinstance(data.get("cascade"), dict):
            data = data | {"cascade": chosen.get("cascade", _SMALL) | data["cascade"]}
        return chosen | data

    @model_validator(mode="after")
    def _whole_slices(self) -> "LifterSettings":
        if self.batch % self.gradient_shards or self.batch // self.gradient_shards < 2:
            raise ValueError("batch should be a multiple of gradient_shards, 2 poses each or more")
        return self

    @property
    def total(self) -> int:
        """Steps of all stages."""
        return self.steps * self.cascade.stages


@dataclass(frozen=True)
class TrainingState:
    """Everything that a training needs to go on; all tensors on the processor.

    Attributes:
        settings: what it is a training of.
        step: steps done, of all stages together.
        model: state dict of the whole cascade.
        optimizer: Adam's tensors, named `stage.parameter.kind`; stages to come have none.
        normalization: statistics of the training set.
    """

    settings: LifterSettings
    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    normalization: Normalization

    def restarted(self) -> "TrainingState":
        """The same weights, moments and statistics at step 0: a warm start on other poses."""
        return replace(self, step=0)

    def save(self, folder: Path | str) -> None:
        """Write `state.safetensors` and `state.json` into a folder, which is made."""
        folder = Path(folder)
        groups = {
            "model": self.model,
            "optimizer": self.optimizer,
            "statistics": self.normalization.tensors(),
        }
        tensors = {
            f"{group}:{name}": tensor.contiguous()
            for group, members in groups.items()
            for name, tensor in members.items()
        }
        words = {"step": self.step, "settings": self.settings.model_dump(mode="json")}
        write_bytes(folder / "state.safetensors", safetensors.save(tensors))
        write_json(folder / "state.json", words)

    @classmethod
    def load(cls, folder: Path | str) -> "TrainingState":
        """Back from `save`.

        Raises:
            BadInput: a file is missing or damaged.
        """
        folder = Path(folder)
        try:
            words = json.loads((folder / "state.json").read_text())
            tensors = safetensors.load((folder / "state.safetensors").read_bytes())
            settings = LifterSettings.parse(words["settings"])
            groups: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "statistics": {}}
            for name, tensor in tensors.items():
                group, _, member = name.partition(":")
                groups[group][member] = tensor
            normalization = Normalization(mode=settings.normalization, **groups["statistics"])
        except OSError as error:
            raise BadInput(f"training state {folder}: {error.strerror}") from None
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise BadInput(f"training state {folder} is damaged: {error}") from None
        step = int(words["step"])
        return cls(settings, step, groups["model"], groups["optimizer"], normalization)


@dataclass(frozen=True)
class Report:
    """How far a training is.

    Attributes:
        step, total: steps done and steps in all, over all stages.
        stage: the stage in training, from 0.
        loss: of the training's kind (mm for `mpjpe`), mean over the steps since the last report.
        learning_rate: of the last step.
        validation: `mpjpe` and `p_mpjpe`, mm, over the fixed views; empty without validation poses.
        seconds: since the training started or went on.
        state: the full training state.
    """

    step: int
    total: int
    stage: int
    loss: float
    learning_rate: float
    validation: dict[str, float]
    seconds: float
    state: TrainingState


def train_lifter(
    poses: np.ndarray,
    settings: LifterSettings,
    *,
    validation: np.ndarray | None = None,
    device: torch.device | str = "cpu",
    shard: int = 0,
    start: TrainingState | None = None,
    wrap: Wrap | None = None,
) -> Iterator[Report]:
    """Train a lifter.

    Args:
        poses: (n, 17, 3) float32 world mm; a memory map is read a batch at a time.
        settings: network, views and optimizer.
        validation: (m, 17, 3) world mm, measured with every report.
        device: where to train.
        shard: which slice of every batch is this process's, of `gradient_shards`.
        start: go on from here; `start.restarted()` begins anew with its weights.
        wrap: makes a stage share its gradients with the other shards (DistributedDataParallel).

    Yields:
        A report every `report_every` steps and at the end of every stage.

    Raises:
        BadInput: the poses have another shape or are none, or `start` is of another network.
    """
    expect_shape("poses", poses, ("poses", len(JOINT_NAMES), 3))
    if len(poses) == 0:
        raise BadInput("poses should hold at least one pose, got none")
    if settings.gradient_shards > 1 and wrap is None:
        raise BadInput(
            f"gradient_shards {settings.gradient_shards} want as many workers, got a single one"
        )
    training = _Training(poses, settings, torch.device(device), shard, start, wrap)
    return training.reports(validation)


def lifter_from(source: Report | TrainingState) -> Lifter:
    """The lifter of a training, on the processor; stages that were not trained yet are silent."""
    state = source.state if isinstance(source, Report) else source
    cascade = Cascade(state.settings.cascade)
    cascade.load_state_dict(state.model)
    if state.step > 0:
        cascade.silence(from_stage=(state.step - 1) // state.settings.steps + 1)
    return Lifter(cascade, state.normalization, state.settings.second_opinion)


@dataclass(frozen=True)
class Batch:
    """Poses as one camera each sees them: (n, 17, 2) px, (n, 17) bool or confidence above a half
    where a keypoint is known, (n, 17, 3) camera mm."""

    keypoints: Tensor
    visibility: Tensor
    joints: Tensor


def draw_batch(joints: Tensor, settings: LifterSettings, key_: int, counters: Tensor) -> Batch:
    """Put every one of (n, 17, 3) world poses under a virtual view of its own.

    The views depend on `key_` and `counters` alone, never on the poses.
    """
    cameras = sample_views(joints[:, 0], settings.views, key_, counters)
    seen = world_to_camera(joints, cameras)
    keypoints = project(seen, cameras)
    if settings.detections is not None:
        return Batch(*detected(keypoints, seen, settings.detections, key_, counters), seen)
    if settings.noise_px > 0:
        noise = normal(key(key_, stream("noise")), counters, 2 * len(JOINT_NAMES))
        keypoints = keypoints + settings.noise_px * noise.view_as(keypoints)
    hidden = torch.zeros_like(keypoints[..., 0], dtype=torch.bool)
    if settings.drop > 0:
        draws = uniform(key(key_, stream("drop")), counters, len(JOINT_NAMES))
        hidden = draws < settings.drop
    return Batch(keypoints, ~hidden, seen)


def learning_rate(settings: LifterSettings, step: int) -> float:
    """The learning rate of a step within its stage, from 0."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if settings.schedule == "constant":
        return settings.learning_rate * rise
    fall = 0.5 * (1.0 + math.cos(math.pi * step / settings.steps))
    return settings.learning_rate * rise * fall


class _Training:
    """One process's part of a training: the cascade and its optimizers on a device."""

    def __init__(
        self,
        poses: np.ndarray,
        settings: LifterSettings,
        device: torch.device,
        shard: int,
        start: TrainingState | None,
        wrap: Wrap | None,
    ) -> None:
        self._poses, self._settings, self._device = poses, settings, device
        self._shard, self._wrap = shard, wrap or (lambda module: module)
        self._key = key(settings.seed, stream("fitting"))
        start = start or beginning(settings)
        self._step = start.step if start else 0
        self._cascade = Cascade(settings.cascade, key(settings.seed, stream("weights")))
        self._moments = dict(start.optimizer) if start else {}
        if start is not None:
            _check_same_network(start.settings, settings)
            self._cascade.load_state_dict(start.model)
        self._cascade.to(device)
        normalization = start.normalization if start else self._measure()
        self._normalization = normalization.to(device)

    def reports(self, validation: np.ndarray | None) -> Iterator[Report]:
        """Train to the end, stage after stage."""
        began = time.monotonic()
        for stage in range(self._step // self._settings.steps, self._settings.cascade.stages):
            for loss, rate in self._stage(stage):
                state = self._snapshot()
                scores = {} if validation is None else validate(lifter_from(state), validation)
                seconds = time.monotonic() - began
                total = self._settings.total
                yield Report(self._step, total, stage, loss, rate, scores, seconds, state)

    def _stage(self, stage: int) -> Iterator[tuple[float, float]]:
        """Train one stage to its end; (mean loss, learning rate) whenever a report is due."""
        settings = self._settings
        learner = self._cascade.stages[stage]
        self._cascade.eval().requires_grad_(False)
        learner.train().requires_grad_(True)
        network = self._wrap(learner)
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.0, fused=True)
        _put_moments(optimizer, learner, self._moments, f"{stage}.")
        total, count, end = torch.zeros((), device=self._device), 0, settings.steps * (stage + 1)
        while self._step < end:
            rate = learning_rate(settings, self._step - settings.steps * stage)
            for group in optimizer.param_groups:
                group["lr"] = rate
            total += self._take_step(network, optimizer, stage)
            self._step, count = self._step + 1, count + 1
            if self._step % settings.report_every == 0 or self._step == end:
                self._moments |= _get_moments(optimizer, learner, f"{stage}.")
                yield float(total) / count, rate
                total, count = torch.zeros_like(total), 0

    def _take_step(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, stage: int
    ) -> Tensor:
        features, target = self._batch()
        if stage > 0:
            with torch.no_grad():
                target = target - self._cascade.partial(features, stage)
        optimizer.zero_grad(set_to_none=True)
        with _seeded(self._device, key(self._key, self._step, self._shard, stream("dropout"))):
            answer = network(features)
        loss = self._loss(answer, target)
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.detach()

    def _loss(self, answer: Tensor, target: Tensor) -> Tensor:
        """Of (n, 48) normalised joints and their target, both less what earlier stages give."""
        if self._settings.loss == "mse":
            return nn.functional.mse_loss(answer, target)
        return self._normalization.distances(answer, target).mean()

    def _batch(self) -> tuple[Tensor, Tensor]:
        """This shard's slice of the step's batch: features and targets."""
        share = self._settings.batch // self._settings.gradient_shards
        slots = torch.arange(self._shard * share, (self._shard + 1) * share)
        key_ = key(self._key, self._step)
        batch = self._draw(key_, slots, self._settings)
        visibility = self._cascade.seen(batch.visibility)
        points = self._normalization.keypoints(batch.keypoints, visibility)
        features = self._cascade.features(points, visibility)
        return features, self._normalization.joints(batch.joints)

    def _draw(self, key_: int, slots: Tensor, settings: LifterSettings) -> Batch:
        rows = integers(key(key_, stream("rows")), slots, len(self._poses))[:, 0].numpy()
        joints = torch.from_numpy(np.asarray(self._poses[rows], dtype=np.float32))
        return draw_batch(joints.to(self._device), settings, key_, slots.to(self._device))

    def _measure(self) -> Normalization:
        """Statistics over a fixed number of poses and views, without noise."""
        clean = self._settings.model_copy(update={"noise_px": 0.0, "drop": 0.0, "detections": None})
        slots = torch.arange(_STATISTICS_POSES)
        batch = self._draw(key(self._key, stream("statistics")), slots, clean)
        return Normalization.measure(self._settings.normalization, batch.keypoints, batch.joints)

    def _snapshot(self) -> TrainingState:
        model = {name: _copied(tensor) for name, tensor in self._cascade.state_dict().items()}
        normalization = self._normalization.to("cpu")
        return TrainingState(self._settings, self._step, model, dict(self._moments), normalization)


def validate(lifter: Lifter, poses: np.ndarray) -> dict[str, float]:
    """Mean MPJPE and P-MPJPE, mm, of (n, 17, 3) world poses over the fixed views."""
    from evoskeleton.lifting.protocols import lift_fixed_views

    predicted, target = lift_fixed_views(lifter, poses)
    flat = predicted.flatten(0, 1), target.flatten(0, 1)
    return {"mpjpe": float(mpjpe(*flat).mean()), "p_mpjpe": float(p_mpjpe(*flat).mean())}


def beginning(settings: LifterSettings) -> TrainingState | None:
    """Weights and statistics of the lifter that a training begins with, at step 0; none: drawn.

    Raises:
        BadInput: there is no such lifter, or its network is not the one that is to be trained.
    """
    if settings.begin is None:
        return None
    lifter = load_bundle(bundle_folder(settings.begin))
    network = {"cascade": lifter.cascade.settings, "normalization": lifter.normalization.mode}
    if network != {name: getattr(settings, name) for name in network}:
        raise BadInput(
            f"begin should be a lifter of the network that is to be trained, {settings.begin} has "
            "another: begin=null trains from drawn weights"
        )
    weights = lifter.cascade.state_dict()
    return TrainingState(settings, 0, weights, {}, lifter.normalization)


def _check_same_network(old: LifterSettings, new: LifterSettings) -> None:
    for name in ("cascade", "normalization"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            raise BadInput(f"the state to go on from has {name} {before!r}, not {after!r}")


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)


def _get_moments(
    optimizer: torch.optim.Optimizer, module: nn.Module, prefix: str
) -> dict[str, Tensor]:
    """Copies of Adam's tensors, named after the parameters they belong to."""
    return {
        f"{prefix}{name}:{kind}": _copied(tensor)
        for name, parameter in module.named_parameters()
        for kind, tensor in optimizer.state[parameter].items()
    }


def _put_moments(
    optimizer: torch.optim.Optimizer, module: nn.Module, moments: dict[str, Tensor], prefix: str
) -> None:
    for name, parameter in module.named_parameters():
        start = f"{prefix}{name}:"
        for full, tensor in moments.items():
            if full.startswith(start):
                kind = full.removeprefix(start)
                optimizer.state[parameter][kind] = tensor.to(parameter.device, copy=True)


@contextmanager
def _seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Torch's own generator, seeded for a moment and then put back as it was."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed % (1 << 63))
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed % (1 << 63))
        yield
