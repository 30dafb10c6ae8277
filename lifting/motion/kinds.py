"""Kinds of motion files, by the ends of their names."""

from collections.abc import Callable, Mapping
from pathlib import Path

from evoskeleton.lifting.motion.bvh import write_bvh
from evoskeleton.lifting.motion.c3d import write_c3d
from evoskeleton.lifting.motion.motion import Motion
from evoskeleton.lifting.motion.parquet import write_parquet
from evoskeleton.lifting.motion.trc import write_trc

__all__ = ["KINDS", "Motion"]

KINDS: Mapping[str, Callable[[Path, Motion], None]] = {
    ".bvh": write_bvh,
    ".trc": write_trc,
    ".c3d": write_c3d,
    ".parquet": write_parquet,
}
