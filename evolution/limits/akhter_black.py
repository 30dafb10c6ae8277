"""Joint limits of Akhter and Black 2015 (https://doi.org/10.1109/CVPR.2015.7298751), read from the
files of people who own them, in the place of `limits.Limits`.

The tables are licensed, so none come with this package. `jointAngleModel_v2.npy` holds, for every
moving bone, `angleSprd` (which directions were seen), and for bones on another limb `sepPlane`,
`E2` and `bounds`, by the direction of the parent; `staticPose.npy` holds the directions `a` and
`di` that turn a parent bone into a frame. Directions are looked up in bins of 3 degrees, 121 of
azimuth and 61 of elevation.

What the frames are, all of it easy to get wrong:

- A bone points towards the body: shoulder minus elbow, thorax minus head.
- Axes of a limb on the torso: along the shoulders (or hips) to the right, then down the back
  (spine minus thorax, for the legs too), then *backwards*. Right, down, backwards is left-handed,
  because the tables were made for mirrored people: their authors call left what lies left for who
  looks at a person. Users of Li et al. 2020 (https://arxiv.org/abs/2006.07778) get the same mirror
  by swapping y and z of Human3.6M. Within the three numbers all goes on as if right-handed.
- Axes of a child limb, on the numbers of its parent u: u, then the unit vector along a x u (along
  u x di where u is parallel to a), then the cross product of the two.

Arrays are component-first, (3, limbs, bodies) float64, as in `hierarchy`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import CHILD_LIMBS, PARENT_LIMBS, Genomes, joint_places
from evoskeleton.evolution.limits import sphere
from evoskeleton.evolution.limits.tables import body_margin
from evoskeleton.evolution.rotations import cross, dot
from evoskeleton.evolution.skeleton import LIMBS, Joint
from evoskeleton.files import write_arrays
from evoskeleton.npz import read_npz
from evoskeleton.safe_npy import load_object

MODEL_FILE, STATIC_FILE = "jointAngleModel_v2.npy", "staticPose.npy"

BINS = (121, 61)
"""Bins of azimuth and of elevation; the last of each holds 180 and 90 degrees alone."""

RECORDS = (4, 2, 3, 0, 1, 8, 9, 5, 6)
"""Where each of the nine `LIMBS` stands in the files' lists."""

BODY = tuple(i for i in range(len(LIMBS)) if i not in CHILD_LIMBS)
"""The five limbs on the torso, in the order of `AkhterBlackLimits.seen`."""

_PARENT_BONES = (5, 2, 13, 9)
_STEP_DEG = 3.0
_PARALLEL = 1e-4
_NEAREST_DEG = 0.01
_CHUNK = 16_384
KIND = "Akhter and Black 2015"
"""What a saved file of these limits says it is."""
_UPPER = slice(0, 5)
_LOWER = slice(5, 9)


