"""What `evoskeleton evaluate` shows: errors by clip, and what the error radii hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.table import Table

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import describe_views
from evoskeleton.lifting.conformal import RadiusSettings, coverage, draw_errors
from evoskeleton.lifting.error_radii import CalibratedRadii
from evoskeleton.lifting.metrics import shown_in
from evoskeleton.lifting.protocols import Evaluation


def evaluation_table(evaluation: Evaluation) -> Table:
    """Clips and the overall means as a table to print."""
    own = evaluation.own_views
    title = "Errors over the data set's own cameras" if own else "Errors over four fixed views"
    table = Table("clip", title=title, caption="\n".join(own or describe_views()))
    metrics = shown_in("evaluate")
    for heading in ("poses", *(f"{m.heading}, {m.unit}" for m in metrics.values())):
        table.add_column(heading, justify="right")
    rows = evaluation.rows()
    for at, (name, scores) in enumerate(rows):
        if at == len(rows) - 1:
            table.add_section()
        shown = (metric.in_words(scores[key]) for key, metric in metrics.items())
        table.add_row(name, f"{scores['poses']:.0f}", *shown)
    return table


def coverage_table(lifter: Lifter, words: Mapping[str, Any], poses: np.ndarray) -> Table:
    """The radii in a bundle's record, and how many errors they hold on (n, 17, 3) world mm."""
    radii, settings = (
        CalibratedRadii.from_dict(words),
        RadiusSettings.parse(words.get("settings", {})),
    )
    here = coverage(radii, draw_errors(lifter, poses, settings))
    title = f"Error radii made to hold {100 * radii.level:g} % of the errors"
    table = Table("joint", title=title)
    for heading in ("seen, mm", "hidden, mm", "held of these poses, %"):
        table.add_column(heading, justify="right")
    for joint in range(1, len(JOINT_NAMES)):
        lengths = (f"{side[joint]:.0f}" for side in (radii.seen, radii.hidden))
        table.add_row(JOINT_NAMES[joint], *lengths, f"{100 * here[joint]:.1f}")
    table.caption = "with a detector's noise and missing joints, simulated"
    return table
