"""`report.html`: a campaign on one page that stands alone, for somebody who has never seen it.

In the order of a reviewer's questions: what came, on which data, what went wrong, what was asked,
what was bred and from whom, how to run it again.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import yaml

from evoskeleton.lifting.metrics import shown_in
from evoskeleton.platform.record.html_page import HtmlPage
from evoskeleton.platform.record.metric_names import model_name
from evoskeleton.platform.record.mlflow_run import public_settings
from evoskeleton.platform.record.run_page.words import markdown_table
from evoskeleton.platform.search.campaign.closing.facts import (
    Facts,
    changed_settings,
    interval_over_clips,
    sources_of,
)
from evoskeleton.platform.search.campaign.closing.lineage import Ancestors
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings

_HARDEST = 10

NOTHING = "Nothing that the campaign knows of."

SOURCES = ("role", "poses", "clips", "subjects", "source")

CAPTIONS = {
    "error_by_clip": "Error of baseline and champion on every test clip, and the gain; blue is "
    "better.",
    "error_by_generation": "The error of the champion of that time on the poses in the table.",
    "limb_directions": "Where limbs point: seeds only, bred only, both.",
    "evolved_poses": "Bred poses from the easiest to the hardest; their seed ancestors in grey.",
    "hardest_poses": "What the champion gets wrong most; their seed ancestors in grey.",
    "archive_map": "The niches of the archive, and how wrong their best pose still is.",
}


def report_page(facts: Facts, figures: Iterable[tuple[str, bytes]]) -> str:
    """The page as HTML.

    Args:
        facts: of a campaign that is done.
        figures: name and PNG of each.
    """
    page = HtmlPage(f"Campaign {facts.name}")
    page.headline(verdict(facts))
    _errors(page, facts)
    _data(page, facts)
    _problems(page, facts)
    _trainings(page, facts)
    _asked(page, facts)
    _bred(page, facts)
    for name, png in figures:
        page.figure(png, CAPTIONS.get(name, name.replace("_", " ")))
    _hardest(page, facts)
    _again(page, facts)
    return page.render()


def verdict(facts: Facts) -> str:
    """What came, in a sentence: the champion against the lifter of the real poses alone."""
    before, after = facts.errors
    better = "better" if after < before else "no better"
    low, high = interval_over_clips(_gains(facts))
    return (
        f"On {facts.report['evolved']['poses']:,} test poses the champion errs by {after:.1f} mm, "
        f"the lifter of the real poses alone by {before:.1f} mm: {better}, "
        f"a gain of {before - after:.1f} mm (95 % over clips {low:.1f} to {high:.1f})."
    )


def result_in_markdown(facts: Facts) -> str:
    """The result, the data and the settings, as MLflow's page shows them."""
    sides = [facts.report[side]["overall"] for side in ("baseline", "evolved")]
    errors = [
        (metric.heading, *(metric.of(name, side) for side in sides), metric.unit)
        for name, metric in shown_in("study").items()
    ]
    parts = [
        verdict(facts),
        f"Served: {served_in_words(facts)}",
        markdown_table(["on the test poses", "baseline", "champion", "unit"], errors),
        "On which data:",
        markdown_table(SOURCES, facts.sources()),
        f"What was bred: {_bred_in_words(facts)}",
        "Settings that differ from the defaults:",
        markdown_table(["setting", "value", "default"], facts.changed_settings()),
        "What went wrong:",
        *(f"- {problem}" for problem in [*problems(facts)] or [NOTHING]),
        f"Run it again with `settings.yaml` of the artifacts: `{again('settings', facts.name)}`",
    ]
    return "\n\n".join(parts)


def asked_in_markdown(settings: CampaignSettings, folder: CampaignFolder) -> str:
    """The data and the settings of a campaign that is not done yet."""
    parts = [
        "Under way: the result will stand here.",
        markdown_table(
            ["role", "poses", "clips", "subjects", "source"], sources_of(settings, folder)
        ),
        "Settings that differ from the defaults:",
        markdown_table(["setting", "value", "default"], changed_settings(settings)),
    ]
    return "\n\n".join(parts)


def _gains(facts: Facts) -> np.ndarray:
    """(clips,) how much less the champion errs than the baseline, mm."""
    before, after = facts.by_clip("baseline"), facts.by_clip("evolved")
    return np.array([before[clip] - after[clip] for clip in before])


def _errors(page: HtmlPage, facts: Facts) -> None:
    page.heading("What came")
    sides = [facts.report[side]["overall"] for side in ("baseline", "evolved")]
    page.table(
        ["on the test poses", "baseline", "champion", "unit"],
        [
            (metric.heading, *(metric.of(name, side) for side in sides), metric.unit)
            for name, metric in shown_in("study").items()
        ],
    )
    if rows := facts.report.get("explained"):
        page.table(
            ["towards the target", "number", "before", "after"],
            [tuple(_short(value) for value in row.values()) for row in rows],
        )
    page.text(served_in_words(facts))


def served_in_words(facts: Facts) -> str:
    """Which lifter an endpoint serves that is told the campaign's model."""
    name = model_name(facts.name)
    return (
        f"`evoskeleton serve --model {name}` serves the version of models:/{name} with the alias "
        f"champion: from the campaign's end the training after generation "
        f"{facts.report['champion_training']}, weights {_weights(facts)}, until another is "
        f"promoted. `evoskeleton model list` tells."
    )


def _weights(facts: Facts) -> str:
    known = dict(facts.trainings).get(facts.report["champion_training"], {})
    return str(known.get("hash", "unknown"))[:12]


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.3f}"


