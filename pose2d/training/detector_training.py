"""Training of a heat-map network: a generator that yields a report every so many steps.

Every step's people, their looks and their order are drawn from (seed, step) alone, so that a
training that goes on from a saved state equals one that was never interrupted, bit for bit, on one
kind of device with one number of threads. The published trainings (Sun 2019,
https://arxiv.org/abs/1902.09212; Li 2020, https://arxiv.org/abs/2006.07778) are presets of the
settings.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import key, stream
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.losses import heatmap_loss
from evoskeleton.pose2d.heatmap.person_crops import DEVIATION, MEAN
from evoskeleton.pose2d.samples.looks.batches import Batch, Plan, batches
from evoskeleton.pose2d.samples.samples import Samples
from evoskeleton.pose2d.training.settings import DetectorTrainingSettings
from evoskeleton.pose2d.training.state import DetectorState, copied, moments_of, put_moments

Wrap = Callable[[nn.Module], nn.Module]


@dataclass(frozen=True)
class Report:
    """How far a training is.

    Attributes:
        step, total: steps done and in all.
        loss: mean over the steps since the last report.
        learning_rate: of the last step.
        seconds: since the training started or went on.
        broken: rows of people whose picture could not be read, so far.
        state: all of it; none between the reports that are saved.
    """

    step: int
    total: int
    loss: float
    learning_rate: float
    seconds: float
    broken: frozenset[int]
    state: DetectorState | None


def train_network(
    samples: Samples,
    settings: DetectorTrainingSettings,
    *,
    device: torch.device | str = "cpu",
    shard: int = 0,
    start: DetectorState | None = None,
    weights: dict[str, Tensor] | None = None,
    wrap: Wrap | None = None,
) -> Iterator[Report]:
    """Train a network.

    Args:
        samples: people with the keypoints of `settings.network`.
        settings: network and training, as `DetectorTrainingSettings.for_people` gives them.
        device: where to train.
        shard: which share of every batch is this process's, of `gradient_shards`.
        start: go on from here.
        weights: begin with these; what they lack begins anew.
        wrap: makes the network share its gradients with the other shards.

    Yields:
        A report every `report_every` and every `save_every` steps, and at the end.

    Raises:
        BadInput: the keypoints are others, nobody is there, or workers are missing.
    """
    if samples.names != settings.network.keypoints:
        raise BadInput("samples should have the keypoints of the network")
    if not len(samples):
        raise BadInput("samples should hold at least one person, got none")
    if settings.gradient_shards > 1 and wrap is None:
        raise BadInput(
            f"gradient_shards {settings.gradient_shards} want as many workers, got a single one"
        )
    return _Training(samples, settings, torch.device(device), shard, start, weights, wrap).reports()


def network_of(state: DetectorState, settings: DetectorTrainingSettings) -> HeatmapNetwork:
    """The detector's network at this point of its training, on the processor."""
    network = HeatmapNetwork(settings.network)
    network.load_state_dict(state.average or state.model)
    return network.eval()


