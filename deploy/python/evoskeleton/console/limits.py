"""What `evoskeleton limits fit` shows: how fitted limits treat every subject."""

from collections.abc import Sequence

import numpy as np

from evoskeleton.platform.record.limit_report import SubjectJudgement


def judgement_table(rows: Sequence[SubjectJudgement]) -> str:
    """The rows as text with a heading; a dash where there was nothing to judge."""
    width = max(7, *(len(row.subject) for row in rows))
    lines = [
        f"{'subject':{width}s}  poses   accepted  backward elbows rejected  backward knees rejected"
    ]
    for row in rows:
        accepted, elbows, knees = (_share(share) for share in row.judgement)
        line = f"{row.subject:{width}s} {row.poses:6,d} {accepted:>10s} {elbows:>25s} {knees:>24s}"
        lines.append(line + ("  left out" if row.left_out else ""))
    return "\n".join(lines)


def _share(percent: float) -> str:
    return "-" if np.isnan(percent) else f"{percent:.2f} %"
