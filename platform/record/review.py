"""Figures that a person reads to judge a campaign: evolved poses, errors, coverage.

Every function returns a matplotlib `Figure` of its own: no window, no global state. Poses are
(poses, 17, 3) world mm, z up; errors are mm. Colours are those of Okabe and Ito 2008
(https://jfly.uni-koeln.de/color/), which people with any colour vision can tell apart.
"""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import Archive
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.skeleton import LIMBS, Joint
from evoskeleton.lifting.drawing import draw_pose
from evoskeleton.shapes import expect_shape

BLUE, VERMILLION = "#0072B2", "#D55E00"
GREY, PALE = "#8A8A8A", "#EDEDED"
MOST_CLIPS = 40
MOST_RIDGES = 10
_CAPTION = 32
SPHERE_BINS = (72, 36)
"""Columns of azimuth and rows of equal height of the sphere: all bins have the same area."""


def evenly_by_error(errors: np.ndarray, count: int) -> np.ndarray:
    """Places of `count` poses from the easiest to the hardest, at even ranks of (poses,) errors."""
    order = np.argsort(errors, kind="stable")
    ranks = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    places: np.ndarray = order[ranks]
    return places


def gallery(
    poses: np.ndarray,
    generations: np.ndarray,
    operators: Sequence[str],
    errors: np.ndarray,
    ancestors: np.ndarray | None = None,
    *,
    columns: int = 5,
) -> Figure:
    """A grid of evolved poses, each turned to the same three-quarter view.

    Args:
        poses: (poses, 17, 3) world mm.
        generations: (poses,) when each was bred.
        operators: how each was bred, names joined by +.
        errors: (poses,) the champion's error on it, mm; NaN where it was never scored.
        ancestors: (poses, 17, 3) seed pose that each goes back to, drawn in grey beside it; rows
            of NaN where there is none.
        columns: poses side by side.

    Raises:
        BadInput: another shape, or no pose at all.
    """
    _expect_poses("poses", poses)
    columns = min(columns, len(poses))
    rows = -(-len(poses) // columns)
    figure = Figure(figsize=(2.5 * columns, 2.75 * rows + 0.6), layout="constrained")
    for place, pose in enumerate(poses):
        axes = figure.add_subplot(rows, columns, place + 1, projection="3d")
        ancestor = None if ancestors is None else ancestors[place]
        _draw_bodies(axes, pose, ancestor)
        error = errors[place]
        measured = "not scored" if np.isnan(error) else f"{error:.0f} mm"
        caption = f"{_wrapped(operators[place])}\ngeneration {generations[place]}, {measured}"
        axes.set_title(caption, fontsize=8, y=0.99)
    beside = "" if ancestors is None else "; the seed pose that each goes back to in grey"
    figure.suptitle(f"Evolved poses and the champion lifter's error on them{beside}", fontsize=11)
    return figure


def _wrapped(operators: str) -> str:
    """Names joined by +, a few to a line."""
    return "\n".join(wrap(operators.replace("+", " + "), _CAPTION))


def error_by_clip(
    baseline: Mapping[str, float],
    evolved: Mapping[str, float],
    *,
    metric: str = "MPJPE",
    unit: str = "mm",
) -> Figure:
    """Baseline against evolved lifter on every clip, the largest gain on top.

    Args:
        baseline: error by clip of the lifter that was trained on the seed poses alone.
        evolved: error by clip of the evolved lifter, on the same clips.
        metric: what is measured; smaller is better.
        unit: its unit.

    Raises:
        BadInput: the two speak of different clips, or of none.
    """
    if not baseline or baseline.keys() != evolved.keys():
        odd = sorted(baseline.keys() ^ evolved.keys())
        raise BadInput(f"baseline and evolved should have the same clips, got {odd or 'none'}")
    clips = sorted(baseline, key=lambda clip: baseline[clip] - evolved[clip])
    shown = _both_ends(clips, MOST_CLIPS)
    before, after = (np.array([errors[c] for c in shown]) for errors in (baseline, evolved))
    figure = Figure(figsize=(7.5, 1.7 + 0.26 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    _draw_dumbbells(axes, before, after)
    axes.set_yticks(range(len(shown)), shown, fontsize=9)
    axes.set_xlabel(f"{metric} ({unit}), smaller is better")
    better = sum(evolved[clip] < baseline[clip] for clip in clips)
    means = [np.mean(list(errors.values())) for errors in (baseline, evolved)]
    part = f" (shown: best and worst {MOST_CLIPS // 2})" if len(shown) < len(clips) else ""
    axes.set_title(
        f"{better} of {len(clips)} clips better{part}; "
        f"mean over clips {means[0]:.1f} to {means[1]:.1f} {unit}",
        fontsize=10,
        loc="left",
    )
    _legend_dumbbells(figure)
    return figure


def error_by_generation(errors: Mapping[int, np.ndarray]) -> Figure:
    """How the champion's errors on each generation's offspring are spread, one ridge a generation.

    Args:
        errors: (poses,) mm of each generation; at most ten generations are shown.

    Raises:
        BadInput: no generation has a finite error.
    """
    finite = {g: np.asarray(e)[np.isfinite(e)] for g, e in sorted(errors.items())}
    present = [generation for generation, values in finite.items() if len(values)]
    if not present:
        raise BadInput("errors should hold at least one finite error, got none")
    picked = np.linspace(0, len(present) - 1, min(MOST_RIDGES, len(present))).round().astype(int)
    shown = [present[i] for i in picked]
    top = max(1.0, *(float(np.quantile(finite[generation], 0.995)) for generation in shown))
    edges = np.linspace(0.0, top, 61)
    figure = Figure(figsize=(7.5, 1.6 + 0.5 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    shares = [np.histogram(finite[g], edges)[0] / len(finite[g]) for g in shown]
    highest = max(float(share.max()) for share in shares)
    for height, (generation, share) in enumerate(zip(shown, shares, strict=True)):
        _draw_ridge(axes, height, edges, share / highest, float(np.median(finite[generation])))
    labels = [f"{g}  ({len(finite[g]):,} poses)" for g in shown]
    axes.set_yticks(range(len(shown)), labels, fontsize=9)
    axes.set(xlim=(0.0, top), ylim=(-0.15, len(shown)), ylabel="generation")
    axes.set_xlabel("error of the champion lifter at that time (mm)")
    axes.set_title("How hard the offspring are; the line marks the median", fontsize=10, loc="left")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def limb_coverage(
    before: np.ndarray, after: np.ndarray, names: tuple[str, str] = ("before", "after")
) -> Figure:
    """Which directions each limb takes in two sets of poses, on maps that keep areas true.

    Args:
        before: (poses, 17, 3) world mm, such as the seed poses.
        after: (poses, 17, 3) world mm, such as the evolved poses.
        names: what the two are called.

    Raises:
        BadInput: another shape, or no pose at all.
    """
    _expect_poses("before", before)
    _expect_poses("after", after)
    first, second = names
    seen = [_occupied(poses) for poses in (before, after)]
    figure = Figure(figsize=(10.5, 7.6), layout="constrained")
    for i, limb in enumerate(LIMBS):
        axes = figure.add_subplot(3, 3, i + 1, projection="mollweide")
        _draw_map(axes, seen[0][i], seen[1][i], behind=limb.name.endswith("shank"))
        shares = [f"{100 * part[i].mean():.1f}" for part in seen]
        carrier = limb.frame if limb.parent < 0 else LIMBS[limb.parent].name
        title = (
            f"{limb.name}, seen from the {carrier}\n{shares[0]} to {shares[1]} % of all directions"
        )
        axes.set_title(title, fontsize=9)
    figure.suptitle(
        f"Directions of the limbs: {len(before):,} poses {first}, {len(after):,} {second}",
        fontsize=11,
    )
    both = f"{first} and {second}"
    keys = ((BLUE, both), (VERMILLION, f"{second} only"), (GREY, f"{first} only"))
    handles = [Patch(color=color, label=label) for color, label in keys]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def archive_map(archive: Archive) -> Figure:
    """Cells of an archive where they lie on the two widest axes of its descriptor.

    The colour is the best quality of a cell, the area how much of its room is taken; empty cells
    are rings.
    """
    taken = ~np.isnan(archive.quality)
    filled = taken.sum(1)
    best = np.where(taken, archive.quality, -np.inf).max(1)
    across, up = (archive.centroids[:, :2] / 128 * archive.descriptor.unit_mm).T
    figure = Figure(figsize=(8.5, 6.6), layout="constrained")
    axes = figure.add_subplot()
    empty = filled == 0
    axes.scatter(across[empty], up[empty], s=14, facecolors="none", edgecolors=GREY, linewidths=0.7)
    sizes = 6 + 60 * filled[~empty] / archive.quota
    top = float(np.quantile(best[~empty], 0.98)) if (~empty).any() else 1.0
    dots = axes.scatter(
        across[~empty], up[~empty], s=sizes, c=best[~empty], cmap="viridis", vmin=0, vmax=top
    )
    figure.colorbar(dots, ax=axes, label="error of the champion lifter on the best of a cell (mm)")
    axes.set_xlabel("first axis of the pose descriptor (mm a joint)")
    axes.set_ylabel("second axis (mm a joint)")
    axes.set_title(
        f"{(~empty).sum():,} of {archive.cells:,} cells hold {filled.sum():,} poses; "
        f"a dot's area: how much of a cell's room ({archive.quota}) is taken; rings: empty",
        fontsize=9,
        loc="left",
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _expect_poses(name: str, poses: np.ndarray) -> None:
    expect_shape(name, poses, ("poses", len(Joint), 3))
    if len(poses) == 0:
        raise BadInput(f"{name} should hold at least one pose, got none")


def facing(pose: np.ndarray) -> np.ndarray:
    """The body turned about the vertical until its hips lie along x, hip above the origin."""
    across = pose[Joint.RHIP, :2] - pose[Joint.LHIP, :2]
    cosine, sine = across / max(float(np.linalg.norm(across)), 1e-6)
    turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    facing: np.ndarray = (pose - [*pose[Joint.HIP, :2], pose[:, 2].min()]) @ turn.T
    return facing


def _draw_bodies(axes: Any, pose: np.ndarray, ancestor: np.ndarray | None) -> None:
    bodies = [facing(pose)]
    if ancestor is not None and np.isfinite(ancestor).all():
        bodies.append(facing(ancestor))
        gap = bodies[1][:, 0].max() - bodies[0][:, 0].min() + 350.0
        bodies[1] = bodies[1] - [gap, 0.0, 0.0]
        _draw_grey(axes, bodies[1])
    draw_pose(axes, bodies[0], ground=False)
    _frame_bodies(axes, np.concatenate(bodies))


def _draw_grey(axes: Any, pose: np.ndarray) -> None:
    lines, spots = len(axes.lines), len(axes.collections)
    draw_pose(axes, pose, alpha=0.55, ground=False)
    for artist in [*axes.lines[lines:], *axes.collections[spots:]]:
        artist.set(color=GREY)


def _frame_bodies(axes: Any, joints: np.ndarray) -> None:
    """The same scale on all axes and in all pictures that hold as much; the floor's outline."""
    low, high = joints.min(0), joints.max(0)
    middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 850.0)
    axes.set(
        xlim=(middle[0] - half, middle[0] + half),
        ylim=(middle[1] - half, middle[1] + half),
        zlim=(0.0, 2 * half),
    )
    axes.set_box_aspect((1, 1, 1), zoom=1.3)
    axes.view_init(elev=12, azim=65)
    corners = np.stack([low[:2] - 80.0, high[:2] + 80.0])
    x, y = corners[[0, 1, 1, 0, 0], 0], corners[[0, 0, 1, 1, 0], 1]
    axes.plot(x, y, np.zeros(5), color="#C8C8C8", linewidth=0.8, zorder=0)


def _both_ends(clips: Sequence[str], most: int) -> list[str]:
    if len(clips) <= most:
        return list(clips)
    return [*clips[: most // 2], *clips[-(most // 2) :]]


def _draw_dumbbells(axes: Axes, before: np.ndarray, after: np.ndarray) -> None:
    rows = np.arange(len(before))
    colors = [BLUE if a < b else VERMILLION for a, b in zip(after, before, strict=True)]
    axes.hlines(rows, before, after, colors=colors, linewidth=2.2, alpha=0.6)
    axes.scatter(before, rows, s=32, facecolor="white", edgecolor="#404040", zorder=3)
    axes.scatter(after, rows, s=36, color=colors, zorder=4)
    right = max(float(before.max()), float(after.max()))
    left = min(float(before.min()), float(after.min()))
    room = max(right - left, 1.0)
    for row, color in enumerate(colors):
        gain = before[row] - after[row]
        axes.text(right + 0.04 * room, row, f"{gain:+.1f}", color=color, va="center", fontsize=9)
    axes.text(right + 0.04 * room, len(rows) - 0.45, "gain", va="center", fontsize=9)
    axes.set(xlim=(left - 0.05 * room, right + 0.14 * room), ylim=(-0.7, len(rows) - 0.3))
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _legend_dumbbells(figure: Figure) -> None:
    handles = [
        _dot("baseline", "white", "#404040"),
        _dot("evolved, better", BLUE, BLUE),
        _dot("evolved, worse", VERMILLION, VERMILLION),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def _dot(label: str, face: str, edge: str) -> Line2D:
    dot = Line2D([], [], linestyle="none", marker="o", markersize=6, label=label)
    dot.set(markerfacecolor=face, markeredgecolor=edge)
    return dot


def _draw_ridge(
    axes: Axes, height: int, edges: np.ndarray, share: np.ndarray, median: float
) -> None:
    scaled = 0.88 * share
    order = 100 - height
    axes.stairs(
        height + scaled, edges, baseline=height, fill=True, color=BLUE, alpha=0.55, zorder=order
    )
    axes.stairs(height + scaled, edges, baseline=height, color="white", linewidth=0.8, zorder=order)
    at_median = scaled[min(int(np.searchsorted(edges, median, "right")) - 1, len(share) - 1)]
    axes.vlines(median, height, height + at_median, color=VERMILLION, linewidth=2, zorder=order)
    axes.text(median, height + 0.04, f" {median:.0f}", color=VERMILLION, fontsize=8, zorder=200)


def _occupied(poses: np.ndarray) -> np.ndarray:
    """(9, rows, columns) bool: bins of the sphere that each limb's direction ever falls in."""
    limbs = encode(torch.tensor(np.asarray(poses, np.float32))).limbs.numpy().astype(float)
    columns, rows = SPHERE_BINS
    azimuth = (np.arctan2(limbs[0], limbs[1]) / (2 * np.pi) + 0.5) * columns
    height = (limbs[2] + 1) / 2 * rows
    occupied = np.zeros((len(LIMBS), rows, columns), bool)
    limb = np.repeat(np.arange(len(LIMBS))[:, None], len(poses), axis=1)
    row, column = (
        np.clip(place.astype(int), 0, bins - 1)
        for place, bins in ((height, rows), (azimuth, columns))
    )
    occupied[limb, row, column] = True
    return occupied


def _draw_map(axes: Axes, before: np.ndarray, after: np.ndarray, behind: bool) -> None:
    """Map with the carrier's front (y), or its back, in the middle."""
    columns, rows = SPHERE_BINS
    kinds = np.where(before & after, 1, np.where(after, 2, np.where(before, 3, 0)))
    kinds = np.roll(kinds, columns // 2, axis=1) if behind else kinds
    longitude = np.linspace(-np.pi, np.pi, columns + 1)
    latitude = np.arcsin(np.linspace(-1, 1, rows + 1))
    colors = ListedColormap([PALE, BLUE, VERMILLION, GREY])
    norm = BoundaryNorm(np.arange(5) - 0.5, 4)
    axes.pcolormesh(longitude, latitude, kinds, cmap=colors, norm=norm, rasterized=True)
    axes.set_xticks(np.radians([-90, 0, 90]), [""] * 3)
    axes.set_yticks(np.radians([-45, 0, 45]), [""] * 3)
    axes.grid(color="white", linewidth=0.5)
    sides = ("right", "back", "left") if behind else ("left", "front", "right")
    for word, place in zip(sides, (0.16, 0.5, 0.84), strict=True):
        height = -0.07 if word in ("front", "back") else 0.02
        axes.text(place, height, word, transform=axes.transAxes, ha="center", fontsize=8, va="top")
