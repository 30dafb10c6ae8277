"""How right a detector is, as tables."""

from rich.table import Table

from evoskeleton.pose2d.scoring.scores import PointScores, Scores

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


def _cells(scores: PointScores) -> tuple[str, ...]:
    shares = (scores.pck_box_01, scores.pck_box_02, scores.pckh_05)
    pixels = (scores.error_px, scores.median_px)
    return (f"{scores.points:,}", *map(_share, shares), *map(_pixels, pixels))


def _share(value: float) -> str:
    return f"{value:.3f}" if value >= 0.0 else "-"


def _pixels(value: float) -> str:
    return f"{value:.1f}" if value >= 0.0 else "-"
