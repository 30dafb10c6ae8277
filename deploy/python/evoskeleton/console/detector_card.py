"""What `evoskeleton detector card` shows: what a detector is, and what may be expected of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from evoskeleton.console.detector_scores import SHOWN, reliability_table
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.layouts import of_names
from evoskeleton.pose2d.heatmap.bundle import Card
from evoskeleton.pose2d.samples.left_out import counted
from evoskeleton.pose2d.samples.names import SCHEMAS
from evoskeleton.pose2d.scoring.reliability import Reliability

_NETWORKS = {16: "HRNet-W18-small v1", 18: "HRNet-W18-small v2", 32: "HRNet-W32", 48: "HRNet-W48"}


def card_tables(card: Card) -> list[Table]:
    """What it is, and the confidences of its training where they were measured."""
    table = Table(show_header=False, title="card of the detector", title_justify="left")
    for name, words in _rows(card):
        table.add_row(name, words)
    return [table, *_confidences(card.training.get("confidence"))]


def _rows(card: Card) -> Iterator[tuple[str, str]]:
    network, training = card.network, card.training
    width, height = network.picture_px
    yield "network", f"{_NETWORKS[network.width]}, people of {width} x {height} px"
    yield "keypoints", _keypoints(network.keypoints)
    yield "weights", card.weight_hash[:12]
    yield "trained on", _trained_on(training)
    if left_out := counted(training.get("left_out") or {}):
        yield "left out", left_out
    yield "training", _training(training)
    yield "measured on", _measured_on(training)
    yield "errors", _errors(training.get("scores") or {})
    if worst := _worst(training.get("by_keypoint") or {}):
        yield "worst found", worst
    test = training.get("test")
    if test:
        yield f"errors on {', '.join(test['sources'])}", _errors(test["scores"])
    yield "confidences", _calibration(card)
    yield "limits", _limits(card)


def _keypoints(names: Sequence[str]) -> str:
    known = next((name for name, each in SCHEMAS.items() if tuple(names) == tuple(each)), None)
    return f"{len(names)}, {known}'s" if known else f"{len(names)}: {', '.join(names)}"


def _trained_on(training: Mapping[str, Any]) -> str:
    if "people" not in training:
        weights = training.get("weights")
        return f"unknown: made of the published weights {weights}" if weights else "unknown"
    named = ", ".join(training.get("sources") or ())
    people = f"{training['people']:,} people"
    return f"{named}: {people}" if named else people


def _training(training: Mapping[str, Any]) -> str:
    settings = training.get("settings") or {}
    if "steps" not in training or "batch" not in settings:
        return "not known"
    looks = training["steps"] * settings["batch"]
    begun = training.get("begin")
    return (
        f"{training['steps']:,} steps of {settings['batch']}, {looks:,} looks"
        + (f", begun with {begun}" if begun else ", begun anew")
        + f", loss {settings.get('loss', '?')}"
    )


def _measured_on(training: Mapping[str, Any]) -> str:
    held = training.get("held_out", 0)
    if not held:
        return "nobody: no people were held out"
    named = ", ".join(training.get("measured_on") or ()) or "held-out clips of the same"
    return f"{named}: {held:,} people"


def _errors(scores: Mapping[str, float]) -> str:
    said = (f"{words} {scores[name]:.{digits}f}" for name, words, digits in SHOWN if name in scores)
    return ", ".join(said) or "not measured"


def _worst(by_keypoint: Mapping[str, Mapping[str, float]]) -> str:
    score = "pck_box_01"
    shares = sorted((each[score], name) for name, each in by_keypoint.items() if score in each)
    return ", ".join(f"{name} {share:.3f}" for share, name in shares[:3])


def _calibration(card: Card) -> str:
    if card.calibration is None:
        return "the heights of the peaks: not calibrated"
    fitted = f"calibrated to {card.calibration.examples:,} keypoints"
    error = (card.training.get("confidence") or {}).get("error")
    return fitted if error is None else f"{fitted}, {error:.3f} from the share that is right"


def _limits(card: Card) -> str:
    mixed = of_names(card.network.keypoints).approximated
    names = ", ".join(name for name, is_mixed in zip(JOINT_NAMES, mixed, strict=True) if is_mixed)
    parts = ["one person a box, which BlazePose or the caller brings"]
    parts += [f"mixed of their neighbours for 3D: {names}"] if names else []
    parts += ["errors hold for pictures such as it was measured on, in annotated boxes"]
    return "; ".join(parts)


def _confidences(words: Mapping[str, Any] | None) -> list[Table]:
    if not words or not words.get("points"):
        return []
    bins = (tuple(words[name]) for name in ("points", "said", "right"))
    return [reliability_table(Reliability(*bins))]
