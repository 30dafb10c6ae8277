"""One training on disk: what it is, who is looked at, how far it is, and the detector it ends in.

A folder beside the detector to be holds all of it, in files that appear whole, so that whoever does
the same again after a kill goes on where the last measurement was, and ends with the same weights.
"""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import key, stream
from evoskeleton.files import write_json
from evoskeleton.pose2d.heatmap.bundle import CARD_FILE, WEIGHTS_FILE, read_card, save_bundle
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.weights import HEADS, take_weights
from evoskeleton.pose2d.samples.samples import Samples
from evoskeleton.pose2d.samples.stored import read_people, write_people
from evoskeleton.pose2d.scoring.asking import some
from evoskeleton.pose2d.scoring.scores import Scores, score
from evoskeleton.pose2d.training.detector_training import (
    Report,
    Wrap,
    network_of,
    train_network,
)
from evoskeleton.pose2d.training.kept_memory import keep_memory
from evoskeleton.pose2d.training.measuring import calibrated, measured, reliability_of_curves
from evoskeleton.pose2d.training.settings import DetectorTrainingSettings
from evoskeleton.pose2d.training.state import DetectorState

JOB, PEOPLE, HELD, STATE = (
    "job.json",
    "people.safetensors",
    "held_out.safetensors",
    "state.safetensors",
)

Told = Callable[[dict[str, float], int], None]
"""Called with a point of the curve, and the steps in all."""

_OF_NO_EFFECT = ("workers",)
_MOST_MEASURED = 20_000
"""People that the finished detector is measured on, at most."""


@dataclass(frozen=True)
class Job:
    """What a training is asked to be, in plain values that are kept and compared.

    Attributes:
        sources: annotated sets that are learnt from.
        measured_on: those that are measured on; none: a part of the sources.
        pictures: folders that pictures are looked for in.
        begin: file of published weights, or a detector's folder; empty: none.
        settings: as they were asked for.
    """

    sources: tuple[str, ...]
    measured_on: tuple[str, ...]
    pictures: tuple[str, ...]
    begin: str
    settings: DetectorTrainingSettings

    def words(self) -> dict[str, Any]:
        """As plain data."""
        lists = {name: list(getattr(self, name)) for name in ("sources", "measured_on", "pictures")}
        settings = self.settings.model_dump(mode="json")
        return {**lists, "begin": self.begin, "settings": settings}


def work_folder(output: Path) -> Path:
    """Where a training lies while it is under way."""
    return output.with_name(f"{output.name}.training")


def is_begun(folder: Path, job: Job) -> bool:
    """Whether this very training is under way in a folder.

    Raises:
        BadInput: another one is.
    """
    if not (folder / JOB).is_file():
        return False
    try:
        there = json.loads((folder / JOB).read_text())["asked"]
        there["settings"] = _filled(there["settings"], _defaults())
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"training {folder} is damaged: remove the folder to begin anew") from None
    differing = _differing(there, job.words())
    if differing is None:
        return True
    name, was, now = differing
    raise BadInput(
        f"training {folder} is under way with {name} {was!r}, not {now!r}: --overwrite begins anew"
    )


def begin(folder: Path, job: Job, people: Samples, held: Samples | None) -> None:
    """Lay a training out in a folder; what was there goes.

    Args:
        folder: of the training.
        job: what it is asked to be.
        people: those who are learnt from, with the keypoints of the detector.
        held: those who are measured on, with the same keypoints.

    Raises:
        BadInput: the weights to begin with do not fit, or the folder cannot be written.
    """
    settings = job.settings.for_people(len(people), people.names)
    _first_weights(job.begin, settings)
    shutil.rmtree(folder, ignore_errors=True)
    write_people(folder / PEOPLE, people)
    if held is not None:
        write_people(folder / HELD, held)
    words = {"asked": job.words(), "settings": settings.model_dump(mode="json")}
    write_json(folder / JOB, words)


def train_shard(
    folder: Path | str,
    *,
    shard: int = 0,
    device: torch.device | str = "cpu",
    wrap: Wrap | None = None,
    told: Told = lambda row, total: None,
    workers: int | None = None,
) -> None:
    """This process's part of a training, from where it is to its end.

    Args:
        folder: of the training, which all shards see.
        shard: which share of every batch is this process's; shard 0 measures and saves.
        device: where to train.
        wrap: makes the network share its gradients with the other shards.
        told: called with every report.
        workers: processes that prepare pictures; none: as when the training was begun.

    Raises:
        BadInput: the training diverged, or a file of it is missing or damaged.
    """
    folder = Path(folder)
    settings, people = _settings(folder, workers), read_people(folder / PEOPLE)
    held = read_people(folder / HELD) if (folder / HELD).is_file() else None
    _repeat_exactly()
    keep_memory()
    path = folder / STATE
    start = DetectorState.load(path) if path.is_file() else None
    curve = list(start.words["curve"]) if start else []
    reports = train_network(
        people,
        settings,
        device=device,
        shard=shard,
        start=start,
        weights=None if start else _first_weights(_asked(folder)["begin"], settings),
        wrap=wrap,
    )
    for report in reports:
        _expect_finite(report)
        if shard:
            continue
        row = _point(report, settings, held, device)
        curve.append(row)
        if report.state is not None:
            words = report.state.words | {"curve": curve}
            replace(report.state, words=words).save(path)
        told(row, report.total)


