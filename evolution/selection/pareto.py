"""NSGA-II over whole populations: fronts, crowding, survivors (Deb et al. 2002,
https://doi.org/10.1109/4235.996017).

Objectives are (bodies, objectives) float, higher is better. A body with a NaN among its objectives
is unscored and comes after everybody else; infinite values compare as they should. Ties are broken
by id, the lower first, so that nothing depends on the order in which bodies arrive.

Three objectives have a sort of their own. Bodies come in order of the first objective, and of every
front only the staircase of the other two is kept, so that one bisection tells whether a front
dominates a body, and another finds its front: O(n log n log fronts), whatever the shape of the
crowd, where the sort of moocore peels one front after the other and is quadratic for long chains.
Other numbers of objectives go to moocore (https://multi-objective.github.io/moocore/).
"""

from bisect import bisect_left, bisect_right

import moocore
import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.shapes import expect_shape


def fronts(objectives: Tensor) -> Tensor:
    """Front (bodies,) int64 of every body: 0 is dominated by nobody; unscored bodies come last.

    Args:
        objectives: (bodies, objectives), higher is better.

    Raises:
        BadInput: another shape, or no objective.
    """
    expect_shape("objectives", objectives, ("bodies", "objectives"))
    if not objectives.shape[1]:
        raise BadInput("objectives should hold at least one column, got none")
    return torch.from_numpy(_fronts(_plain(objectives))).to(objectives.device)


def _plain(objectives: Tensor) -> np.ndarray:
    return objectives.detach().double().cpu().numpy()


def _fronts(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values).any(axis=1)
    front = np.zeros(len(values), np.int64)
    if known.any():
        front[known] = _known_fronts(values[known])
        front[~known] = front[known].max() + 1
    return front


def _known_fronts(values: np.ndarray) -> np.ndarray:
    """Fronts by objectives without NaN; equal bodies are judged once."""
    lower = -values
    order = np.lexsort(lower.T[::-1])
    lower = lower[order]
    new = np.r_[True, (lower[1:] != lower[:-1]).any(axis=1)]
    sort = _three if values.shape[1] == 3 else _any_number
    front = np.empty(len(values), np.int64)
    front[order] = sort(lower[new])[new.cumsum() - 1]
    return front


def _any_number(lower: np.ndarray) -> np.ndarray:
    """Fronts by moocore, which cannot bear infinite values: ranks take their place."""
    ranks = [np.unique(column, return_inverse=True)[1].ravel() for column in lower.T]
    found: np.ndarray = moocore.pareto_rank(np.stack(ranks, axis=1).astype(np.float64))
    return found


def _three(lower: np.ndarray) -> np.ndarray:
    """Fronts of different bodies in order of the first of three objectives, lower is better."""
    return np.array(_staircases(lower[:, 1].tolist(), lower[:, 2].tolist()))


def _staircases(seconds: list[float], thirds: list[float]) -> list[int]:
    """Fronts of bodies that come in order of all three objectives."""
    steps: list[list[float]] = []
    heights: list[list[float]] = []
    found = []
    for second, third in zip(seconds, thirds, strict=True):
        low, high = 0, len(steps)
        while low < high:
            middle = (low + high) >> 1
            at = bisect_right(steps[middle], second)
            if at and heights[middle][at - 1] <= third:
                low = middle + 1
            else:
                high = middle
        found.append(low)
        if low == len(steps):
            steps.append([second])
            heights.append([third])
        else:
            _add_step(steps[low], heights[low], second, third)
    return found


def _add_step(steps: list[float], heights: list[float], second: float, third: float) -> None:
    """Put a body on its front's staircase; it hides the steps behind it that are no lower."""
    at = end = bisect_left(steps, second)
    while end < len(steps) and heights[end] >= third:
        end += 1
    steps[at:end] = [second]
    heights[at:end] = [third]


def crowding(objectives: Tensor, front: Tensor, ids: Tensor) -> Tensor:
    """Crowding distance (bodies,) float64 of every body within its front.

    Ends of a front are infinitely far. Where bodies share a value, those of lower id count as
    lower. Infinite objectives count as the greatest and the least finite value of their column.

    Args:
        objectives: (bodies, objectives).
        front: (bodies,) from `fronts`.
        ids: (bodies,) int64.

    Raises:
        BadInput: not one front and one id a body.
    """
    expect_shape("objectives", objectives, ("bodies", "objectives"))
    for name, array in (("front", front), ("ids", ids)):
        expect_shape(name, array, (len(objectives),))
    found = _crowding(_plain(objectives), front.cpu().numpy(), ids.cpu().numpy())
    return torch.from_numpy(found).to(objectives.device)


def _crowding(values: np.ndarray, front: np.ndarray, ids: np.ndarray) -> np.ndarray:
    distance = np.zeros(len(values))
    order = np.lexsort((ids, front))
    for column in values.T:
        order = order[np.lexsort((column[order], front[order]))]
        distance[order] += _gaps(_finite(column)[order], front[order]) / values.shape[1]
    return distance


def _finite(column: np.ndarray) -> np.ndarray:
    """Infinite values at the ends of the finite ones, NaN at nought."""
    finite = column[np.isfinite(column)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    found: np.ndarray = np.nan_to_num(column, nan=0.0, posinf=high, neginf=low)
    return found


def _gaps(values: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Distance from the body before to the one after, as a share of the front's range.

    Values are sorted within fronts, and fronts stand one after the other.
    """
    gaps = np.zeros(len(values))
    if not len(values):
        return gaps
    first = np.r_[True, front[1:] != front[:-1]]
    last = np.r_[first[1:], True]
    starts = np.flatnonzero(first)
    size = np.diff(np.r_[starts, len(values)])
    extent = np.repeat(values[last] - values[first], size)
    inner = ~first & ~last & (extent > 0)
    at = np.flatnonzero(inner)
    gaps[at] = (values[at + 1] - values[at - 1]) / extent[at]
    gaps[(first | last)] = np.inf
    return gaps


def nsga2(objectives: Tensor, ids: Tensor, count: int | None = None) -> Tensor:
    """Places (count,) int64 of the best: by front, then the less crowded, then the lower id.

    Args:
        objectives: (bodies, objectives), higher is better; NaN: unscored.
        ids: (bodies,) int64.
        count: how many are wanted; none: everybody, in order.

    Raises:
        BadInput: another shape, or more are wanted than there are.
    """
    expect_shape("objectives", objectives, ("bodies", "objectives"))
    expect_shape("ids", ids, (len(objectives),))
    count = len(ids) if count is None else count
    if not 0 <= count <= len(ids):
        raise BadInput(f"count should lie in [0, {len(ids)}], the number of bodies, got {count}")
    front = fronts(objectives).cpu().numpy()
    names = ids.cpu().numpy()
    distance = _crowding(_plain(objectives), front, names)
    order = np.lexsort((names, -distance, front))[:count]
    return torch.from_numpy(order).to(objectives.device)


def fitness(objectives: Tensor, ids: Tensor) -> Tensor:
    """NSGA-II's order as one number, (bodies,) float32, for tournaments and truncation.

    Minus the place in `nsga2`; NaN for unscored bodies.
    """
    order = nsga2(objectives, ids)
    places = torch.empty(len(ids), device=objectives.device)
    places[order] = -torch.arange(len(ids), device=objectives.device, dtype=torch.float32)
    return places.masked_fill(objectives.isnan().any(1), torch.nan)