def learning_rate(settings: DetectorTrainingSettings, step: int) -> float:
    """The learning rate of a step."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    done = step / settings.steps
    if settings.schedule == "cosine":
        return settings.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * done))
    if settings.schedule == "steps":
        return settings.learning_rate * rise * 0.1 ** sum(done >= fall for fall in settings.falls)
    return settings.learning_rate * rise


def kept_share(settings: DetectorTrainingSettings, step: int) -> float:
    """Share of the running mean that a step keeps: less at first, or the mean would be stale."""
    return min(settings.average, (step + 1) / (step + 10))


class _Training:
    """One process's part of a training: network, running mean and optimizer on a device."""

    def __init__(
        self,
        samples: Samples,
        settings: DetectorTrainingSettings,
        device: torch.device,
        shard: int,
        start: DetectorState | None,
        weights: dict[str, Tensor] | None,
        wrap: Wrap | None,
    ) -> None:
        self._samples, self._settings, self._device = samples, settings, device
        self._shard, self._wrap = shard, wrap or (lambda module: module)
        self._step = start.step if start else 0
        self._broken = set(start.words.get("broken", [])) if start else set[int]()
        self._network = _begun(settings, start, weights).to(device)
        # A fifth faster, also on processors; the stubs of torch do not know it.
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = self._begin_average(start)
        self._moments = start.optimizer if start else {}
        scale = torch.tensor(1.0 / (255.0 * DEVIATION), device=device)
        offset = torch.tensor(MEAN / DEVIATION, device=device)
        self._scale, self._offset = scale.view(3, 1, 1), offset.view(3, 1, 1)

    def reports(self) -> Iterator[Report]:
        """Train to the end."""
        settings, began = self._settings, time.monotonic()
        self._network.train()
        shared, optimizer = self._wrap(self._network), self._optimizer()
        total, count = torch.zeros((), device=self._device), 0
        for batch in self._batches():
            rate = learning_rate(settings, self._step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            total += self._take_step(shared, optimizer, batch)
            self._step, count = self._step + 1, count + 1
            save = self._step % settings.save_every == 0 or self._step == settings.steps
            if save or self._step % settings.report_every == 0:
                state = self._snapshot(optimizer) if save else None
                seconds, broken = time.monotonic() - began, frozenset(self._broken)
                loss = float(total) / count
                yield Report(self._step, settings.steps, loss, rate, seconds, broken, state)
                total, count = torch.zeros_like(total), 0

    def _batches(self) -> Iterator[Batch]:
        settings = self._settings
        share = settings.batch // settings.gradient_shards
        places = (self._shard * share, (self._shard + 1) * share)
        size, augmentation = settings.network.picture_px, settings.augmentation
        plan = Plan(settings.seed, settings.batch, places, size, augmentation)
        return batches(self._samples, plan, self._step, settings.steps, settings.workers)

    def _take_step(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch
    ) -> Tensor:
        settings = self._settings
        self._broken.update(batch.broken)
        targets, weights = batch.targets.to(self._device), batch.weights.to(self._device)
        optimizer.zero_grad(set_to_none=True)
        with self._arithmetic():
            maps = network(self._normalised(batch.crops))
        size = settings.network.picture_px
        loss = heatmap_loss(maps.float(), targets, weights, size, settings.loss)
        torch.autograd.backward(loss)
        optimizer.step()
        self._move_average()
        return loss.detach()

    def _normalised(self, crops: Tensor) -> Tensor:
        """(slots, 3, height, width) as the network takes them."""
        pictures = crops.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        return pictures * self._scale - self._offset

    def _arithmetic(self) -> AbstractContextManager[object]:
        if self._settings.precision == "float32" or self._device.type == "cpu":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16)

    def _optimizer(self) -> torch.optim.Optimizer:
        settings, parameters = self._settings, self._network.parameters()
        optimizer: torch.optim.Optimizer
        if settings.optimizer == "adamw":
            decay = settings.weight_decay
            optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=decay, fused=True)
        else:
            optimizer = torch.optim.Adam(parameters, lr=0.0, fused=True)
        put_moments(optimizer, self._network, self._moments)
        self._moments = {}
        return optimizer

    def _begin_average(self, start: DetectorState | None) -> dict[str, Tensor]:
        if not self._settings.average:
            return {}
        begun = start.average if start and start.average else self._network.state_dict()
        return {name: tensor.to(self._device, copy=True) for name, tensor in begun.items()}

    @torch.no_grad()
    def _move_average(self) -> None:
        """Towards the weights; whole numbers, such as counts of batches, are taken as they are."""
        if not self._average:
            return
        share = 1.0 - kept_share(self._settings, self._step)
        now = self._network.state_dict()
        floats = [name for name, tensor in now.items() if tensor.is_floating_point()]
        means, values = [self._average[name] for name in floats], [now[name] for name in floats]
        torch._foreach_lerp_(means, values, share)
        for name in now.keys() - set(floats):
            self._average[name].copy_(now[name])

    def _snapshot(self, optimizer: torch.optim.Optimizer) -> DetectorState:
        average = {name: tensor.to("cpu", copy=True) for name, tensor in self._average.items()}
        moments = moments_of(optimizer, self._network)
        words = {"broken": sorted(self._broken)}
        return DetectorState(self._step, copied(self._network), average, moments, words)


def _begun(
    settings: DetectorTrainingSettings,
    start: DetectorState | None,
    weights: dict[str, Tensor] | None,
) -> HeatmapNetwork:
    """The network that the training begins or goes on with, on the processor."""
    seed = key(settings.seed, stream("weights"))
    network = HeatmapNetwork(settings.network, seed)
    if start is not None:
        network.load_state_dict(start.model)
    elif weights is not None:
        network.load_state_dict(network.state_dict() | weights)
    return network