@dataclass(frozen=True, eq=False)
class AkhterBlackLimits:
    """Tables of all nine limbs; left and right have their own.

    The published tables say yes or no. Margins say so by their sign, and how clearly by their size:

    - limb on the torso: degrees from the middle of its bin to that of the nearest bin of the other
      kind, the same all over a bin;
    - child limb: the least of the exact angles to the separating plane and to the four bounds;
      minus `sphere.LIMIT` where its parent points in a direction that was never seen.

    Attributes:
        seen: (5, 121, 61) bool, head, left and right upper arm, left and right thigh.
        planes: (4, 121, 61, 4) normal and offset by the parent's direction, for left and right
            forearm, left and right shank; NaN where the parent was never seen.
        second_axes: (4, 121, 61, 3) second axis of the plane's frame (E2).
        bounds: (4, 121, 61, 4) least and greatest second, least and greatest third coordinate.
        reference: (3,) direction `a`.
        fallbacks: (3, 4) directions `di` of the four parents.
        provenance: where the tables come from.
    """

    seen: Tensor
    planes: Tensor
    second_axes: Tensor
    bounds: Tensor
    reference: Tensor
    fallbacks: Tensor
    provenance: str = ""

    def limb_margins(self, genomes: Genomes) -> Tensor:
        """Degrees of every limb to its boundary, (9, bodies) float32, negative outside."""
        if genomes.device.type != "cpu" or len(genomes) <= _CHUNK:
            return self._margins(joint_places(genomes))
        places = torch.split(torch.arange(len(genomes)), _CHUNK)
        return torch.cat([self.limb_margins(genomes.take(part)) for part in places], dim=-1)

    def margin(self, genomes: Genomes, valid_limbs: int = len(LIMBS)) -> Tensor:
        """How far within the limits bodies are, (bodies,) float32 degrees; see `Limits.margin`."""
        return body_margin(self.limb_margins(genomes), valid_limbs)

    def _margins(self, places: Tensor) -> Tensor:
        limbs = torso_directions(places)
        parents, own = limbs[:, list(PARENT_LIMBS)], limbs[:, list(CHILD_LIMBS)]
        cells = direction_bins(limbs)
        margins = torch.empty(limbs.shape[1:], dtype=limbs.dtype, device=limbs.device)
        tables = torch.arange(len(BODY), device=limbs.device)[:, None] * self._signed.shape[1]
        margins[list(BODY)] = self._signed.flatten()[tables + cells[list(BODY)]]
        children = child_directions(parents, own, self.reference, self.fallbacks)
        margins[list(CHILD_LIMBS)] = self._child_margins(cells[list(PARENT_LIMBS)], children)
        return margins.clamp_(-sphere.LIMIT, sphere.LIMIT).float()

    def _child_margins(self, cells: Tensor, children: Tensor) -> Tensor:
        """Degrees (4, bodies) within all five planes of the parent's bin (4, bodies)."""
        axes, lows, highs = self._boxes
        rows = cells + torch.arange(len(axes), device=cells.device)[:, None] * axes.shape[1]
        axes = axes.flatten(0, 1)[rows]
        heights = torch.einsum("lbac,clb->lba", axes, children).clamp(-1.0, 1.0)
        heights = heights.arcsin().rad2deg()
        above = heights - lows.flatten(0, 1)[rows]
        below = highs.flatten(0, 1)[rows] - heights
        return torch.minimum(above, below).amin(-1)

    @cached_property
    def _signed(self) -> Tensor:
        """(5, bins) float64 margins of the limbs on the torso."""
        tables = [_signed_bins(table) for table in self.seen.flatten(1).cpu().numpy()]
        return torch.from_numpy(np.stack(tables)).to(self.seen.device)

    @cached_property
    def _boxes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Axes (4, bins, 3, 3) of each box, and its least and greatest (4, bins, 3) degrees.

        The separating plane is a bound on the first axis, n.b <= -offset. Bins without a whole
        box, and boxes without a direction, get a bound that nothing keeps.
        """
        planes, second = self.planes.flatten(1, 2), self.second_axes.flatten(1, 2)
        bounds = self.bounds.flatten(1, 2)
        size = planes[..., :3].norm(dim=-1, keepdim=True)
        first = planes[..., :3] / size
        second = second - (second * first).sum(-1, keepdim=True) * first
        height = second.norm(dim=-1, keepdim=True)
        second = second / height
        axes = torch.stack([first, second, torch.linalg.cross(first, second)], dim=2)
        lows = torch.stack([torch.full_like(size[..., 0], -2.0), bounds[..., 0], bounds[..., 2]], 2)
        highs = torch.stack([-planes[..., 3] / size[..., 0], bounds[..., 1], bounds[..., 3]], 2)
        usable = axes.isfinite().all((2, 3)) & lows.isfinite().all(2) & highs.isfinite().all(2)
        usable &= (size > _TINY)[..., 0] & (height > _TINY)[..., 0]
        highs = _degrees_beyond(highs).where(usable[..., None], -torch.inf)
        return axes.where(usable[..., None, None], 0.0), _degrees_beyond(lows).nan_to_num(), highs

    def to(self, device: torch.device | str) -> "AkhterBlackLimits":
        """The same tables on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in _TABLES})

    def fingerprint(self) -> str:
        """SHA-256 of the tables, 64 hexadecimal digits; the provenance text does not count."""
        digest = hashlib.sha256(KIND.encode())
        for name in _TABLES:
            digest.update(getattr(self, name).cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the tables to an npz file without pickle, whole or not at all."""
        tables = {name: getattr(self, name).cpu().numpy() for name in _TABLES}
        texts = {"kind": np.array(KIND), "provenance": np.array(self.provenance)}
        write_arrays(Path(path), {**texts, **tables}, compress=True)

    @classmethod
    def load(cls, path: str | Path) -> "AkhterBlackLimits":
        """Read what `save` wrote.

        Raises:
            BadInput: the file cannot be read, or does not hold these tables.
        """
        arrays = read_npz(path, "joint limits", (*_TABLES, "provenance"))
        text = str(arrays["provenance"])
        tables = {name: torch.from_numpy(arrays[name]) for name in _TABLES}
        for name, table in tables.items():
            if tuple(table.shape) != _TABLES[name]:
                raise BadInput(
                    f"joint limits {path}: {name} should be {_TABLES[name]},"
                    f" got {tuple(table.shape)}"
                )
        return cls(**tables, provenance=text)


_TABLES: dict[str, tuple[int, ...]] = {
    "seen": (5, *BINS),
    "planes": (4, *BINS, 4),
    "second_axes": (4, *BINS, 3),
    "bounds": (4, *BINS, 4),
    "reference": (3,),
    "fallbacks": (3, 4),
}
assert list(_TABLES) == [field.name for field in fields(AkhterBlackLimits)][:-1]

_TINY = 1e-9


def _unit(vectors: Tensor) -> Tensor:
    return vectors / dot(vectors, vectors).sqrt().clamp_min(1e-300)


def _axes(across: Tensor, down: Tensor) -> Tensor:
    """Axes (3, 3, bodies), one a row: to the right, down, backwards."""
    right = _unit(across)
    low = _unit(down - dot(down, right) * right)
    return torch.stack([right, low, cross(low, right)])


def torso_directions(places: Tensor) -> Tensor:
    """Bones as the tables' frames of the torso see them.

    Args:
        places: (17, 3, bodies) joints, world mm, z up.

    Returns:
        (3, 9, bodies) float64 unit vectors towards the body: right, down, backwards.
    """
    places = places.double()
    starts, ends = (torch.tensor([limb[i] for limb in LIMBS], device=places.device) for i in (1, 2))
    bones = (places.index_select(0, starts) - places.index_select(0, ends)).transpose(0, 1)
    back = places[Joint.SPINE] - places[Joint.THORAX]
    upper = _axes(places[Joint.RSHOULDER] - places[Joint.LSHOULDER], back)
    lower = _axes(places[Joint.RHIP] - places[Joint.LHIP], back)
    seen = [
        torch.einsum("acb,clb->alb", axes, bones[:, limbs])
        for axes, limbs in ((upper, _UPPER), (lower, _LOWER))
    ]
    return _unit(torch.cat(seen, dim=1))


def child_directions(
    parents: Tensor, children: Tensor, reference: Tensor, fallbacks: Tensor
) -> Tensor:
    """Child bones in the frames of their parents.

    Args:
        parents, children: (3, 4, bodies) unit vectors from `torso_directions`.
        reference: (3,) direction `a`.
        fallbacks: (3, 4) directions `di` for parents parallel to `a`.
    """
    away = reference[:, None, None].expand_as(parents)
    apart = torch.minimum((parents - away).norm(dim=0), (parents + away).norm(dim=0))
    across = cross(away, parents)
    instead = cross(parents, fallbacks[:, :, None].expand_as(parents))
    across = _unit(torch.where(apart < _PARALLEL, instead, across))
    axes = (parents, across, cross(parents, across))
    return torch.stack([dot(axis, children) for axis in axes])


def direction_bins(directions: Tensor) -> Tensor:
    """Bins (...) int64 of directions (3, ...): 61 times the azimuth bin, plus the elevation bin."""
    x, y, z = directions
    azimuth = torch.atan2(y, x).rad2deg()
    elevation = torch.atan2(z, torch.hypot(x, y)).rad2deg()
    row = ((azimuth + 180.0) / _STEP_DEG).long().clamp_(0, BINS[0] - 1)
    column = ((elevation + 90.0) / _STEP_DEG).long().clamp_(0, BINS[1] - 1)
    return row * BINS[1] + column


def bin_middles() -> np.ndarray:
    """Unit directions (121 * 61, 3) of the middles of the bins, in the order of the bins."""
    azimuth, elevation = (
        np.radians(np.minimum(_STEP_DEG * (np.arange(count) + 0.5) - half, half))
        for count, half in zip(BINS, (180.0, 90.0), strict=True)
    )
    azimuth, elevation = (a.ravel() for a in np.meshgrid(azimuth, elevation, indexing="ij"))
    across = np.cos(elevation)
    return np.stack([across * np.cos(azimuth), across * np.sin(azimuth), np.sin(elevation)], axis=1)


def _signed_bins(seen: np.ndarray) -> np.ndarray:
    """Degrees (bins,) from every bin to the nearest of the other kind, negative where not seen.

    Bins that touch the pole share their middle with others; they too keep a sign.
    """
    if seen.all() or not seen.any():
        return np.full(len(seen), sphere.LIMIT if seen.all() else -sphere.LIMIT)
    middles = bin_middles()
    margins = np.empty(len(seen))
    for kind, sign in ((True, 1.0), (False, -1.0)):
        chords, _ = sphere.tree(middles[seen != kind]).query(middles[seen == kind])
        margins[seen == kind] = sign * np.maximum(sphere.chord_to_degrees(chords), _NEAREST_DEG)
    return margins


def _degrees_beyond(heights: Tensor) -> Tensor:
    """Latitude in degrees of heights on the unit sphere, going on beyond the poles."""
    reached = heights.clamp(-1.0, 1.0)
    return (reached.arcsin() + (heights - reached)).rad2deg()


def from_records(
    joint_angle_model: Mapping[str, Any],
    static_pose: Mapping[str, Any],
    *,
    model_name: str = MODEL_FILE,
    static_name: str = STATIC_FILE,
) -> AkhterBlackLimits:
    """Limits from the two dictionaries of the files.

    Args:
        joint_angle_model: `angleSprd`, `sepPlane`, `E2`, `bounds`, each a list of tables by record.
        static_pose: `a` with 3 numbers and `di` (3, bones).
        model_name, static_name: what the sentences of errors call the two.

    Raises:
        BadInput: a name is missing, a table has another shape, or a number is not finite where one
            is needed (parents that were never seen are NaN).
    """
    body = [RECORDS[limb] for limb in BODY]
    children = [RECORDS[limb] for limb in CHILD_LIMBS]
    seen = _tables(joint_angle_model, "angleSprd", body, BINS, model_name)
    if np.isnan(seen).any():
        raise BadInput(f"{model_name}: angleSprd should hold yes or no, got nan")
    planes, second, bounds = (
        _tables(joint_angle_model, name, children, (*BINS, width), model_name)
        for name, width in (("sepPlane", 4), ("E2", 3), ("bounds", 4))
    )
    reference = _numbers(static_pose, "a", static_name).reshape(-1)
    if reference.shape != (3,):
        raise BadInput(f"{static_name}: a should hold 3 numbers, got {len(reference)}")
    directions = _numbers(static_pose, "di", static_name)
    if (
        directions.ndim != 2
        or directions.shape[0] != 3
        or directions.shape[1] <= max(_PARENT_BONES)
    ):
        raise BadInput(f"{static_name}: di should be (3, 16), got {directions.shape}")
    return AkhterBlackLimits(
        seen=torch.from_numpy(seen != 0),
        planes=torch.from_numpy(planes),
        second_axes=torch.from_numpy(second),
        bounds=torch.from_numpy(bounds),
        reference=torch.tensor(reference),
        fallbacks=torch.tensor(directions[:, list(_PARENT_BONES)]),
        provenance=f"{KIND}: {Path(model_name).name} and {Path(static_name).name}",
    )


def _tables(
    model: Mapping[str, Any],
    name: str,
    records: Sequence[int],
    shape: tuple[int, ...],
    file: str,
) -> np.ndarray:
    """Some records of a list of tables, (records, *shape) float64 without infinities."""
    cells = _cells(_entry(model, name, file))
    if len(cells) <= max(RECORDS):
        raise BadInput(f"{file}: {name} should list 11 tables, got {len(cells)}")
    tables = [_array(cells[record], f"record {record} of {name}", file) for record in records]
    for record, table in zip(records, tables, strict=True):
        if table.shape != shape:
            raise BadInput(
                f"{file}: record {record} of {name} should be {shape}, got {table.shape}"
            )
    whole = np.stack(tables)
    if np.isinf(whole).any():
        raise BadInput(f"{file}: {name} should hold finite numbers, got inf")
    return whole


def _entry(entries: Mapping[str, Any], name: str, file: str) -> Any:
    if name not in entries:
        raise BadInput(
            f"{file} should hold {name}, got {', '.join(map(str, entries)) or 'nothing'}"
        )
    return entries[name]


def _cells(listed: Any) -> Sequence[Any]:
    """The tables of a MATLAB cell array, (1, n) as SciPy reads it, or of a plain list."""
    if isinstance(listed, np.ndarray):
        return list(listed.ravel()) if listed.dtype == object else list(listed)
    return listed if isinstance(listed, list | tuple) else []


def _array(value: Any, what: str, file: str) -> np.ndarray:
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{file}: {what} should hold numbers, got {type(value).__name__}") from None


def _numbers(entries: Mapping[str, Any], name: str, file: str) -> np.ndarray:
    numbers = _array(_entry(entries, name, file), name, file)
    if not np.isfinite(numbers).all():
        raise BadInput(f"{file}: {name} should hold finite numbers, got nan or inf")
    return numbers


def load_akhter_black(model_path: str | Path, static_path: str | Path) -> AkhterBlackLimits:
    """Limits from a user's own files, read by the restricted unpickler.

    Raises:
        BadInput: a file cannot be read, asks for more than arrays and dictionaries, or does not
            hold the tables.
    """
    return from_records(
        _dictionary(model_path),
        _dictionary(static_path),
        model_name=str(model_path),
        static_name=str(static_path),
    )


def _dictionary(path: str | Path) -> Mapping[str, Any]:
    found = load_object(Path(path))
    if isinstance(found, np.ndarray) and found.shape == ():
        found = found.item()
    if not isinstance(found, Mapping):
        raise BadInput(f"{path} should hold a dictionary, got {type(found).__name__}")
    return found
