"""HRNet: four resolutions side by side that exchange what they see, in plain torch.

Sun 2019 (https://arxiv.org/abs/1902.09212). Parameters have the names and the shapes of the
published `pose_hrnet`, so that published weights fit, see `weights`. Two facts of the published
files are kept for that: only the first resolution leaves the last stage, and W18-small (v1 and v2
of the authors' ImageNet networks) has a shorter and narrower first stage than W32 and W48.

Pictures: (pictures, 3, height, width) float32, normalised as `person_crops.normalized` does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from evoskeleton.pose2d.heatmap.losses import as_gaussians
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings

_STEM = 64
_EXPANSION = 4
_SLOW = 0.1
"""Momentum of all batch norms."""


class Layout(NamedTuple):
    """How deep and how wide a network is.

    Attributes:
        entry: blocks and channels of the first stage, before the branches.
        modules: exchanges in the stages of two, three and four branches.
        blocks: residual blocks of a branch between two exchanges.
    """

    entry: tuple[int, int]
    modules: tuple[int, int, int]
    blocks: int


LAYOUTS = {
    16: Layout((1, 32), (1, 1, 1), 2),
    18: Layout((2, 64), (1, 3, 2), 2),
    32: Layout((4, 64), (1, 4, 3), 4),
    48: Layout((4, 64), (1, 4, 3), 4),
}
"""By channels of the first branch; each further branch has twice as many at half the size."""


class HeatmapNetwork(nn.Module):
    """Pictures (pictures, 3, height, width) to heat maps (pictures, keypoints, rows, columns).

    Rows and columns are a quarter of the picture's for the head `heatmaps`, the picture's own for
    the head `seed`. With `maps: shares` a network in training gives what its softmax is made of.
    """

    def __init__(self, settings: HeatmapSettings, seed: int = 0) -> None:
        """Weights depend on `settings` and `seed` alone; the global random state stays as it is."""
        super().__init__()
        self.settings = settings
        self._as_gaussians = settings.maps == "shares"
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed % (1 << 63))
            self._build(settings.width, len(settings.keypoints), settings.head == "seed")
            _draw_weights(self)

    def _build(self, width: int, keypoints: int, full_size: bool) -> None:
        layout = LAYOUTS[width]
        self.conv1, self.bn1 = _conv(3, _STEM, 3, 2), _norm(_STEM)
        self.conv2, self.bn2 = _conv(_STEM, _STEM, 3, 2), _norm(_STEM)
        self.relu = nn.ReLU(inplace=True)
        blocks, inner = layout.entry
        before = [inner * _EXPANSION]
        self.layer1 = nn.Sequential(
            *(_Bottleneck(before[0] if row else _STEM, inner) for row in range(blocks))
        )
        for stage, modules in enumerate(layout.modules, 2):
            channels = [width << branch for branch in range(stage)]
            self.add_module(f"transition{stage - 1}", _transition(before, channels))
            whole = stage < len(layout.modules) + 1
            parts = [_Exchange(channels, layout.blocks) for _ in range(modules - 1)]
            parts.append(_Exchange(channels, layout.blocks, len(channels) if whole else 1))
            self.add_module(f"stage{stage}", nn.Sequential(*parts))
            before = channels
        self.final_layer = nn.Conv2d(width, keypoints, 1)
        if full_size:
            self.upsample_layer = nn.Sequential(
                nn.Conv2d(keypoints, 16 * keypoints, 1),
                nn.BatchNorm2d(16 * keypoints),
                nn.ReLU(inplace=True),
                nn.PixelShuffle(4),
            )

    def forward(self, pictures: Tensor) -> Tensor:
        features = self.relu(self.bn1(self.conv1(pictures)))
        features = self.layer1(self.relu(self.bn2(self.conv2(features))))
        branches = [features]
        for stage in (2, 3, 4):
            transition = self.get_submodule(f"transition{stage - 1}")
            branches = self.get_submodule(f"stage{stage}")(_branched(transition, branches))
        maps: Tensor = self.final_layer(branches[0])
        if self.settings.head == "seed":
            maps = self.upsample_layer(maps)
        return as_gaussians(maps) if self._as_gaussians and not self.training else maps


def _branched(transition: nn.Module, branches: Sequence[Tensor]) -> list[Tensor]:
    """Branches of the next stage: one more, which grows out of the lowest of the last."""
    layers = dict(transition.named_children())
    origins = [*branches, branches[-1]]
    return [layers[str(row)](x) if str(row) in layers else x for row, x in enumerate(origins)]


class _Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1, and a shortcut."""

    def __init__(self, inputs: int, inner: int) -> None:
        super().__init__()
        outputs = inner * _EXPANSION
        self.conv1, self.bn1 = _conv(inputs, inner, 1), _norm(inner)
        self.conv2, self.bn2 = _conv(inner, inner, 3), _norm(inner)
        self.conv3, self.bn3 = _conv(inner, outputs, 1), _norm(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            nn.Sequential(_conv(inputs, outputs, 1), _norm(outputs)) if inputs != outputs else None
        )

    def forward(self, features: Tensor) -> Tensor:
        found = self.relu(self.bn1(self.conv1(features)))
        found = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(found)))))
        short = features if self.downsample is None else self.downsample(features)
        summed: Tensor = self.relu(found + short)
        return summed


