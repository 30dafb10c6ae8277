"""A small campaign with every operator at work, and its rows as plain arrays.

`python -m pins.campaign FOLDER` runs it into FOLDER/home and writes FOLDER/rows.npz.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from evoskeleton.cli import main as command_line
from evoskeleton.platform.data.pose_table import PoseTable

MOTION = Path(__file__).resolve().parent / "fixtures" / "motion.npy"
"""(160, 17, 3) float32 world mm: a made-up person who walks, waves and bows."""

CLIPS = 6

LATER = ("retires", "distance", "target", "view")
"""Columns that the recorded tables did not have: nothing is in them without a target."""


def motion() -> np.ndarray:
    """The poses that everything here starts from."""
    return np.load(MOTION, allow_pickle=False)


def clips(poses: np.ndarray) -> list[str]:
    """The name of the clip of each pose."""
    return [f"clip{number * CLIPS // len(poses)}" for number in range(len(poses))]


def settings() -> dict:
    """Every operator, two islands that trade bodies, an archive, ensembles, three trainings."""
    fit = {"preset": "small", "steps": 20, "batch": 32, "cascade": {"width": 16, "blocks": 1}}
    training = {"growth": 1.2, "limit": 3, "ensemble": 2, "start": "champion", "fit": fit}
    breeding = {
        "crossover": {"rate": 0.7},
        "limbs": {"rate": 0.1},
        "turn": {"rate": 0.4},
        "bend": {"rate": 0.4},
        "lengths": {"rate": 0.4, "hip_sigma": 0.05},
        "shoulders": {"rate": 0.3},
        "mirror": {"rate": 0.3},
        "tumble": {"rate": 0.15},
    }
    return {
        "name": "pinned",
        "seed": 11,
        "home": "home",
        "motion": {
            "seed": {"kind": "parquet", "path": "poses.parquet"},
            "validation_share": 0.3,
        },
        "search": {
            "generations": 4,
            "islands": 2,
            "migrants": 4,
            "views": 2,
            "archive": {"cells": 8, "quota": 30},
            "neighbours": 5,
            "island": {
                "population": 24,
                "offspring": 32,
                "immigrants": 3,
                "keep": 0.5,
                "breeding": breeding,
                "objectives": [["error", "novelty", "margin"], ["disagreement"]],
                "bands": {"error": {"high": 0.95}},
            },
        },
        "training": training,
        "machine": {"workers": 1},
        "tracking": {"enabled": False},
    }


def write_motion(path: Path) -> None:
    """The poses as a Parquet file with several clips."""
    poses = motion()
    columns = {
        "subject": ["walker"] * len(poses),
        "action": ["walk"] * len(poses),
        "clip": clips(poses),
        "frame": pa.array(range(len(poses)), pa.int32()),
        "pose": pa.FixedSizeListArray.from_arrays(pa.array(poses.ravel()), 51),
    }
    pq.write_table(pa.table(columns), path)


def rows(table: Path) -> dict[str, np.ndarray]:
    """All columns of a pose table, sorted by id; no parent is -1, no score NaN, no text empty.

    Columns of `LATER` that hold nothing are left out.
    """
    arrow = PoseTable.open(str(table)).read().sort_by("id")
    found = {}
    for field in arrow.schema:
        if field.name in LATER and arrow[field.name].null_count == len(arrow):
            continue
        values = arrow[field.name].to_pylist()
        if pa.types.is_string(field.type):
            found[field.name] = np.array(["" if value is None else value for value in values])
        elif pa.types.is_integer(field.type):
            found[field.name] = np.array([-1 if v is None else v for v in values], np.int64)
        else:
            none = np.nan
            found[field.name] = np.array([none if v is None else v for v in values], np.float32)
    return found


def trainings(home: Path) -> dict:
    """What every training left, and the closing report; no times, place, table's version or code.

    A resume has a version of its own, in which the driver takes the table. What a killed training
    leaves beside them, under a name of its own, is none.
    """
    there = sorted(home.glob("trainings/g??????/*.json"))
    records = [json.loads(path.read_text()) for path in there]
    records.append(json.loads((home / "report.json").read_text()))
    return {"records": [without_times(record) for record in records]}


_MEASURED = ("seconds", "table", "table_version", "code")


def without_times(value: Any) -> Any:
    """Plain data without what was measured by a clock."""
    if isinstance(value, dict):
        kept = {name: without_times(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if name not in _MEASURED}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def main(folder: Path) -> None:
    """Run it and write the rows."""
    os.chdir(folder)
    write_motion(Path("poses.parquet"))
    Path("settings.yaml").write_text(yaml.safe_dump(settings()))
    try:
        command_line(["campaign", "run", "settings.yaml"])
    except SystemExit as end:
        assert not end.code
    np.savez_compressed("rows.npz", **rows(Path("home/poses")))
    Path("trainings.json").write_text(json.dumps(trainings(Path("home/pinned")), indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
