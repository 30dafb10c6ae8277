"""Rows of a pose table that say where they come from."""

import numpy as np

from evoskeleton.platform.data.pose_rows import PoseRows


def columns(generation: int, rows: int = 20) -> dict[str, np.ndarray]:
    """Rows that say where they come from, out of order."""
    random_ = np.random.Generator(np.random.Philox(generation))
    return {
        "id": (generation << 40) + random_.permutation(rows),
        "mother": np.full(rows, -1 if generation == 0 else 3),
        "operator": np.full(rows, "seed" if generation == 0 else "crossover"),
        "poses": random_.normal(size=(rows, 17, 3)).astype(np.float32),
        "error": np.full(rows, np.nan if generation == 0 else generation, np.float32),
    }


def rows(generation: int, count: int = 20) -> PoseRows:
    """The same as the table takes them."""
    return PoseRows.of_columns(columns(generation, count))


def replacing(generation: int, replaced: list[int]) -> PoseRows:
    """Rows of which the first take the places of others."""
    names = np.full(20, -1)
    names[: len(replaced)] = replaced
    return rows(generation).with_columns(replaces=names)