def _data(page: HtmlPage, facts: Facts) -> None:
    page.heading("On which data")
    page.table(SOURCES, facts.sources())
    page.items(
        f"{each.name}: licence {each.licence or 'not said'}"
        + (f", SHA-256 {each.sha256}" if each.sha256 else "")
        + (f". {each.acknowledgement}" if each.acknowledgement else "")
        for each in facts.origins()
    )
    page.text(
        "Clips of validation and test are never bred from. Bred and real poses together are "
        f"version {facts.report['table_version']} of the pose table, {facts.report['rows']:,} rows."
    )


def _problems(page: HtmlPage, facts: Facts) -> None:
    page.heading("What went wrong")
    page.items([*problems(facts)] or [NOTHING])


def problems(facts: Facts) -> Iterator[str]:
    """What a reviewer should know before he trusts the figures, a sentence each."""
    before, after = facts.by_clip("baseline"), facts.by_clip("evolved")
    worse = [clip for clip in before if after[clip] > before[clip]]
    if worse:
        worst = max(worse, key=lambda clip: after[clip] - before[clip])
        yield (
            f"{len(worse)} of {len(before)} test clips got worse, most of all {worst} "
            f"({before[worst]:.1f} to {after[worst]:.1f} mm)."
        )
    if facts.report["seeds_outside_limits"] > 0:
        share = facts.report["seeds_outside_limits"]
        yield f"{share:.1%} of the seeds lie outside the joint limits."
    yield from _of_trainings(facts)
    if facts.report["champion_training"] == 0:
        yield "No training on bred poses was better than the first: the champion is the baseline."
    if facts.settings.motion.test is None:
        yield "There are no test poses of their own: the figures are on the validation poses."
    if len(before) < 5:
        yield f"Only {len(before)} test clips: the interval over clips says little."


def _of_trainings(facts: Facts) -> Iterator[str]:
    """Where the last training is not the best."""
    champion = facts.report["champion_training"]
    known = dict(facts.trainings)
    last = max(known, default=champion)
    if 0 < champion != last and champion in known:
        best, latest = (float(known[at]["validation"]["mpjpe"]) for at in (champion, last))
        yield (
            f"The last training, after generation {last}, is no better than the champion, after "
            f"generation {champion}: {latest:.1f} against {best:.1f} mm on the validation poses."
        )


def _trainings(page: HtmlPage, facts: Facts) -> None:
    page.heading("Trainings")
    champion = facts.report["champion_training"]
    page.table(
        ["after generation", "poses", "validation, mm", "seconds", "", "weights"],
        [
            (
                generation,
                int(record["rows"]),
                float(record["validation"]["mpjpe"]),
                float(record["seconds"]),
                "champion" if generation == champion else "",
                str(record["hash"])[:12],
            )
            for generation, record in facts.trainings
        ],
    )


def _asked(page: HtmlPage, facts: Facts) -> None:
    page.heading("What was asked")
    page.table(["setting", "value", "default"], facts.changed_settings())


def _bred(page: HtmlPage, facts: Facts) -> None:
    page.heading("What was bred")
    page.text(_bred_in_words(facts))


def _hardest(page: HtmlPage, facts: Facts) -> None:
    page.heading("The hardest, and whom they descend from")
    page.table(
        ["id", "error, mm", "generation", "made by", "line of mothers, to the seed"], _lines(facts)
    )


def _bred_in_words(facts: Facts) -> str:
    report = facts.report
    return (
        f"From {report['seeds']:,} seed poses, {report['tried']:,} offspring were tried in "
        f"{report['generations']} generations; {report['bred']:,} were valid, within the joint "
        f"limits; {report['survivors']:,} were kept by objectives and bands; {report['rows']:,} "
        f"poses are in the table, the seeds among them."
    )


def _lines(facts: Facts) -> Iterator[tuple[object, ...]]:
    """The rows of the table that the lifter of the day got most wrong."""
    names = ["id", "generation", "operator", "error"]
    rows = facts.table.chosen(names, campaign=facts.name)
    errors = np.nan_to_num(np.asarray(rows["error"].fill_null(np.nan)), nan=-1.0)
    bred = np.asarray(rows["generation"]) > 0
    order = np.argsort(-np.where(bred, errors, -1.0), kind="stable")[:_HARDEST]
    ancestors = Ancestors(facts.table, facts.name)
    for place in order[errors[order] >= 0]:
        row = {name: rows[name][int(place)].as_py() for name in names}
        line = ancestors.line_of(row["id"])
        yield (
            str(row["id"]),
            float(row["error"]),
            int(row["generation"]),
            str(row["operator"]),
            " < ".join(
                f"{each} ({made})"
                for each, made in zip(line, ancestors.operators_of(line), strict=True)
            ),
        )


def again(file: str, name: str) -> str:
    """The command that runs a campaign's settings anew, under another name."""
    return f"evoskeleton campaign run {file}.yaml --set name={name}-again"


def _again(page: HtmlPage, facts: Facts) -> None:
    page.heading("How to run it again")
    version, commit = facts.code["version"], facts.code["commit"]
    code = f"evoskeleton {version}{f' at commit {commit}' if commit else ''}"
    page.text(
        f"With {code if version else 'the code of that time'}; the same seed, settings and kind "
        "of device make the same table, row for row."
    )
    page.verbatim(again(facts.name, facts.name))
    text = yaml.safe_dump(public_settings(facts.settings.model_dump(mode="json")), sort_keys=False)
    page.verbatim(text, f"{facts.name}.yaml: all settings; paths stand without their folders")
