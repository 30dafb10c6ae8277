"""What `evoskeleton adapt` shows at its end."""

from collections.abc import Sequence

from rich.table import Table

from evoskeleton.platform.search.campaign.closing.explained import Agreement, Change, Explained

_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 60


def adapted_table(found: Explained) -> Table:
    """How many pictures are explained, and how well the lifter agrees with them."""
    table = Table(title=_title(found), title_justify="left")
    table.add_column("", justify="left")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    _add(table, "explained by a bred body", found.bodies)
    table.add_section()
    _add(table, "explained by the lifter's own body", found.lifters)
    table.caption = _caption(found)
    table.caption_justify = "left"
    return table


def _title(found: Explained) -> str:
    return f"towards {_counted(found.sets, 'keypoint set')} of {_counted(found.clips, 'clip')}"


def _add(table: Table, what: str, agreement: Agreement) -> None:
    for near, share in agreement.within.items():
        table.add_row(f"{what}, within {near:g}", *_cells(share, "{:.0%}"))
    table.add_row("median distance", *_cells(agreement.distance, "{:.3f}"))


def _cells(change: Change, pattern: str) -> tuple[str, str]:
    return pattern.format(change.before), pattern.format(change.after)


def _caption(found: Explained) -> str:
    begun = found.begun_with
    first = f"the lifter that it began with ({begun})" if begun else "the lifter of the seeds alone"
    words = (
        f"before: the first generation, and {first}. Distance: what is left "
        "between body and keypoints after the best scale and shift, as a share of the keypoints' "
        "own spread. Nearest body by generation: "
        f"{found.curve[0]:.3f} {sparkline(found.curve)} {found.curve[-1]:.3f}."
    )
    left_out = [f"{count} {reason}" for reason, count in found.left_out.items()]
    return words + (f" Left out: {', '.join(left_out)}." if left_out else "")


def sparkline(numbers: Sequence[float]) -> str:
    """Numbers as bars, one or more, the largest the highest; of many, some evenly along them."""
    step = max(1, -(-len(numbers) // _MOST_BARS))
    shown = [*numbers[:-1:step], numbers[-1]]
    low, high = min(shown), max(shown)
    unit = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(_BARS[round((number - low) / unit)] for number in shown)


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"
