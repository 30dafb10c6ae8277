"""Which of several campaigns is better, by how much, and what they were asked differently.

Errors are MPJPE in mm of each champion on the test poses. Differences are paired over the clips
that both tests hold with the same number of poses, with a 95 % interval from drawing clips anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from evoskeleton.errors import BadInput
from evoskeleton.platform.record.html_page import HtmlPage, png_of
from evoskeleton.platform.search.campaign.closing.bred_picture import bred_picture
from evoskeleton.platform.search.campaign.closing.facts import (
    Facts,
    facts_of,
    interval_over_clips,
)
from evoskeleton.platform.search.campaign.closing.report_page import (
    NOTHING,
    again,
    problems,
    served_in_words,
)

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito 2008, https://jfly.uni-koeln.de/color/."""


_MANY = 20
"""Clips from which on an interval over them is taken as it is."""


class Difference(NamedTuple):
    """A campaign against the first: mean over common clips, mm, its interval, and their number."""

    name: str
    mm: float
    low: float
    high: float
    clips: int

    def in_words(self, first: str) -> str:
        """As a sentence."""
        if not self.clips:
            return f"{self.name} and {first} have no test clip in common: nothing can be said."
        sure = ", more than the choice of clips explains" if self.is_sure else ""
        less = "less" if self.mm < 0 else "more"
        return (
            f"{self.name} errs by {abs(self.mm):.1f} mm {less} than {first} over {self.clips} "
            f"clips (95 % {self.low:+.1f} to {self.high:+.1f}){sure}."
        )

    def verdict(self, first: str) -> str:
        """Which of the two is better, as far as clips tell."""
        if not self.is_sure:
            return f"Neither {first} nor {self.name} is surely better."
        return f"The champion of {self.name if self.mm < 0 else first} errs less on these clips."

    @property
    def is_sure(self) -> bool:
        """Whether more is between the two than the choice of clips explains."""
        return bool(self.clips) and not self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """Two or more campaigns that are done; the first is what the others are held against."""

    campaigns: tuple[Facts, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the campaigns."""
        return tuple(facts.name for facts in self.campaigns)

    def rows(self) -> Iterator[tuple[object, ...]]:
        """One a campaign: what was bred and how its lifters do."""
        for facts in self.campaigns:
            before, after = facts.errors
            report = facts.report
            yield (
                facts.name, int(report["seeds"]), int(report["tried"]), int(report["bred"]),
                int(report["survivors"]), int(report["rows"]), int(report["generations"]),
                int(report["trainings"]), before, after, before - after,
            )  # fmt: skip

    def differences(self) -> list[Difference]:
        """Every other campaign against the first."""
        return [_difference(self.campaigns[0], other) for other in self.campaigns[1:]]

    def sentences(self) -> list[str]:
        """Which is better and by how much, a sentence or two a campaign but the first."""
        first = self.names[0]
        return [f"{each.verdict(first)} {each.in_words(first)}" for each in self.differences()]

    def problems(self) -> list[str]:
        """What a reviewer should know of each before he trusts the figures."""
        found = [f"{each.name}: {problem}" for each in self.campaigns for problem in problems(each)]
        return found or [NOTHING]

    def cautions(self) -> Iterator[str]:
        """Why a difference is not yet a reason, a sentence each."""
        settings = [name for name, *_ in self.settings()]
        sure = any(each.is_sure for each in self.differences())
        if sure and len(settings) > 1:
            yield (
                f"They differ in {len(settings)} settings ({', '.join(settings)}): nothing here "
                "says which of them makes the difference."
            )
        if sure:
            yield (
                "Each was run once: with another seed of search and training the order may be "
                "another; `evoskeleton study` repeats searches."
            )
        few = min((each.clips for each in self.differences() if each.clips), default=_MANY)
        if few < _MANY:
            yield f"An interval over {few} clips is a rough one."

    def settings(self) -> list[tuple[str, ...]]:
        """Settings that are not the same in all, by name."""
        known = [dict((n, (v, d)) for n, v, d in f.changed_settings()) for f in self.campaigns]
        names = sorted({name for each in known for name in each})
        defaults = {name: each[name][1] for each in known for name in each}
        rows = [
            (name, *(each[name][0] if name in each else defaults[name] for each in known))
            for name in names
        ]
        return [row for row in rows if len(set(row[1:])) > 1]


COLUMNS = (
    "campaign", "seeds", "tried", "valid", "kept", "in the table", "generations", "trainings",
    "baseline, mm", "champion, mm", "gain, mm",
)  # fmt: skip


def compare(home: str, names: Sequence[str]) -> Comparison:
    """The campaigns of these names.

    Raises:
        BadInput: fewer than two names, one twice, or a campaign that is not there or not done.
    """
    if len(names) < 2:
        raise BadInput(f"two or more campaigns are compared, got {len(names)}")
    if len(set(names)) < len(names):
        raise BadInput(f"each campaign is named once, got {' '.join(names)}")
    return Comparison(tuple(facts_of(home, name) for name in names))


def comparison_page(comparison: Comparison) -> str:
    """The comparison as a page that stands alone."""
    page = HtmlPage(f"{' and '.join(comparison.names)} compared")
    for sentence in comparison.sentences():
        page.headline(sentence)
    for sentence in comparison.cautions():
        page.text(sentence)
    page.table(COLUMNS, comparison.rows())
    page.text(
        "Errors are MPJPE on the test poses, mean over poses in this table and over common clips "
        "in the sentences above; the gain is how much less the champion errs than the lifter of "
        "the real poses alone. Offspring: tried; valid, within the joint limits; kept by "
        "objectives and bands; poses in the table, the seeds among them."
    )
    page.heading("Which model is served")
    page.items(served_in_words(facts) for facts in comparison.campaigns)
    page.heading("What they were asked differently")
    page.table(["setting", *comparison.names], comparison.settings())
    page.heading("On which data")
    for facts in comparison.campaigns:
        rows = [(facts.name, *row) for row in facts.sources()]
        page.table(["campaign", "role", "poses", "clips", "subjects", "source"], rows)
    page.heading("Side by side")
    for caption, figure in figures(comparison):
        page.figure(png_of(figure), caption)
    for facts in comparison.campaigns:
        if picture := bred_picture(facts):
            page.figure(picture, f"{facts.name}: bred poses of the table, from the easiest to the "
                        "hardest, with the error of the lifter of the day")  # fmt: skip
    page.heading("What went wrong")
    page.items(comparison.problems())
    page.heading("How to run them again")
    page.text("The settings of each are `settings.yaml`, in its folder and of its run in MLflow.")
    page.verbatim("\n".join(again(facts.name, facts.name) for facts in comparison.campaigns))
    return page.render()


def figures(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Caption and figure of each."""
    yield (
        "Error of the champion on bred poses, and rows of the table, by generation",
        _curves(comparison),
    )
    yield "Error of each champion on every common test clip", _by_clip(comparison)


def _difference(first: Facts, other: Facts) -> Difference:
    clips = common_clips([first, other])
    if not clips:
        return Difference(other.name, float("nan"), float("nan"), float("nan"), 0)
    a, b = (facts.by_clip("evolved") for facts in (first, other))
    change = np.array([b[clip] - a[clip] for clip in clips])
    return Difference(other.name, float(change.mean()), *interval_over_clips(change), len(clips))


def common_clips(campaigns: Sequence[Facts]) -> list[str]:
    """Clips that all tests hold, with the same number of poses."""
    known = [
        {(clip, scores["poses"]) for clip, scores in facts.report["evolved"]["by_clip"].items()}
        for facts in campaigns
    ]
    return sorted(clip for clip, _ in set.intersection(*known))


def _curves(comparison: Comparison) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for facts, colour in zip(comparison.campaigns, COLOURS, strict=False):
        logbook = facts.state.logbook
        scored = [row for row in logbook if "error_mean" in row]
        generations = [row["generation"] for row in scored]
        left.plot(generations, [r["error_mean"] for r in scored], "o-", color=colour)
        every = [row["generation"] for row in logbook]
        right.plot(every, [row["rows"] for row in logbook], "o-", color=colour, label=facts.name)
    left.set(xlabel="generation", ylabel="error on bred poses, mm")
    right.set(xlabel="generation", ylabel="rows of the table")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.locator_params(axis="x", integer=True)
    return figure


def _by_clip(comparison: Comparison) -> Figure:
    clips = common_clips(comparison.campaigns)
    figure = Figure(figsize=(10, 1.2 + 0.24 * max(1, len(clips))), layout="constrained")
    axes = figure.subplots()
    for facts, colour in zip(comparison.campaigns, COLOURS, strict=False):
        errors = facts.by_clip("evolved")
        axes.plot([errors[clip] for clip in clips], range(len(clips)), "o", color=colour,
                  label=facts.name)  # fmt: skip
    axes.set_yticks(range(len(clips)), clips, fontsize=8)
    axes.set(xlabel="MPJPE, mm")
    axes.grid(axis="both", color="#EDEDED")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(frameon=False)
    return figure
