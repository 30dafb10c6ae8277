"""How right a detector is, as tables."""

from rich.table import Table

from evoskeleton.pose2d.scoring.reliability import Reliability
from evoskeleton.pose2d.scoring.scores import PointScores, Scores

SHOWN = (
    ("pck_box_01", "PCK@0.1", 3), ("pckh_05", "PCKh@0.5", 3), ("oks", "OKS", 3), ("ap", "AP", 3),
    ("error_px", "mean px", 1), ("median_px", "median px", 1),
)  # fmt: skip
"""Numbers over everybody that are told in a line: as they are called, for people, and digits."""

_HEADINGS = ("", "points", "PCK@0.1", "PCK@0.2", "PCKh@0.5", "mean px", "median px")


def score_tables(scores: Scores) -> list[Table]:
    """One over points, and one of COCO's numbers."""
    points = Table(title=f"{scores.people:,} people", title_justify="left")
    for heading in _HEADINGS:
        points.add_column(heading, justify="left" if not heading else "right")
    points.add_row("all", *_cells(scores.overall), end_section=True)
    for group in (scores.by_sight, scores.by_size, scores.by_keypoint):
        rows = [(name, each) for name, each in group.items() if each.points]
        for at, (name, each) in enumerate(rows):
            points.add_row(name, *_cells(each), end_section=at == len(rows) - 1)
    precision = Table()
    precision.add_column("COCO, in annotated boxes")
    precision.add_column("value", justify="right")
    for name, value in ({"oks": scores.oks} | scores.precision).items():
        precision.add_row(name.replace("_", " "), _share(value))
    return [points, precision]


def reliability_table(found: Reliability) -> Table:
    """Confidences beside the share of keypoints that is right."""
    table = Table()
    for name in ("confidence", "share that is right", "points"):
        table.add_column(name, justify="right")
    last = len(found.points) - 1
    for at, (said, right) in enumerate(zip(found.said, found.right, strict=True)):
        points = f"{found.points[at]:,}"
        table.add_row(_share(said), _share(right), points, end_section=at == last)
    table.add_row("mean distance", f"{found.error:.3f}", f"{sum(found.points):,}")
    return table


def _cells(scores: PointScores) -> tuple[str, ...]:
    shares = (scores.pck_box_01, scores.pck_box_02, scores.pckh_05)
    pixels = (scores.error_px, scores.median_px)
    return (f"{scores.points:,}", *map(_share, shares), *map(_pixels, pixels))


def _share(value: float) -> str:
    return f"{value:.3f}" if value >= 0.0 else "-"


def _pixels(value: float) -> str:
    return f"{value:.1f}" if value >= 0.0 else "-"
