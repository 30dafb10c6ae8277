"""The description of a set of poses as one page with figures, to read or send offline."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from evoskeleton.lifting.protocols import rarity
from evoskeleton.platform.data.poses import PoseSet, body_height
from evoskeleton.platform.record import review
from evoskeleton.platform.record.html_page import HtmlPage, png_of
from evoskeleton.platform.search.sharing.describe import sample

BLUE, VERMILLION = "#0072B2", "#D55E00"
"""Okabe and Ito 2008: of the set, and of the one that it is held against."""

_BINS = 40
_LABELS = {"poses": "poses", "subjects": "subjects", "clips": "clips", "duplicates": "duplicates"}


def described_page(
    name: str, numbers: Mapping[str, Any], poses: PoseSet, other: PoseSet | None
) -> str:
    """The page as HTML.

    Args:
        name: of the set.
        numbers: see `describe.described`.
        poses: of the set.
        other: that it is held against; none: alone.
    """
    page = HtmlPage(f"Poses of {name}")
    page.headline(_verdict(numbers))
    page.table(list(_LABELS.values()), [[numbers[key] for key in _LABELS]])
    for caption, figure in _figures(poses, other):
        page.figure(png_of(figure), caption)
    page.heading("Limbs")
    page.table(*_limbs(numbers))
    page.heading("Bones")
    page.table(["bone", "mean length, mm"], list(numbers["bones_mm"].items()))
    return page.render()


def _verdict(numbers: Mapping[str, Any]) -> str:
    told = f"{numbers['poses']:,} poses, {numbers['duplicates']:,} of them more than once"
    if (against := numbers.get("against")) is None:
        return f"{told}."
    covered = 100 * float(np.mean(list(against["covered"].values())))
    far = against["distance_to_nearest_mm"]["median"]
    return (
        f"{told}. They cover {covered:.0f} % of the limb directions of the {against['poses']:,} "
        f"poses that they are held against, {against['shared_poses']:,} are among these, and half "
        f"of them are {far:.0f} mm or farther from the nearest of these."
    )


def _limbs(numbers: Mapping[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Per cent of the directions that each limb takes, by limb."""
    columns: dict[str, Mapping[str, float]] = {"takes, %": numbers["limb_directions"]}
    if (against := numbers.get("against")) is not None:
        columns["covers of the other, %"] = against["covered"]
        columns["takes and the other does not, %"] = against["directions_it_lacks"]
    rows: list[list[object]] = [
        [limb, *(100 * column[limb] for column in columns.values())]
        for limb in numbers["limb_directions"]
    ]
    return ["limb", *columns], rows


def _figures(poses: PoseSet, other: PoseSet | None) -> Iterator[tuple[str, Figure]]:
    """Caption and figure of each."""
    here = sample(poses.poses)
    there = None if other is None else sample(other.poses)
    words = "alone" if there is None else "of the other set alone, of this one alone, of both"
    yield (
        f"Where limbs point, {words}",
        review.limb_coverage(here if there is None else there, here, ("of the other", "of this")),
    )
    sets = [body_height(here), *([] if there is None else [body_height(there)])]
    yield "How tall the bodies are, along their bones", _histogram(sets, "height, mm")
    if there is not None:
        far = rarity(here, there)
        yield (
            "Rarity: how far each pose is from the nearest of the other set",
            _histogram([far], "distance, mm a joint"),
        )


def _histogram(sets: list[np.ndarray], label: str) -> Figure:
    """Shares of one or two sets by value, in the same bins."""
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    axes = figure.subplots()
    edges = np.histogram_bin_edges(np.concatenate(sets), _BINS)
    for values, colour, name in zip(sets, (BLUE, VERMILLION), ("this set", "other"), strict=False):
        share = 100 * np.histogram(values, edges)[0] / len(values)
        axes.stairs(share, edges, color=colour, fill=len(sets) == 1, label=name, linewidth=1.6)
    axes.set(xlabel=label, ylabel="% of the poses")
    axes.spines[["top", "right"]].set_visible(False)
    if len(sets) > 1:
        axes.legend(frameon=False)
    return figure
