"""How near a search has come to its keypoints: the curve, and bodies with their ancestors.

Every function returns a matplotlib `Figure` of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill, wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evoskeleton.errors import BadInput
from evoskeleton.lifting.drawing import draw_pose
from evoskeleton.platform.record.explanations import Explanation, draw_explanation
from evoskeleton.platform.record.review import BLUE, GREY, PALE, VERMILLION, facing

MOST_ANCESTORS = 4
_INCHES = 2.5
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLUE},
    {"color": VERMILLION},
    {"color": GREY, "linestyle": "--"},
    {"color": "#404040", "linestyle": ":"},
)
_CAPTION = 26


@dataclass(frozen=True, eq=False)
class Ancestor:
    """A body in a line of descent.

    Attributes:
        joints: (17, 3) world mm.
        generation: when it was bred; 0 for a seed.
        operators: what made it, names joined by +.
    """

    joints: np.ndarray
    generation: int
    operators: str


def target_curve(
    generations: Sequence[int],
    distance: Mapping[str, Sequence[float]],
    within: Mapping[str, Sequence[float]],
) -> Figure:
    """How near the nearest body of each keypoint set is, by generation.

    Args:
        generations: that were bred.
        distance: by whose bodies it is, the median over the keypoint sets after each; NaN where it
            is not known.
        within: the same of shares of the keypoint sets that a body explains.

    Raises:
        BadInput: no generation, or not one number for each.
    """
    curves = [*distance.values(), *within.values()]
    if not generations or any(len(curve) != len(generations) for curve in curves):
        raise BadInput("a curve should have one number for each generation, and one generation")
    figure = Figure(figsize=(10.0, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_curves(left, generations, distance, "{:.3f}")
    left.set(ylim=(0.0, None), ylabel="median distance")
    left.set_title("Nearest body of each keypoint set", fontsize=10)
    _draw_curves(right, generations, within, "{:.0%}")
    right.set(ylim=(-0.02, 1.02), ylabel="share of the keypoint sets")
    right.set_title("Keypoint sets that a body explains", fontsize=10)
    return figure


def _draw_curves(
    axes: Axes, generations: Sequence[int], curves: Mapping[str, Sequence[float]], form: str
) -> None:
    """One line each; its first and last number stand in the legend."""
    for (name, curve), style in zip(curves.items(), _STYLES, strict=False):
        ends = f"{form.format(curve[0])} to {form.format(curve[-1])}"
        axes.plot(generations, curve, marker="o", markersize=4, label=f"{name}: {ends}", **style)
    axes.set_xlabel("generation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(axis="y", color=PALE)
    axes.spines[["top", "right"]].set_visible(False)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14)}
    axes.legend(frameon=False, fontsize=8, ncols=1, **below)


def target_gallery(
    explanations: Sequence[Explanation], lines: Sequence[Sequence[Ancestor]], title: str
) -> Figure:
    """A row each: keypoints, a body over them, it from the side, and its ancestors.

    Args:
        explanations: one or more.
        lines: ancestors of each body, from its mother on to the seed; at most
            `MOST_ANCESTORS` of each line are drawn, the first and the last among them.
        title: of all.

    Raises:
        BadInput: nothing to show, or not one line for each.
    """
    if not explanations or len(lines) != len(explanations):
        raise BadInput(
            f"lines should be one for each of one or more explanations, got {len(lines)} for "
            f"{len(explanations)}"
        )
    shown = [[line[place] for place in _evenly(len(line))] for line in lines]
    rows, columns = len(explanations), 3 + max(len(line) for line in shown)
    size = (_INCHES * columns, _INCHES * rows + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    for row, (each, line) in enumerate(zip(explanations, shown, strict=True)):
        before = columns * row
        draw_explanation(figure, (rows, columns, before), each, None)
        for place, ancestor in enumerate(line):
            _draw_ancestor(figure, (rows, columns, before + 4 + place), ancestor)
    descent = "beside each body its ancestors, from the mother to the seed"
    figure.suptitle(fill(f"{title}; {descent}", 16 * columns), fontsize=11)
    return figure


def _evenly(length: int) -> list[int]:
    """Places along a line, both ends among them."""
    found = np.linspace(0, length - 1, min(MOST_ANCESTORS, length)).round()
    return [int(place) for place in found]


def _draw_ancestor(figure: Figure, place: tuple[int, int, int], ancestor: Ancestor) -> None:
    axes = figure.add_subplot(*place, projection="3d")
    draw_pose(axes, facing(ancestor.joints), ground=False)
    axes.view_init(elev=12, azim=65)
    name = "seed" if ancestor.generation == 0 else f"generation {ancestor.generation}"
    words = "" if ancestor.generation == 0 else ancestor.operators.replace("+", " + ")
    axes.set_title("\n".join([name, *wrap(words, _CAPTION)]), fontsize=8)
