"""The report of a campaign that is done, drawn anew from what its folder holds."""

from pathlib import Path

from evoskeleton.files import write_text
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.platform.record import review
from evoskeleton.platform.record.html_page import png_of
from evoskeleton.platform.search.campaign.closing.facts import Facts, facts_of
from evoskeleton.platform.search.campaign.closing.figures import figures
from evoskeleton.platform.search.campaign.closing.report_page import report_page, verdict


def write_report(home: str, name: str, output: Path) -> str:
    """Write the page; returns what came, in a sentence.

    Raises:
        BadInput: the campaign is not there or not done, or the file cannot be written.
    """
    facts = facts_of(home, name)
    write_text(output, report_page(facts, drawn_figures(facts)))
    return verdict(facts)


def drawn_figures(facts: Facts) -> list[tuple[str, bytes]]:
    """Name and PNG of every figure of the closing."""
    by_clip = review.error_by_clip(facts.by_clip("baseline"), facts.by_clip("evolved"))
    bundle = facts.folder.training(int(facts.report["champion_training"])) / "bundle"
    drawn = figures(facts.settings, facts.folder, facts.table, facts.state, load_bundle(bundle))
    return [("error_by_clip", png_of(by_clip)), *((name, png_of(each)) for name, each in drawn)]
