"""The lifting network: a residual cascade (Li et al. 2020, https://arxiv.org/abs/2006.07778) of the
residual perceptrons of Martinez 2017 (https://arxiv.org/abs/1705.03098).

Input: normalised keypoints (poses, 17, 2) and visibility (poses, 17), and the bones between them
where the settings say so: how short a bone looks tells how far it points towards the camera or
away (Taylor 2000, https://doi.org/10.1006/cviu.2000.0878). Output: (poses, 48) normalised joints.
Every stage sees the same input and learns what the earlier stages, frozen by then, leave over; the
answer is the sum of all stages.
"""

from copy import deepcopy
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, Joint
from evoskeleton.settings import Settings

OUTPUTS = 3 * (len(JOINT_NAMES) - 1)

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}


class CascadeSettings(Settings):
    """The size and the input of the network."""

    width: int = Field(1024, ge=8, description="units of a hidden layer")
    blocks: int = Field(2, ge=0, description="residual blocks of a stage, two layers each")
    stages: int = Field(2, ge=1, le=16, description="stages, trained one after the other")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of units dropped in training")
    visibility_input: bool = Field(True, description="tell the network which joints are visible")
    confidence_input: bool = Field(
        False,
        description="tell it how surely a joint is known, too: a guess from what is in plain sight",
    )
    leave_out_neck: bool = Field(
        False, description="leave Human3.6M's Neck/Nose out of the input, which is 16 joints then"
    )
    neck_unseen: bool = Field(
        False,
        description="take Neck/Nose for hidden always, so that it does not shift or scale a pose",
    )
    bone_input: bool = Field(
        False,
        description="show the network the bones too: the direction and length of each in the image",
    )
    both_sides: bool = Field(
        False,
        description="lift the mirrored keypoints too, and answer the mean: twice the work, and no "
        "difference between left and right (per_pose only)",
    )
    activation: Literal["relu", "silu"] = Field(
        "relu", description="relu: as published; silu: smooth"
    )


def _layer(inputs: int, settings: CascadeSettings) -> nn.Sequential:
    width = settings.width
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.BatchNorm1d(width),
        _ACTIVATIONS[settings.activation](inplace=True),
        nn.Dropout(settings.dropout),
    )


def _fold(parts: nn.Sequential) -> None:
    """Put a linear layer and the batch norm behind it into one layer."""
    for place, (linear, norm) in enumerate(pairwise(list(parts))):
        if isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d):
            parts[place] = fuse_linear_bn_eval(linear, norm)
            parts[place + 1] = nn.Identity()


class Learner(nn.Module):
    """One stage: a residual perceptron, (poses, inputs) -> (poses, 48)."""

    def __init__(self, inputs: int, settings: CascadeSettings) -> None:
        super().__init__()
        width = settings.width
        self.entry = _layer(inputs, settings)
        self.blocks = nn.ModuleList(
            nn.Sequential(_layer(width, settings), _layer(width, settings))
            for _ in range(settings.blocks)
        )
        self.exit = nn.Linear(width, OUTPUTS)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.exit.weight, std=0.1 / width**0.5)

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.entry(features)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        outputs: Tensor = self.exit(hidden)
        return outputs


class Cascade(nn.Module):
    """The sum of its stages, (poses, inputs) -> (poses, 48)."""

    _seen: Tensor
    _bones: Tensor

    def __init__(self, settings: CascadeSettings, seed: int = 0) -> None:
        """Weights depend on `settings` and `seed` alone; the global random state stays as it is."""
        super().__init__()
        self.settings = settings
        seen = set(Joint) - ({Joint.NECK} if settings.leave_out_neck else set())
        bones = [bone for bone in BONES if seen.issuperset(bone)]
        self.register_buffer("_seen", torch.tensor(sorted(seen)), persistent=False)
        self.register_buffer("_bones", torch.tensor(bones).T, persistent=False)
        inputs = len(seen) * (3 if settings.visibility_input else 2)
        inputs += len(seen) * settings.confidence_input
        inputs += 3 * len(bones) * settings.bone_input
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed % (1 << 63))
            self.stages = nn.ModuleList(Learner(inputs, settings) for _ in range(settings.stages))

    def seen(self, visibility: Tensor) -> Tensor:
        """Visibility (n, 17) as this network takes it."""
        if not self.settings.neck_unseen:
            return visibility
        kept = torch.ones(len(JOINT_NAMES), device=visibility.device, dtype=visibility.dtype)
        kept[Joint.NECK] = 0
        return visibility * kept

    def features(self, keypoints: Tensor, visibility: Tensor) -> Tensor:
        """Input rows of normalised keypoints (n, 17, 2) and visibility (n, 17)."""
        known = (visibility > 0.5).to(keypoints.dtype)
        parts = [keypoints[:, self._seen].flatten(1)]
        if self.settings.visibility_input:
            parts.append(known[:, self._seen])
        if self.settings.confidence_input:
            parts.append((known * visibility.clamp(max=1.0))[:, self._seen])
        if self.settings.bone_input:
            parts += self._bones_in_image(keypoints, known)
        return torch.cat(parts, dim=1)

    def _bones_in_image(self, keypoints: Tensor, known: Tensor) -> list[Tensor]:
        """Vectors (n, 2 bones) and lengths (n, bones); 0 where an end is hidden."""
        start, end = self._bones
        both = (known[:, start] * known[:, end])[..., None]
        vectors = (keypoints[:, end] - keypoints[:, start]) * both
        return [vectors.flatten(1), torch.linalg.vector_norm(vectors, dim=2)]

    def partial(self, features: Tensor, stages: int) -> Tensor:
        """Sum of the first `stages` stages; none gives zeros."""
        total = features.new_zeros(len(features), OUTPUTS)
        for stage in range(stages):
            total = total + self.stages[stage](features)
        return total

    def forward(self, features: Tensor) -> Tensor:
        return self.partial(features, len(self.stages))

    def silence(self, from_stage: int) -> None:
        """Let a stage and all behind it answer zeros: corrections of what is not yet learnt."""
        for learner in list(self.stages)[from_stage:]:
            assert isinstance(learner, Learner)
            nn.init.zeros_(learner.exit.weight)
            nn.init.zeros_(learner.exit.bias)

    def folded(self) -> "Cascade":
        """A copy for lifting alone: the batch norms' statistics folded into the layers' weights.

        The answers are the same but for rounding, at one pass over memory less a layer.
        """
        copy = deepcopy(self).eval()
        for module in copy.modules():
            if isinstance(module, nn.Sequential):
                _fold(module)
        return copy
