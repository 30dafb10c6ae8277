"""Joint limits of any kind: what breeding wants of them, and where they are read from."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.limits.akhter_black import (
    KIND,
    MODEL_FILE,
    STATIC_FILE,
    AkhterBlackLimits,
    load_akhter_black,
)
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.skeleton import LIMBS
from evoskeleton.npz import read_npz


class JointLimits(Protocol):
    """Which limb directions a body can take."""

    @property
    def provenance(self) -> str:
        """What the limits were made of."""

    def limb_margins(self, genomes: Genomes) -> Tensor:
        """Degrees of every limb to its boundary, (9, bodies) float32, negative outside."""

    def margin(self, genomes: Genomes, valid_limbs: int = len(LIMBS)) -> Tensor:
        """Degrees (bodies,) float32 that bodies are within, by the worst limb that counts."""

    def fingerprint(self) -> str:
        """SHA-256 of all that decides a margin, 64 hexadecimal digits."""

    def save(self, path: str | Path) -> None:
        """Write a file that `load_limits` reads."""


def load_limits(path: str | Path | None = None) -> JointLimits:
    """Joint limits from wherever they are.

    Args:
        path: a file that `save` wrote, of either kind, or a folder with the two files of Akhter
            and Black; none: the tables that ship with the package.

    Raises:
        BadInput: there is nothing of the kind.
    """
    if path is None:
        return default_limits()
    path = Path(path).expanduser()
    if path.is_dir():
        return load_akhter_black(path / MODEL_FILE, path / STATIC_FILE)
    return AkhterBlackLimits.load(path) if _kind(path) == KIND else Limits.load(path)


def _kind(path: Path) -> str:
    """What a file says it is; nothing where it says nothing, or cannot be read."""
    try:
        return str(read_npz(path, "joint limits", ["kind"])["kind"])
    except BadInput:
        return ""
