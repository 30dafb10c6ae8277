"""Figures of joint limits: which directions limbs may take, and which they take in given poses.

Maps run over azimuth, atan2(forwards, right) from -180 to 180 degrees, and elevation from -90
(down) to 90 (up), in bins of 3 degrees, as in Akhter and Black 2015
(https://doi.org/10.1109/CVPR.2015.7298751) and Li et al. 2020 (https://arxiv.org/abs/2006.07778).
Directions are those of genomes: of head and arms in the thorax, of thighs in the pelvis, of
forearms and shanks in a frame that their parent bone carries along. Left limbs are mirrored onto
right ones, whose limits are drawn. `review.limb_coverage` has maps that keep areas true; these show
angles.

Every function returns a matplotlib `Figure` of its own. Poses are (poses, 17, 3) world mm, z up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import REST, Genomes, encode
from evoskeleton.evolution.limits import sphere
from evoskeleton.evolution.limits.sampling import MarginSource, template_body
from evoskeleton.evolution.limits.tables import BODY_TABLES, CHILD_TABLES
from evoskeleton.evolution.skeleton import LIMB_MIRROR, LIMBS, Joint
from evoskeleton.platform.record.review import BLUE, GREY, VERMILLION
from evoskeleton.shapes import expect_shape

BIN_DEG = 3
COLUMNS, ROWS = 360 // BIN_DEG, 180 // BIN_DEG
TABLES = (*BODY_TABLES, *CHILD_TABLES)
MOST_PARENTS = 64
"""Directions of the parent over which the limits of a child limb are joined."""

_SHOWN_DEG = 45.0
_FORBIDDEN = "#E4E4E4"
_MARGINS = LinearSegmentedColormap.from_list("margins", [VERMILLION, "#FFFFFF", BLUE])
_SHARES = LinearSegmentedColormap.from_list("shares", ["#CFE3F2", "#5AA5D6", BLUE, "#00263D"])
_EDGES = np.arange(-180, 181, BIN_DEG), np.arange(-90, 91, BIN_DEG)


def bin_directions() -> np.ndarray:
    """(3, 60, 120) unit directions of the middles of the bins, elevation by azimuth."""
    azimuth, elevation = (np.radians(edges[:-1] + BIN_DEG / 2) for edges in _EDGES)
    elevation, azimuth = np.meshgrid(elevation, azimuth, indexing="ij")
    across = np.cos(elevation)
    return np.stack([across * np.cos(azimuth), across * np.sin(azimuth), np.sin(elevation)])


def bin_areas() -> np.ndarray:
    """(60, 1) share of the sphere that one bin of each row of elevation covers."""
    heights = np.sin(np.radians(_EDGES[1]))
    return np.diff(heights)[:, None] / 2.0 / COLUMNS


def limb_of(table: str) -> int:
    """The place in `LIMBS` of the limb that a table is about: the head, or one of the right."""
    return next(i for i, limb in enumerate(LIMBS) if limb.name in (table, f"right {table}"))


def margins_on_map(
    limits: MarginSource, table: str, parents: np.ndarray | None = None
) -> np.ndarray:
    """Margins (60, 120) in degrees of a limb over its direction, negative where forbidden.

    Args:
        limits: any joint limits.
        table: one of `TABLES`.
        parents: (n, 3) directions of the parent of a forearm or shank; the largest margin over
            them counts. None: the rest of the body stands as `template_body` does.
    """
    limb = limb_of(table)
    directions = torch.tensor(bin_directions().reshape(3, -1), dtype=torch.float32)
    if parents is None:
        return _margins(limits, limb, directions, None)
    each = [_margins(limits, limb, directions, parent) for parent in parents]
    largest: np.ndarray = np.max(each, axis=0)
    return largest


def _margins(
    limits: MarginSource, limb: int, directions: torch.Tensor, parent: np.ndarray | None
) -> np.ndarray:
    count = directions.shape[1]
    bodies = template_body().take(torch.zeros(count, dtype=torch.int64))
    limbs = bodies.limbs.clone()
    limbs[:, limb] = directions
    if parent is not None:
        limbs[:, LIMBS[limb].parent] = torch.tensor(parent, dtype=torch.float32)[:, None]
    margins = limits.limb_margins(replace(bodies, limbs=limbs))[limb]
    return margins.numpy().reshape(ROWS, COLUMNS)


def limit_map(
    limits: MarginSource,
    title: str = "Joint limits",
    parents: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """How far every direction of a limb lies within its limits, a map for each of the five tables.

    Args:
        limits: any joint limits.
        title: what the limits are.
        parents: direction (3,) of the upper arm ("forearm") or thigh ("shank") that the map of the
            child is drawn for, right, forwards and up; those left out hang down.
    """
    figure = Figure(figsize=(14.4, 6.6), layout="constrained")
    image = None
    for place, table in enumerate(TABLES):
        axes = figure.add_subplot(2, 3, place + 1)
        parent = _stated_parent(table, parents or {})
        margins = margins_on_map(limits, table, None if parent is None else parent[None])
        image = axes.pcolormesh(
            *_EDGES, margins, cmap=_MARGINS, norm=_margin_norm(), rasterized=True
        )
        _draw_boundary(axes, margins)
        _mark_straight(axes, table)
        share = 100.0 * float(((margins >= 0) * bin_areas()).sum())
        axes.set_title(
            f"{_caption(table, parent)}\n{share:.1f} % of all directions allowed", fontsize=10
        )
        _label_angles(axes, place >= 3 or place == 2, place % 3 == 0)
    _draw_key(figure, image)
    figure.suptitle(title, fontsize=12)
    return figure


def _margin_norm() -> TwoSlopeNorm:
    return TwoSlopeNorm(0.0, -_SHOWN_DEG, _SHOWN_DEG)


def _stated_parent(table: str, parents: Mapping[str, Sequence[float]]) -> np.ndarray | None:
    """The unit direction of a child's parent; nothing for limbs on the torso."""
    parent = LIMBS[limb_of(table)].parent
    if parent < 0:
        return None
    stated = np.asarray(parents.get(table, template_body().limbs[:, parent, 0].numpy()), float)
    size = float(np.linalg.norm(stated))
    if stated.shape != (3,) or not size > 0.0:
        raise BadInput(f"the direction of the parent of the {table} should be 3 numbers, not all 0")
    return stated / size


