"""Joint limits: which limb directions a body can take, as smooth tables on the sphere.

A limb fixed to the torso (head, upper arm, thigh) has a table over its direction in the thorax or
pelvis frame. A child limb (forearm, shank) is judged given its parent, as Akhter and Black 2015 do
(https://doi.org/10.1109/CVPR.2015.7298751): its table runs over the parent's direction and its own
direction in the parent's frame. Tables hold margins, degrees to the boundary of what is allowed,
negative outside; they stand for the right side, and left limbs are mirrored before the look-up.
Directions are component-first unit vectors, (3, limbs, bodies), as in `hierarchy`.

`fit_tables` makes tables from real bodies (how: see `fitting`). The default table was fitted on the
CMU training subjects (all but CMU05, CMU13, CMU07, CMU08), with settings found by leaving out one
of them at a time; held out in this way, each has 100 % of its poses accepted, but the climber
CMU01, 95.9 %. Of the four test subjects it accepts 97.5, 100, 100 and 100 % of the poses with all
nine limbs, and rejects 99.1, 100, 100 and 100 % of their elbow bends and 99.8 % or more of their
knee bends of 30 to 60 degrees once these are mirrored across the parent bone. The test figures of
earlier designs were known when the last one was made, so take them as slightly optimistic.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import (
    CHILD_LIMBS,
    PARENT_LIMBS,
    REST,
    Genomes,
    encode,
)
from evoskeleton.evolution.limits import sphere
from evoskeleton.evolution.limits.fitting import LimitSettings, fit_bodies, fit_children
from evoskeleton.evolution.rotations import dot, half_turn
from evoskeleton.evolution.skeleton import LIMBS
from evoskeleton.files import write_arrays
from evoskeleton.npz import read_npz

BODY_TABLES = ("head", "upper arm", "thigh")
CHILD_TABLES = ("forearm", "shank")
_SMALL_SEED = 5000
_CHUNK = 16_384

_CARRIERS, _CHILDREN = slice(1, 9, 2), slice(2, 9, 2)
_LEFT_LIMBS = [i for i, limb in enumerate(LIMBS) if limb.name.startswith("left")]
assert tuple(range(9))[_CARRIERS] == PARENT_LIMBS
assert tuple(range(9))[_CHILDREN] == CHILD_LIMBS


@dataclass(frozen=True, eq=False)
class Limits:
    """Margin tables of the right side of a body, int8 in steps of `sphere.STEP` degrees.

    Attributes:
        body: (3, n, n) head, upper arm, thigh over their directions.
        child: (2, p, p, c, c) forearm, shank over the parent's, then their own direction.
        provenance: what the tables were fitted on.
    """

    body: Tensor
    child: Tensor
    provenance: str = ""

    @cached_property
    def _body_cells(self) -> Tensor:
        return sphere.pack(self.body).flatten()

    @cached_property
    def _child_cells(self) -> Tensor:
        return sphere.pack(self.child).flatten()

    def limb_margins(self, genomes: Genomes) -> Tensor:
        """Degrees of every limb to its boundary, (9, bodies) float32, negative outside."""
        limbs = genomes.limbs
        parts = torch.split(limbs, _CHUNK, dim=-1) if limbs.device.type == "cpu" else (limbs,)
        return torch.cat([self._margins(part) for part in parts], dim=-1)

    def margin(self, genomes: Genomes, valid_limbs: int = len(LIMBS)) -> Tensor:
        """How far within the limits bodies are, (bodies,) float32 degrees; negative: invalid.

        Args:
            genomes: (bodies,) bodies.
            valid_limbs: how many of the nine limbs have to be within; the worst others are left
                out of account.
        """
        return body_margin(self.limb_margins(genomes), valid_limbs)

    def _margins(self, limbs: Tensor) -> Tensor:
        right = limbs.clone()
        for left in _LEFT_LIMBS:
            right[0, left].neg_()
        right[0, 0].abs_()
        margins = torch.empty(limbs.shape[1:], device=limbs.device)
        margins[0] = self._body_margins(right[:, :1], 0)[0]
        margins[_CARRIERS] = self._body_margins(right[:, _CARRIERS], 1)
        margins[_CHILDREN] = self._child_margins(right[:, _CARRIERS], right[:, _CHILDREN])
        return margins

    def _body_margins(self, directions: Tensor, first: int) -> Tensor:
        """Margins (limbs, bodies) of one limb by table `first`, or of two arms and two thighs."""
        size = self.body.shape[-1]
        row, column, *place = sphere.locate(directions, size)
        tables = first + torch.arange(len(row), device=row.device, dtype=torch.int32) // 2
        cells = (tables[:, None] * (size - 1) + row) * (size - 1) + column
        words = _fetch(self._body_cells, cells)
        return sphere.unpack(words, sphere.corner_weights(*place))

    def _child_margins(self, parents: Tensor, children: Tensor) -> Tensor:
        rows, size = self.child.shape[1], self.child.shape[-1]
        row, column, *place = sphere.locate(parents, rows)
        tables = torch.arange(len(row), device=row.device, dtype=torch.int32) // 2
        vertex = (tables[:, None] * rows + row) * rows + column
        child_row, child_column, *child_place = sphere.locate(children, size)
        cells = vertex * (size - 1) ** 2 + child_row * (size - 1) + child_column
        weights = sphere.corner_weights(*child_place)
        total = torch.zeros_like(place[0])
        for step, share in zip((0, 1, rows, rows + 1), sphere.corner_weights(*place), strict=True):
            words = _fetch(self._child_cells, cells + step * (size - 1) ** 2)
            total = total.addcmul_(sphere.unpack(words, weights), share)
        return total

    def to(self, device: torch.device | str) -> "Limits":
        """The same tables on a device."""
        return replace(self, body=self.body.to(device), child=self.child.to(device))

    def fingerprint(self) -> str:
        """SHA-256 of the tables, 64 hexadecimal digits; the provenance text does not count."""
        digest = hashlib.sha256()
        for table in (self.body, self.child):
            digest.update(repr(tuple(table.shape)).encode())
            digest.update(table.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the tables to an npz file without pickle, whole or not at all."""
        tables = {"body": self.body.cpu().numpy(), "child": self.child.cpu().numpy()}
        provenance = {"provenance": np.array(self.provenance)}
        write_arrays(Path(path), provenance | tables, compress=True)

    @classmethod
    def load(cls, path: str | Path) -> "Limits":
        """Read what `save` wrote.

        Raises:
            BadInput: the file cannot be read, or does not hold joint limits.
        """
        arrays = read_npz(path, "joint limits", ("body", "child", "provenance"))
        body, child, text = arrays["body"], arrays["child"], str(arrays["provenance"])
        _expect_tables(path, body, child)
        return cls(torch.from_numpy(body), torch.from_numpy(child), text)

    @classmethod
    def constant(cls, margin_deg: float) -> "Limits":
        """Tables with one margin everywhere: positive allows every body, negative forbids all."""
        value = int(sphere.quantize(np.array(margin_deg)))
        body = torch.full((len(BODY_TABLES), 3, 3), value, dtype=torch.int8)
        child = torch.full((len(CHILD_TABLES), 3, 3, 3, 3), value, dtype=torch.int8)
        return cls(body, child, f"a constant margin of {margin_deg:g} degrees")


