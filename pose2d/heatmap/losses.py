"""What a heat-map network is trained to: Gaussians around the keypoints, or their mean places.

Targets are px of the crop: (0, 0) the outer corner of its first pixel. Cell i of a map stands for
the middle of pixel i x stride, as in the published networks.

Gaussians: Sun 2019 (https://arxiv.org/abs/1902.09212), around the keypoint itself and not around
the cell next to it (Zhang 2020, https://arxiv.org/abs/1910.06278). Mean places: Sun 2018
(https://arxiv.org/abs/1711.08229), by smooth L1 over shares of the picture, as in the seed. A mean
may be right although its map has two peaks at opposite edges; a little of the divergence from a
Gaussian keeps maps in one piece (Nibali 2018, https://arxiv.org/abs/1801.07372), so that their
width tells how sure they are. The divergence alone is quicker to learn from than the squared error,
whose maps are nearly empty: a map then says how the keypoint's place is shared between the cells.
"""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import kl_div, smooth_l1_loss

HALF_PX = 0.5
"""From the corner of a pixel to its middle."""

LossKind = Literal["mse", "coordinates", "divergence"]

_REACH = 3.0
"""A Gaussian counts as outside of the map when its middle is this many widths beyond the edge."""

_TINY = 1e-12

_PUBLISHED_ROWS, _PUBLISHED_WIDTH = 64.0, 2.0


def heatmap_loss(
    maps: Tensor,
    targets_px: Tensor,
    weights: Tensor,
    picture_px: tuple[int, int],
    kind: LossKind = "mse",
    one_piece: float = 1e-3,
) -> Tensor:
    """How far heat maps are from what they should be, a scalar.

    Args:
        maps: (pictures, keypoints, rows, columns), of either head.
        targets_px: (pictures, keypoints, 2) px of the crop; not looked at where the weight is 0.
        weights: (pictures, keypoints), 0 where a keypoint is not labelled.
        picture_px: width and height of the crop.
        kind: `mse`: squared error to Gaussians; `coordinates`: smooth L1 of the mean places;
            `divergence`: of the maps' softmax from Gaussians, in nats.
        one_piece: how much the divergence from Gaussians counts beside the mean places; 0: not at
            all, as published.
    """
    stride = picture_px[0] / maps.shape[-1]
    cells = torch.nan_to_num((targets_px - HALF_PX) / stride)
    sigma, rows, columns = gaussian_width(maps.shape[-2]), maps.shape[-2], maps.shape[-1]
    weights = torch.where(_beyond(cells, rows, columns, sigma), 0.0, weights)
    targets = gaussians(cells, rows, columns, sigma)
    if kind == "mse":
        return 0.5 * (((maps - targets) ** 2).mean(dim=(-2, -1)) * weights).mean()
    if kind == "divergence":
        errors = _divergence(maps, targets)
    else:
        errors = _coordinate_errors(maps, cells)
        if one_piece:
            errors = errors + one_piece * _divergence(maps, targets)
    return (errors * weights).sum() / weights.sum().clamp_min(1.0)


def _beyond(cells: Tensor, rows: int, columns: int, sigma: float) -> Tensor:
    """(...) bool: targets whose Gaussian is outside of the map."""
    size = torch.tensor([columns, rows], device=cells.device) - 1.0
    return (torch.maximum(-cells, cells - size) > _REACH * sigma).any(dim=-1)


def gaussian_width(rows: int) -> float:
    """Standard deviation in cells: 2 at 64 rows and 3 at 96, as published, and not below 1."""
    return max(1.0, _PUBLISHED_WIDTH * rows / _PUBLISHED_ROWS)


def gaussians(cells: Tensor, rows: int, columns: int, sigma: float) -> Tensor:
    """Maps (..., rows, columns) with a peak of 1 at (..., 2) cells, x and y, anywhere between."""
    x = torch.arange(columns, device=cells.device, dtype=cells.dtype) - cells[..., 0, None]
    y = torch.arange(rows, device=cells.device, dtype=cells.dtype) - cells[..., 1, None]
    across, down = (torch.exp(-0.5 * (line / sigma) ** 2) for line in (x, y))
    return down[..., :, None] * across[..., None, :]


def as_gaussians(maps: Tensor) -> Tensor:
    """What maps trained by divergence stand for: their softmax, scaled to Gaussians of peak 1.

    (..., rows, columns). A map that spreads over two places has a lower peak in each.
    """
    mass = 2.0 * math.pi * gaussian_width(maps.shape[-2]) ** 2
    return mass * maps.flatten(-2).softmax(dim=-1).view_as(maps)


def mean_cells(maps: Tensor) -> Tensor:
    """Soft-argmax: mean places (..., 2) in cells, x and y, under the softmax of each map."""
    maps = maps.float()
    shares = maps.flatten(-2).softmax(dim=-1).view_as(maps)
    x = torch.arange(maps.shape[-1], device=maps.device, dtype=maps.dtype)
    y = torch.arange(maps.shape[-2], device=maps.device, dtype=maps.dtype)
    return torch.stack([(shares.sum(-2) * x).sum(-1), (shares.sum(-1) * y).sum(-1)], dim=-1)


def _coordinate_errors(maps: Tensor, cells: Tensor) -> Tensor:
    """(...) smooth L1 of mean places, shares of the map's size."""
    size = torch.tensor([maps.shape[-1], maps.shape[-2]], device=maps.device, dtype=torch.float32)
    return smooth_l1_loss(mean_cells(maps) / size, cells / size, reduction="none").mean(-1)


def _divergence(maps: Tensor, targets: Tensor) -> Tensor:
    """(...) Kullback-Leibler divergence of the maps' softmax from targets, nats."""
    wanted = targets.flatten(-2)
    wanted = wanted / wanted.sum(dim=-1, keepdim=True).clamp_min(_TINY)
    logarithms = maps.float().flatten(-2).log_softmax(dim=-1)
    return kl_div(logarithms, wanted, reduction="none").sum(dim=-1)