def _caption(table: str, parent: np.ndarray | None) -> str:
    limb = LIMBS[limb_of(table)]
    if parent is None:
        return f"{limb.name}, in the {limb.frame}"
    azimuth, elevation = _angles(parent[:, None])
    where = f"azimuth {azimuth[0]:.0f}°, elevation {elevation[0]:.0f}°"
    if elevation[0] < -80.0:
        where = "hanging down"
    return f"{limb.name}, on an {LIMBS[limb.parent].name} {where}".replace("an right", "a right")


def _draw_key(figure: Figure, image: Any) -> None:
    """The scale of the margins and how to read the maps, in the place of a sixth one."""
    axes = figure.add_subplot(2, 3, 6)
    axes.set_axis_off()
    text = (
        "azimuth 0° is the right of the torso, 90° the front;\n"
        "elevation -90° is down, 90° up.\n"
        "Forearms and shanks: the same axes, carried along\n"
        "by the parent bone; + marks the straight limb.\n"
        "Black line: the limit. Maps are of the right side."
    )
    axes.text(0.5, 0.92, text, transform=axes.transAxes, ha="center", va="top", fontsize=10)
    bar = figure.colorbar(
        image, cax=axes.inset_axes((0.05, 0.28, 0.9, 0.1)), orientation="horizontal"
    )
    bar.set_label("margin in degrees: vermillion is forbidden, blue is allowed", fontsize=9)


def _label_angles(axes: Axes, below: bool, beside: bool) -> None:
    words = ("left", "back", "right", "front", "left")
    ticks = range(-180, 181, 90)
    labels = [f"{tick}°\n{word}" for tick, word in zip(ticks, words, strict=True)]
    axes.set_xticks(ticks, labels if below else [""] * 5, fontsize=8)
    axes.set_yticks(range(-90, 91, 45), ["down -90°", "-45°", "0°", "45°", "up 90°"], fontsize=8)
    if not beside:
        axes.set_yticklabels([])
    axes.set(xlim=(-180, 180), ylim=(-90, 90), aspect="equal")
    axes.grid(color="#000000", alpha=0.12, linewidth=0.5)


def _draw_boundary(axes: Axes, margins: np.ndarray, color: str = "black") -> None:
    """The line of no margin; the map is closed in azimuth, so it goes on beyond both sides."""
    if margins.min() >= 0.0 or margins.max() < 0.0:
        return
    wide = np.concatenate([margins[:, -1:], margins, margins[:, :1]], axis=1)
    azimuth = np.arange(-180 - BIN_DEG / 2, 181 + BIN_DEG / 2, BIN_DEG)
    elevation = _EDGES[1][:-1] + BIN_DEG / 2
    axes.contour(azimuth, elevation, wide, levels=[0.0], colors=color, linewidths=1.3)