class _Basic(nn.Module):
    """3 x 3 twice, and a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, channels, 3), _norm(channels)
        self.conv2, self.bn2 = _conv(channels, channels, 3), _norm(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        found = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(features)))))
        summed: Tensor = self.relu(found + features)
        return summed


class _Exchange(nn.Module):
    """Every branch by itself for some blocks, then each of the first `outputs` sums them all."""

    def __init__(self, channels: Sequence[int], blocks: int, outputs: int | None = None) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(_Basic(width) for _ in range(blocks))) for width in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_resized(channels, origin, goal) for origin in range(len(channels)))
            for goal in range(outputs or len(channels))
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        seen = [branch(part) for branch, part in zip(self.branches, features, strict=True)]
        return [self._sum(layers, seen) for layers in self.fuse_layers]

    def _sum(self, layers: nn.Module, seen: Sequence[Tensor]) -> Tensor:
        parts = [layer(part) for layer, part in zip(layers.children(), seen, strict=True)]
        summed = parts[0]
        for part in parts[1:]:
            summed = summed + part
        kept: Tensor = self.relu(summed)
        return kept


def _resized(channels: Sequence[int], origin: int, goal: int) -> nn.Module:
    """From the size and the channels of one branch to those of another."""
    if origin == goal:
        return nn.Identity()
    if origin > goal:
        larger = nn.Upsample(scale_factor=2 ** (origin - goal), mode="nearest")
        return nn.Sequential(
            _conv(channels[origin], channels[goal], 1), _norm(channels[goal]), larger
        )
    halvings = goal - origin
    return nn.Sequential(
        *(_halved(channels[origin], channels[origin], True) for _ in range(halvings - 1)),
        _halved(channels[origin], channels[goal], False),
    )


def _transition(before: Sequence[int], channels: Sequence[int]) -> nn.ModuleDict:
    """Layers by branch where a stage's branches are not those of the stage before.

    A branch that stays as it is has none, as in the published files.
    """
    layers: dict[str, nn.Module] = {}
    for row, width in enumerate(channels):
        if row >= len(before):
            layers[str(row)] = nn.Sequential(_halved(before[-1], width, True))
        elif before[row] != width:
            layers[str(row)] = nn.Sequential(
                _conv(before[row], width, 3), _norm(width), nn.ReLU(inplace=True)
            )
    return nn.ModuleDict(layers)


def _halved(inputs: int, outputs: int, relu: bool) -> nn.Sequential:
    parts: list[nn.Module] = [_conv(inputs, outputs, 3, 2), _norm(outputs)]
    return nn.Sequential(*parts, *([nn.ReLU(inplace=True)] if relu else []))


def _conv(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=_SLOW)


def _draw_weights(network: HeatmapNetwork) -> None:
    """Kaiming's for what a ReLU follows; blocks begin as their shortcuts, and the maps flat."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, _Bottleneck | _Basic):
            last = module.bn3 if isinstance(module, _Bottleneck) else module.bn2
            nn.init.zeros_(last.weight)
    nn.init.normal_(network.final_layer.weight, std=0.001)