def body_margin(limb_margins: Tensor, valid_limbs: int = len(LIMBS)) -> Tensor:
    """The margin (bodies,) of bodies by those of their limbs (9, bodies); see `Limits.margin`."""
    if valid_limbs == len(LIMBS):
        return limb_margins.amin(0)
    return limb_margins.kthvalue(len(LIMBS) + 1 - valid_limbs, dim=0).values


def _fetch(table: Tensor, places: Tensor) -> Tensor:
    return table.index_select(0, places.flatten()).view(places.shape)


def _expect_tables(path: str | Path, body: np.ndarray, child: np.ndarray) -> None:
    square = body.ndim == 3 and child.ndim == 5
    square = square and body.shape == (len(BODY_TABLES), *body.shape[1:2] * 2)
    square = square and child.shape == (
        len(CHILD_TABLES), *child.shape[1:2] * 2, *child.shape[3:4] * 2
    )  # fmt: skip
    if (
        not square
        or min(body.shape + child.shape) < 2
        or {body.dtype, child.dtype} != {np.dtype(np.int8)}
    ):
        raise BadInput(
            f"joint limits {path} should hold int8 tables body (3, n, n) and child (2, p, p, c, c),"
            f" got {body.dtype} {body.shape} and {child.dtype} {child.shape}"
        )