def _mark_straight(axes: Axes, table: str) -> None:
    parent = LIMBS[limb_of(table)].parent
    if parent >= 0:
        azimuth, elevation = _angles(REST[parent][:, None])
        axes.plot(azimuth, elevation, "+", color="black", markersize=9, markeredgewidth=1.6)


def _angles(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth and elevation in degrees of (3, n) unit directions."""
    x, y, z = directions
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))


@dataclass(frozen=True)
class _Seen:
    """Directions of one set of poses, left limbs as right ones."""

    name: str
    genomes: Genomes

    def directions(self, table: str) -> np.ndarray:
        """(3, n) unit directions of both sides; the head, which is its own mirror, once."""
        limb = limb_of(table)
        limbs = self.genomes.limbs.numpy().astype(float)
        if LIMB_MIRROR[limb] == limb:
            return limbs[:, limb]
        left = limbs[:, LIMB_MIRROR[limb]] * [[-1.0], [1.0], [1.0]]
        return np.concatenate([limbs[:, limb], left], axis=1)

    def parents(self, table: str) -> np.ndarray:
        """At most `MOST_PARENTS` different directions (n, 3) of the parent, from all over."""
        own = LIMBS[LIMBS[limb_of(table)].parent].name.removeprefix("right ")
        found = sphere.thinned(self.directions(own).T, np.radians(12.0))
        places = np.linspace(0, len(found) - 1, min(MOST_PARENTS, len(found))).round().astype(int)
        parents: np.ndarray = found[places]
        return parents

    def shares(self, table: str) -> np.ndarray:
        """(60, 120) share of the directions in each bin, percent."""
        azimuth, elevation = _angles(self.directions(table))
        counts, _, _ = np.histogram2d(elevation, azimuth, bins=[_EDGES[1], _EDGES[0]])
        shares: np.ndarray = 100.0 * counts / len(azimuth)
        return shares


def _seen(sets: Mapping[str, np.ndarray | None]) -> list[_Seen]:
    """The sets that are there; a word each.

    Raises:
        BadInput: another shape, or no pose at all.
    """
    seen = []
    for name, poses in sets.items():
        if poses is None:
            continue
        expect_shape(name, poses, ("poses", len(Joint), 3))
        if len(poses) == 0:
            raise BadInput(f"{name} should hold at least one pose, got none")
        seen.append(_Seen(name, encode(torch.tensor(np.asarray(poses, np.float32)))))
    if not seen:
        raise BadInput("poses before or after should be given, got neither")
    return seen


def direction_maps(
    limits: MarginSource, before: np.ndarray | None, after: np.ndarray | None = None
) -> Figure:
    """Where limbs point in one or two sets of poses, with the limits drawn over.

    The limits of forearms and shanks are those of all the parents seen joined: a direction outside
    is allowed by none of them. The shares that are said to be outside are exact.

    Args:
        limits: any joint limits.
        before: (poses, 17, 3) world mm, such as the seed poses.
        after: (poses, 17, 3) world mm, such as the evolved poses.

    Raises:
        BadInput: another shape, or no pose at all.
    """
    seen = _seen({"before": before, "after": after})
    figure = Figure(figsize=(1.2 + 5.0 * len(seen), 14.8), layout="constrained")
    grid = figure.subplots(len(TABLES), len(seen), squeeze=False)
    outside = [_outside(limits, part.genomes) for part in seen]
    shares = {table: [part.shares(table) for part in seen] for table in TABLES}
    norm = _share_norm(shares)
    image: Any = None
    for row, table in enumerate(TABLES):
        margins = margins_on_map(limits, table, _all_parents(seen, table))
        for column, part in enumerate(seen):
            axes = grid[row, column]
            image = _draw_shares(axes, shares[table][column], margins, norm)
            _mark_straight(axes, table)
            _label_angles(axes, row == len(TABLES) - 1, column == 0)
            reached = _reached(shares[table][column], margins)
            axes.set_title(
                f"{table}, {part.name}: {reached:.0f} % of the allowed area reached,"
                f" {_percent(outside[column][table])} of the limbs outside",
                fontsize=9,
            )
    bar = figure.colorbar(image, ax=grid, location="bottom", fraction=0.012, aspect=60, pad=0.01)
    bar.set_label("share of the limbs in a bin of 3 x 3 degrees (%)", fontsize=9)
    counts = ", ".join(f"{len(part.genomes):,} poses {part.name}" for part in seen)
    figure.suptitle(f"Directions of the limbs: {counts}", fontsize=12)
    _legend(figure)
    return figure


def _all_parents(seen: Sequence[_Seen], table: str) -> np.ndarray | None:
    if table not in CHILD_TABLES:
        return None
    return np.concatenate([part.parents(table) for part in seen])


def _outside(limits: MarginSource, genomes: Genomes) -> dict[str, float]:
    """Percent of the limbs of each table that lie outside."""
    below = (limits.limb_margins(genomes) < 0.0).float().mean(1).numpy()
    limbs = {table: limb_of(table) for table in TABLES}
    return {
        table: 50.0 * float(below[limb] + below[LIMB_MIRROR[limb]]) for table, limb in limbs.items()
    }


def _percent(share: float) -> str:
    return "none" if share == 0.0 else f"{share:.1f} %" if share >= 0.1 else f"{share:.2g} %"


def _reached(shares: np.ndarray, margins: np.ndarray) -> float:
    """Percent of the allowed area in bins where at least one limb was seen."""
    allowed = (margins >= 0.0) * bin_areas()
    return 100.0 * float((allowed * (shares > 0)).sum()) / max(float(allowed.sum()), 1e-12)


def _share_norm(shares: Mapping[str, Sequence[np.ndarray]]) -> LogNorm:
    found = np.concatenate([s[s > 0] for each in shares.values() for s in each])
    top = float(np.quantile(found, 0.999))
    return LogNorm(max(float(found.min()), top / 3000.0), top, clip=True)


def _draw_shares(axes: Axes, shares: np.ndarray, margins: np.ndarray, norm: LogNorm) -> Any:
    forbidden = np.ma.masked_where(margins >= 0.0, np.ones_like(margins))
    grey = LinearSegmentedColormap.from_list("forbidden", [_FORBIDDEN, _FORBIDDEN])
    axes.pcolormesh(*_EDGES, forbidden, cmap=grey, rasterized=True)
    there = np.ma.masked_where(shares == 0.0, shares)
    image = axes.pcolormesh(*_EDGES, there, cmap=_SHARES, norm=norm, rasterized=True)
    _draw_boundary(axes, margins, VERMILLION)
    return image


def _legend(figure: Figure) -> None:
    handles: list[Any] = [
        Line2D([], [], color=VERMILLION, label="limit"),
        Patch(color=_FORBIDDEN, label="forbidden"),
        Patch(facecolor="white", edgecolor=GREY, label="allowed, not seen"),
        Line2D([], [], linestyle="none", marker="+", color="black", label="straight limb"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)


def angle_histograms(before: np.ndarray | None, after: np.ndarray | None = None) -> Figure:
    """How azimuth and elevation of each limb are spread in one or two sets of poses.

    Args:
        before: (poses, 17, 3) world mm, such as the seed poses.
        after: (poses, 17, 3) world mm, such as the evolved poses.

    Raises:
        BadInput: another shape, or no pose at all.
    """
    seen = _seen({"before": before, "after": after})
    figure = Figure(figsize=(11.0, 11.5), layout="constrained")
    grid = figure.subplots(len(TABLES), 2)
    for row, table in enumerate(TABLES):
        for part, color in zip(seen, (GREY, BLUE), strict=False):
            angles = _angles(part.directions(table))
            for axes, values, edges in zip(grid[row], angles, _EDGES, strict=True):
                share = 100.0 * np.histogram(values, edges)[0] / len(values)
                fill = color == GREY
                axes.stairs(share, edges, fill=fill, color=color, alpha=0.55 if fill else 1.0)
        grid[row, 0].set_ylabel(f"{table}\n% in 3 degrees", fontsize=9)
    for axes, edges in zip(grid.T, _EDGES, strict=True):
        for each in axes:
            each.set(xlim=(edges[0], edges[-1]), xticks=range(edges[0], edges[-1] + 1, 45))
            each.tick_params(labelsize=8)
            each.spines[["top", "right"]].set_visible(False)
    grid[-1, 0].set_xlabel("azimuth (degrees): 0 right, 90 front, 180 left, -90 back", fontsize=9)
    grid[-1, 1].set_xlabel("elevation (degrees): -90 down, 90 up", fontsize=9)
    handles = [
        Patch(color=color, label=f"{part.name}, {len(part.genomes):,} poses")
        for part, color in zip(seen, (GREY, BLUE), strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False, fontsize=10)
    return figure
