"""The smallest campaign that has everything: islands that exchange, scorers, trainings."""

from pathlib import Path

import numpy as np
import walker
import yaml

from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip

COLUMNS = (
    "id", "generation", "island", "mother", "father", "operator", "pose", "margin", "error",
    "disagreement", "outside", "lifter", "why",
)  # fmt: skip
"""All that a row says."""


def settings_file(folder: Path, generations: int = 1_000_000, home: str | None = None) -> Path:
    """Settings of the campaign `small` in `home` of a folder, or another; a training every five
    generations."""
    poses = folder / "poses.parquet"
    if not poses.exists():
        write_parquet(poses, _clips())
    cascade = {"width": 16, "blocks": 1}
    fit = {"preset": "small", "steps": 40, "batch": 16, "cascade": cascade, "report_every": 5}
    settings = {
        "name": "small",
        "home": home or str(folder / "home"),
        "motion": {"seed": {"kind": "parquet", "path": str(poses)}},
        "search": {
            "generations": generations,
            "islands": 3,
            "migrants": 2,
            "island": {"population": 16, "offspring": 16},
        },
        "training": {"limit": 100_000, "every": 5, "lag": 2, "fit": fit},
        "tracking": {"enabled": False},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _clips() -> PoseSet:
    """Somebody who walks, in three clips; world mm, z up."""
    camera = walker.walk(180)
    world = np.stack([camera[..., 0], camera[..., 2], -camera[..., 1]], axis=-1)
    poses = world.astype(np.float32)
    return PoseSet.concat(
        [single_clip(poses[at : at + 60], "S1", "walk", f"clip{at}") for at in (0, 60, 120)]
    )


def rows_of(folder: Path) -> dict[str, np.ndarray]:
    """All rows of the table, by column, in the order of their ids."""
    rows = PoseTable.open(str(folder / "home" / "poses")).read(list(COLUMNS)).sort_by("id")
    return {name: np.asarray(rows[name].to_pylist(), dtype=object) for name in COLUMNS}


def generation_of(folder: Path) -> int:
    """The last one in the table; 0 before there is a table."""
    if not (folder / "home" / "poses" / "_delta_log").exists():
        return 0
    return PoseTable.open(str(folder / "home" / "poses")).committed_generation("small") or 0
