"""What a pose table costs as it grows: seconds of a commit, of an opening, of a snapshot; memory.

    python tests/benchmarks/table_growth.py [--commits 5000] [--rows 1000] [--join-every 250]
    python tests/benchmarks/table_growth.py --commits 5000 --rows 20000 --whole

One campaign commits made-up generations through a claimed table, and joins its files every so
many, as a driver does; 0: never. Told ten times on the way: the median commit and opening of the
last tenth, the processor's share of both, and the memory of the process; at the end `poses_of` ids
of all generations, `info`, a compaction, an opening after it, a vacuum, and a snapshot of the first
third. With `--archive` a tenth of each generation takes the place of earlier rows; with `--whole`
poses are in whole millimetres, so that a hundred million rows take a disk some gigabytes.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from table_rows import columns

from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable


def made(generation: int, count: int, asked: argparse.Namespace) -> PoseRows:
    """Rows of one generation."""
    named = columns(generation, count)
    if asked.whole:
        named["poses"] = np.round(named["poses"])
    rows = PoseRows.of_columns(named)
    if not asked.archive:
        return rows
    replaced = np.full(count, -1)
    if generation > 1:
        replaced[: count // 10] = ((generation - 1) << 40) + count // 2 + np.arange(count // 10)
    return rows.with_columns(replaces=replaced)


def timed(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of the clock and of a processor, and what came of it."""
    clock, processor = time.perf_counter(), time.process_time()
    result = what()
    return time.perf_counter() - clock, time.process_time() - processor, result


def grown(table: PoseTable, asked: argparse.Namespace) -> int:
    """Commit all generations, tell ten times what it takes; the version of a third."""
    commits, openings, third = [], [], 0
    for generation in range(asked.commits):
        rows = made(generation, asked.rows, asked)
        if generation == 0:
            table.claim("one")
        commits.append(timed(lambda: table.commit("one", generation, rows))[:2])  # noqa: B023
        if generation == asked.commits // 3:
            third = table.version
        if asked.join_every and generation % asked.join_every == 0:
            table.compact("one")
        if generation % max(1, asked.commits // 100) == 0:
            openings.append(timed(lambda: PoseTable.open(table.uri))[:2])
        if (generation + 1) % max(1, asked.commits // 10) == 0:
            tell(generation + 1, asked.rows, commits, openings)
            commits, openings = [], []
    return third


def tell(done: int, rows: int, commits: list[Any], openings: list[Any]) -> None:
    """One line."""
    (commit, commit_cpu), (opening, opening_cpu) = (
        np.median(np.array(each), axis=0) for each in (commits, openings)
    )
    worst = max(seconds for seconds, _ in commits)
    megabytes = psutil.Process().memory_info().rss / 1e6
    print(
        f"{done:6d} commits {done * rows:10d} rows: commit {commit:.3f} s ({commit_cpu:.3f} of a"
        f" processor, worst {worst:.2f}), opening {opening:.3f} s ({opening_cpu:.3f}),"
        f" {megabytes:.0f} MB",
        flush=True,
    )


def closing(table: PoseTable, asked: argparse.Namespace, folder: Path, third: int) -> None:
    """What is done seldom."""
    some = (np.arange(0, asked.commits, max(1, asked.commits // 100)) << 40) + 1
    seldom: dict[str, Callable[[], Any]] = {
        "poses_of 100 ids": lambda: table.poses_of(some, "one"),
        "info": table.info,
        "compaction": table.compact,
        "opening after it": lambda: PoseTable.open(table.uri),
        "commit after it": lambda: table.commit(
            "one", asked.commits, made(asked.commits, asked.rows, asked)
        ),
        "vacuum": lambda: table.vacuum([third], hours=0, dry_run=False),
        "snapshot of a third": lambda: table.snapshot(folder / "third.npy", third, "one"),
    }
    for name, what in seldom.items():
        seconds, processor, _ = timed(what)
        megabytes = psutil.Process().memory_info().rss / 1e6
        print(f"{name}: {seconds:.2f} s ({processor:.2f} of a processor), {megabytes:.0f} MB")
    print(f"{table.info()['bytes'] / (asked.commits * asked.rows):.0f} bytes a row")


def main() -> None:
    """The whole of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--archive", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--join-every", type=int, default=250)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    try:
        table = PoseTable.create(folder / "poses")
        closing(table, asked, folder, third=grown(table, asked))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