@lru_cache(maxsize=8)
def default_limits(device: str = "cpu") -> Limits:
    """The tables that ship with the package; their `provenance` says what they were fitted on."""
    file = resources.files("evoskeleton.evolution.limits") / "default_limits.npz"
    with resources.as_file(file) as path:
        return Limits.load(path).to(device)


def fit_tables(
    poses: np.ndarray | Genomes,
    settings: LimitSettings | None = None,
    source: str = "unnamed poses",
) -> Limits:
    """Tables from real bodies.

    Args:
        poses: (poses, 17, 3) world mm, or genomes.
        settings: reach of a sample, smoothing, size of the tables.
        source: where the poses come from, for the provenance text.

    Raises:
        BadInput: no poses, or another shape.
    """
    settings = settings or LimitSettings()
    genomes = poses if isinstance(poses, Genomes) else encode(poses)
    if len(genomes) == 0:
        raise BadInput("joint limits need at least one pose, got none")
    limbs = genomes.limbs.cpu().double().numpy()
    body = fit_bodies(limbs, BODY_TABLES, settings)
    child = fit_children(limbs, CHILD_TABLES, settings)
    return Limits(
        torch.from_numpy(body), torch.from_numpy(child), _provenance(len(genomes), source, settings)
    )


def _provenance(count: int, source: str, settings: LimitSettings) -> str:
    text = f"Fitted by evoskeleton on {count} poses: {source}."
    if count < _SMALL_SEED:
        text += (
            " This is a small seed: directions that it happens to lack are forbidden, so expect"
            " real poses of other people to be rejected."
        )
    return f"{text} Settings: {settings.model_dump_json()}"


def bend_backwards(genomes: Genomes) -> Genomes:
    """Every forearm and shank mirrored across its parent bone: knees and elbows bend wrongly."""
    limbs = genomes.limbs.clone()
    straight = torch.as_tensor(REST[list(PARENT_LIMBS)].T.copy(), dtype=limbs.dtype)
    children = limbs[:, CHILD_LIMBS]
    limbs[:, CHILD_LIMBS] = half_turn(straight[:, :, None].to(limbs.device), children)
    return replace(genomes, limbs=limbs)


def bends_deg(genomes: Genomes) -> Tensor:
    """Bend of the elbows and knees, (4, bodies) degrees in the order of `CHILD_LIMBS`."""
    straight = torch.as_tensor(REST[list(PARENT_LIMBS)].T.copy(), dtype=genomes.limbs.dtype)
    cosines = dot(straight[:, :, None].to(genomes.device), genomes.limbs[:, CHILD_LIMBS])
    return cosines.clamp(-1.0, 1.0).arccos().rad2deg()


class Judgement(NamedTuple):
    """How limits treat real bodies, shares in percent; NaN where there is nothing to judge.

    Attributes:
        accepted: real poses with all nine limbs within the limits.
        elbows: real elbow bends of 30 to 60 degrees that are rejected once bent backwards.
        knees: the same for knees.
    """

    accepted: float
    elbows: float
    knees: float


def judge(limits: Limits, genomes: Genomes) -> Judgement:
    """Measure limits on real bodies; each limb that is bent backwards counts on its own."""
    bends = bends_deg(genomes)
    band = (bends >= 30.0) & (bends <= 60.0)
    rejected = limits.limb_margins(bend_backwards(genomes))[list(CHILD_LIMBS)] < 0.0
    shares = [(limits.margin(genomes) >= 0.0).float().mean().item()]
    for table in CHILD_TABLES:
        slots = [i for i, limb in enumerate(CHILD_LIMBS) if LIMBS[limb].name.endswith(table)]
        shares.append(rejected[slots][band[slots]].float().mean().item())
    return Judgement(*(100.0 * share for share in shares))
