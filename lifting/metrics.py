"""How far joints are from the truth, one number a pose.

Arrays: (poses, joints, 3) mm in, (poses,) out, numpy or torch alike, for any number of joints.
Both sides should be seen from the hip; nothing here moves them, except what a metric's alignment
allows. An average over joints divides by the joints that were given, so that an alignment over
16 joints is not divided by 17. A pose with a joint that is not known (NaN) on either side is NaN in
every metric; the other poses are as without it. Whole numbers and half precision are computed in
float64 and float32.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.shapes import expect_shape

PCK_MM = 150.0
AUC_THRESHOLDS_MM = tuple(float(mm) for mm in range(0, 151, 5))
"""MPI-INF-3DHP's thresholds (Mehta 2017, https://arxiv.org/abs/1611.09813)."""

Array = Any
"""A numpy array or a torch tensor; what goes in decides what comes out."""


def _numpy_too(metric: Callable[..., Tensor]) -> Callable[..., Array]:
    @wraps(metric)
    def measured(predicted: Array, target: Array, *rest: Any) -> Array:
        expect_shape("predicted", predicted, ("poses", "joints", 3))
        if predicted.shape != target.shape:
            raise BadInput(f"target should be {tuple(predicted.shape)}, got {tuple(target.shape)}")
        pair = _as_floats(_as_tensor("predicted", predicted), _as_tensor("target", target))
        result = metric(*pair, *rest)
        return result if isinstance(predicted, Tensor) else result.numpy(force=True)

    return measured


def _as_tensor(name: str, array: Array) -> Tensor:
    """A real array as a tensor.

    Raises:
        BadInput: it holds no real numbers.
    """
    if not isinstance(array, Tensor):
        array = np.asarray(array)
        if array.dtype.kind not in "biuf":
            raise BadInput(f"{name} should hold real numbers, got {array.dtype}")
        kind = np.float32 if array.dtype in (np.float16, np.float32) else np.float64
        return torch.from_numpy(np.array(array, kind))
    if array.is_complex():
        raise BadInput(f"{name} should hold real numbers, got {array.dtype}")
    return array


def _as_floats(predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the one precision that holds both, float32 or float64."""
    kind = torch.promote_types(*(_precision(array) for array in (predicted, target)))
    return predicted.to(kind), target.to(kind)


def _precision(array: Tensor) -> torch.dtype:
    if array.dtype == torch.float64 or not array.is_floating_point():
        return torch.float64
    return torch.float32


def _distances(predicted: Tensor, target: Tensor) -> Tensor:
    distances: Tensor = torch.linalg.vector_norm(predicted - target, dim=2)
    return distances


@_numpy_too
def joint_errors(predicted: Tensor, target: Tensor) -> Tensor:
    """Distance of every joint, (poses, joints) mm."""
    return _distances(predicted, target)


@_numpy_too
def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean per joint position error, protocol 1."""
    return _distances(predicted, target).mean(1)


@_numpy_too
def p_mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """MPJPE after the best rotation, translation and scale of each pose, protocol 2."""
    return _distances(_procrustes(predicted, target), target).mean(1)


@_numpy_too
def n_mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """MPJPE after the best scale of each pose (Rhodin 2018, https://arxiv.org/abs/1803.04775)."""
    along = (predicted * target).sum((1, 2))
    scale = along / predicted.square().sum((1, 2)).clamp_min(1e-12)
    return _distances(predicted * scale[:, None, None], target).mean(1)


@_numpy_too
def pck(predicted: Tensor, target: Tensor, threshold_mm: float = PCK_MM) -> Tensor:
    """Share of joints within `threshold_mm`, 0 to 1."""
    return _shares(_distances(predicted, target), [threshold_mm])


@_numpy_too
def auc(predicted: Tensor, target: Tensor) -> Tensor:
    """Area under the PCK curve from 0 to 150 mm in steps of 5 mm, 0 to 1."""
    return _shares(_distances(predicted, target), AUC_THRESHOLDS_MM)


def _shares(distances: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Mean share of (poses, joints) distances within the thresholds; NaN where one is unknown."""
    limits = torch.tensor(thresholds, dtype=distances.dtype, device=distances.device)
    within = (distances[..., None] <= limits).to(distances.dtype).mean((1, 2))
    return within.masked_fill(distances.isnan().any(1), math.nan)


def _procrustes(predicted: Tensor, target: Tensor) -> Tensor:
    """`predicted` after its best similarity onto `target`, without reflection (Umeyama 1991).

    Of a pose that is not finite nothing can be aligned: NaN.
    """
    known = (predicted.isfinite() & target.isfinite()).all(2).all(1)[:, None, None]
    if not known.all():
        aligned = _procrustes(predicted.where(known, 0.0), target.where(known, 0.0))
        return aligned.masked_fill(~known, math.nan)
    middle = target.mean(1, keepdim=True)
    source, goal = predicted - predicted.mean(1, keepdim=True), target - middle
    u, strength, vt = torch.linalg.svd(source.transpose(1, 2) @ goal)
    mirrored = torch.linalg.det(u @ vt) < 0
    sign = torch.ones_like(strength)
    sign[:, 2] = torch.where(mirrored, -1.0, 1.0)
    rotation = (u * sign[:, None]) @ vt
    scale = (strength * sign).sum(1) / source.square().sum((1, 2)).clamp_min(1e-12)
    turned: Tensor = scale[:, None, None] * (source @ rotation) + middle
    return turned


Table = Literal["evaluate", "study", "closing"]


@dataclass(frozen=True)
class Metric:
    """A metric as evaluations compute it and tables show it.

    Attributes:
        heading: what it is called in tables.
        measure: (poses, joints, 3) mm of the prediction and of the truth -> (poses,) mm, or shares
            from 0 to 1 where the unit is %.
        unit: of what tables show; a share is shown in %.
        better: which way is better.
        tables: those that show it.
    """

    heading: str
    measure: Callable[[Tensor, Tensor], Tensor]
    unit: Literal["mm", "%"] = "mm"
    better: Literal["lower", "higher"] = "lower"
    tables: tuple[Table, ...] = ("evaluate", "study", "closing")

    def in_words(self, value: float) -> str:
        """A value as tables show it, in `unit`."""
        return f"{100 * value if self.unit == '%' else value:.1f}"

    def of(self, name: str, scores: Mapping[str, float]) -> str:
        """The metric of that name among scores, in words; a dash where they are older than it."""
        return self.in_words(scores[name]) if name in scores else "-"


def _without_hip(metric: Callable[..., Array]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda predicted, target: metric(predicted[:, 1:], target[:, 1:])


METRICS: dict[str, Metric] = {
    "mpjpe": Metric("MPJPE", mpjpe),
    "p_mpjpe": Metric("P-MPJPE", p_mpjpe),
    "n_mpjpe": Metric("N-MPJPE", n_mpjpe, tables=("evaluate",)),
    "pck": Metric("PCK", _without_hip(pck), "%", "higher", ("evaluate", "study")),
    "auc": Metric("AUC", _without_hip(auc), "%", "higher", ("evaluate", "study")),
}
"""Every metric of an evaluation by its name in results, in the order of the tables' columns."""


def shown_in(table: Table) -> dict[str, Metric]:
    """The metrics that a table shows, by name."""
    return {name: metric for name, metric in METRICS.items() if table in metric.tables}
