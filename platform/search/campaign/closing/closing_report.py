"""The end of a campaign: baseline against champion on clips that were never bred from.

It is written into `report.json` and, with figures, into `report.html` and MLflow; the champion
goes into the registry.
"""

import json
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from evoskeleton.files import write_json, write_text
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.protocols import evaluate, rarity
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import read_poses
from evoskeleton.platform.record import review
from evoskeleton.platform.record.html_page import png_of
from evoskeleton.platform.record.metric_names import in_counts
from evoskeleton.platform.record.provenance import code_commit, package_version
from evoskeleton.platform.record.recording import Recording
from evoskeleton.platform.record.tracking import SMALL
from evoskeleton.platform.search.campaign.closing.bred_picture import bred_picture
from evoskeleton.platform.search.campaign.closing.explained import explained, resembles_anybody
from evoskeleton.platform.search.campaign.closing.facts import (
    Facts,
    bred_poses,
    finished_trainings,
)
from evoskeleton.platform.search.campaign.closing.figures import figures
from evoskeleton.platform.search.campaign.closing.report_page import report_page, result_in_markdown
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import State

_SHOWN = ("mpjpe", "p_mpjpe")
"""What the closing comparison is as metrics; all of it is in the description and the tables."""


def conclude(
    settings: CampaignSettings,
    folder: CampaignFolder,
    table: PoseTable,
    state: State,
    champion: int,
    tracker: Recording,
) -> dict[str, Any]:
    """Compare the first lifter with the best, write `report.json`, figures and registry entry.

    Nothing is drawn where nothing is tracked.
    """
    test = read_poses(folder.source("test"))
    rare = rarity(test.poses, read_poses(folder.source("seed")).poses)
    sides = {}
    for side, training in (("baseline", 0), ("evolved", champion)):
        lifter = load_bundle(folder.training(training) / "bundle")
        sides[side] = evaluate(lifter, test.poses, test.action, test.clip_label(), rare).as_dict()
    bred = state.logbook[1:]
    report = {
        "campaign": settings.name,
        "seeds": state.logbook[0]["rows"],
        "seeds_outside_limits": state.logbook[0]["seeds_outside_limits"],
        "tried": sum(row["tried"] for row in bred),
        "bred": sum(row["bred"] for row in bred),
        "survivors": sum(row["survivors"] for row in bred),
        "rows": state.rows,
        "generations": state.generation,
        "table": table.uri,
        "table_version": table.version,
        "trainings": len(list(folder.path.glob("trainings/g*/training.json"))),
        "champion_training": champion,
        "baseline": sides["baseline"],
        "evolved": sides["evolved"],
        "code": {"version": package_version(), "commit": code_commit()},
    }
    report |= _closed_before(folder, state, champion)
    if resembles_anybody(state):
        report["explained"] = explained(settings, folder, state, champion).rows()
    write_json(folder.report, report)
    folder.keep()
    if settings.tracking.enabled:
        _publish(settings, folder, table, state, champion, report, tracker)
    return report


def _closed_before(folder: CampaignFolder, state: State, champion: int) -> dict[str, Any]:
    """What is said of the first closing: closing again, with nothing new, changes none of it."""
    with suppress(OSError, ValueError, KeyError):
        there = json.loads(folder.report.read_text())
        if (there["generations"], there["champion_training"]) == (state.generation, champion):
            return {name: there[name] for name in ("code", "table_version") if name in there}
    return {}


def _publish(
    settings: CampaignSettings,
    folder: CampaignFolder,
    table: PoseTable,
    state: State,
    champion: int,
    report: dict[str, Any],
    tracker: Recording,
) -> None:
    """Figures into the campaign's run, the champion into the registry under its own name."""
    sides = {side: report[side] for side in ("baseline", "evolved")}
    _log_numbers(report, sides, state.generation, tracker)
    bundle = folder.training(champion) / "bundle"
    clips = [_by_clip(side) for side in sides.values()]
    by_clip = [("error_by_clip", review.error_by_clip(*clips))]
    others = figures(settings, folder, table, state, load_bundle(bundle))
    drawn = []
    for name, figure in chain(by_clip, others):
        tracker.log_figure(name, figure)
        drawn.append((name, png_of(figure)))
    facts = Facts(folder, settings, state, table, report, finished_trainings(folder))
    if (picture := bred_picture(facts)) is not None:
        tracker.log_picture(SMALL, picture)
    page = report_page(facts, drawn)
    write_text(folder.page, page)
    tracker.log_page("report.html", page)
    _crown(settings, bundle, facts, state, tracker)


def _log_numbers(
    report: dict[str, Any], sides: dict[str, Any], generation: int, tracker: Recording
) -> None:
    """The closing comparison as metrics, as a file, and as tables."""
    tracker.log_summary(
        {
            f"{side}_{metric}": evaluation["overall"][metric]
            for side, evaluation in sides.items()
            for metric in _SHOWN
        },
        generation,
    )
    tracker.log_json("report", in_counts(report))
    if "explained" in report:
        tracker.log_table("explained", report["explained"])
    tracker.log_table("errors_by_clip", _clip_rows(sides))
    tracker.log_table("errors_by_rarity", _rarity_rows(sides))


def _crown(
    settings: CampaignSettings, bundle: Path, facts: Facts, state: State, tracker: Recording
) -> None:
    """The champion into the registry, and what it is worth to the top of the run."""
    (before, after), report = facts.errors, facts.report
    tracker.log_sources([bred_poses(settings, int(report["table_version"]), int(report["rows"]))])
    version = int(dict(facts.trainings)[report["champion_training"]]["table_version"])
    headline = {"test_mpjpe_mm": round(after, 2), "gain_mm": round(before - after, 2)}
    errors = headline | {"baseline_mpjpe_mm": round(before, 2), "table_version": version}
    worth = (
        f"test MPJPE {after:.1f} mm (baseline {before:.1f} mm), trained on version "
        f"{version} of the pose table"
    )
    tracker.register_champion(bundle, errors, worth)
    headline |= _explained_share(state)
    tracker.log_headline(headline, state.generation, result_in_markdown(facts))


def _explained_share(state: State) -> dict[str, float]:
    """Share of the target's keypoint sets that a bred body explains, where there is a target."""
    last = state.logbook[-1]
    shares = [value for name, value in last.items() if name.startswith("target/within_")]
    return {"explained": float(shares[0])} if shares else {}


def _rarity_rows(sides: dict[str, Any]) -> list[dict[str, Any]]:
    """Errors by decile of the distance to the seeds, from the most common test poses on."""
    baseline, evolved = (sides[side]["by_rarity"] for side in ("baseline", "evolved"))
    return [
        {
            "decile": place + 1,
            "distance from, mm": first["from"],
            "distance to, mm": first["to"],
            "baseline mpjpe": first["mpjpe"],
            "evolved mpjpe": second["mpjpe"],
        }
        for place, (first, second) in enumerate(zip(baseline, evolved, strict=True))
    ]


def _clip_rows(sides: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"clip": clip}
        | {
            f"{side} {metric}": value
            for side, evaluation in sides.items()
            for metric, value in evaluation["by_clip"][clip].items()
        }
        for clip in sides["baseline"]["by_clip"]
    ]


def _by_clip(evaluation: dict[str, Any]) -> dict[str, float]:
    return {clip: scores["mpjpe"] for clip, scores in evaluation["by_clip"].items()}