def finish(folder: Path, output: Path, device: str = "cpu") -> tuple[dict[str, Any], Scores | None]:
    """Make the detector out of a finished training, whose folder goes.

    Returns:
        The training record, which the bundle holds too, and its scores; none where nobody was
        held out.

    Raises:
        BadInput: the bundle cannot be written.
    """
    settings, people = _settings(folder, None), read_people(folder / PEOPLE)
    state = DetectorState.load(folder / STATE)
    network = network_of(state, settings)
    scores, curves, held, sureness = None, None, None, None
    if (folder / HELD).is_file():
        held = some(read_people(folder / HELD), _MOST_MEASURED)
        said = measured(network, held, device)
        curves, sureness = calibrated(said), reliability_of_curves(said)
        sure = replace(said.answers, confidence=_confidences(curves, said.answers.confidence))
        scores = score(said.samples, sure) if len(said.samples) else None
    record = _named(folder) | {
        "people": len(people),
        "held_out": 0 if held is None else len(held),
        "left_out": dict(people.left_out),
        "broken_off": len(state.words["broken"]),
        "steps": state.step,
        "settings": settings.model_dump(mode="json"),
        "curve": state.words["curve"],
        "scores": scores.headline() if scores else {},
        "by_keypoint": scores.as_dict()["by_keypoint"] if scores else {},
        "confidence": sureness.as_dict() if sureness else {},
    }
    save_bundle(network.to("cpu"), output, record, curves)
    shutil.rmtree(folder, ignore_errors=True)
    return record, scores


def holds_detector(folder: Path) -> bool:
    """Whether there is a detector already."""
    return (folder / CARD_FILE).is_file()


def curve_of(folder: Path) -> list[dict[str, float]]:
    """The points so far of a training under way."""
    path = folder / STATE
    return list(DetectorState.load(path).words["curve"]) if path.is_file() else []


def _named(folder: Path) -> dict[str, Any]:
    """What was learnt from, measured on and begun with, by the names of files and folders."""
    asked = _asked(folder)
    lists = {name: [Path(path).name for path in asked[name]] for name in ("sources", "measured_on")}
    return {**lists, "begin": Path(asked["begin"]).name if asked["begin"] else ""}


def _asked(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / JOB).read_text())["asked"]
    return found


def _settings(folder: Path, workers: int | None) -> DetectorTrainingSettings:
    words = json.loads((folder / JOB).read_text())
    settings = DetectorTrainingSettings.parse(words["settings"])
    return settings if workers is None else settings.model_copy(update={"workers": workers})


def _first_weights(begun: str, settings: DetectorTrainingSettings) -> dict[str, Tensor] | None:
    """What the training begins with, where it begins with weights at all."""
    if not begun:
        return None
    network = HeatmapNetwork(settings.network, key(settings.seed, stream("weights")))
    fresh = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    path = Path(begun)
    take_weights(network, path / WEIGHTS_FILE if path.is_dir() else path)
    found = dict(network.state_dict())
    if path.is_dir() and read_card(path).network.keypoints != settings.network.keypoints:
        found |= {name: fresh[name] for name in fresh if name.startswith(HEADS)}
    return found


def _repeat_exactly() -> None:
    """GPUs add up in the same order every time, or a training that goes on would be another."""
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


def _expect_finite(report: Report) -> None:
    if not math.isfinite(report.loss):
        raise BadInput(
            f"the training diverged by step {report.step}, its loss is {report.loss:g}: lower "
            f"learning_rate"
        )


def _point(
    report: Report,
    settings: DetectorTrainingSettings,
    held: Samples | None,
    device: torch.device | str,
) -> dict[str, float]:
    """A point of the curve, with what is measured where the state is saved."""
    row = {"step": report.step, "loss": report.loss, "learning_rate": report.learning_rate}
    if report.state is None or held is None:
        return row
    network = network_of(report.state, settings)
    said = measured(network, some(held, settings.measured), str(device))
    if not len(said.samples):
        return row
    found = score(said.samples, said.answers, precision=False)
    return row | {f"held_out_{name}": value for name, value in found.headline().items()}


def _confidences(curves: Any, peaks: Any) -> Any:
    return peaks if curves is None else curves.confidence(peaks)


def _defaults() -> dict[str, Any]:
    return DetectorTrainingSettings.parse({}).model_dump(mode="json")


def _filled(said: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, and the defaults of settings that an earlier version did not have."""
    inner = {
        name: _filled(value, defaults[name])
        for name, value in said.items()
        if isinstance(value, Mapping) and isinstance(defaults.get(name), Mapping)
    }
    return {**defaults, **said, **inner}


def _differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first value that differs, by its dotted name."""
    for name in now:
        before, after = was.get(name), now[name]
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            if (inner := _differing(before, after)) is not None:
                return f"{name}.{inner[0]}", *inner[1:]
        elif before != after and name not in _OF_NO_EFFECT:
            return name, before, after
    return None
