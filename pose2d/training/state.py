"""Where a training is: all that it needs to go on as if it had never stopped, in one file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors
from torch import Tensor, nn

from evoskeleton.errors import BadInput
from evoskeleton.files import write_bytes

_GROUPS = ("model", "average", "optimizer")


@dataclass(frozen=True)
class DetectorState:
    """A training between two steps; all tensors on the processor.

    Attributes:
        step: steps done.
        model: state of the network, batch statistics included.
        average: the running mean of that; empty where there is none.
        optimizer: Adam's tensors, named `parameter:kind`.
        words: what else there is to know, as plain data: settings, people, the curve so far.
    """

    step: int
    model: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    words: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            BadInput: it cannot be written.
        """
        tensors = {
            f"{group} {name}": tensor.contiguous()
            for group in _GROUPS
            for name, tensor in getattr(self, group).items()
        }
        words = json.dumps({"step": self.step, "words": self.words})
        write_bytes(path, safetensors.save(tensors, {"training": words}))

    @classmethod
    def load(cls, path: Path) -> "DetectorState":
        """Back from `save`.

        Raises:
            BadInput: the file is missing or damaged.
        """
        groups: dict[str, dict[str, Tensor]] = {group: {} for group in _GROUPS}
        try:
            with safe_open(path, framework="pt") as file:
                said = json.loads((file.metadata() or {})["training"])
                for full in file.keys():  # noqa: SIM118  # it is no dictionary
                    group, _, name = full.partition(" ")
                    groups[group][name] = file.get_tensor(full)
            return cls(int(said["step"]), **groups, words=dict(said["words"]))
        except OSError as error:
            raise BadInput(f"training state {path}: {error.strerror or error}") from None
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise BadInput(f"training state {path} is damaged: {error}") from None


def copied(module: nn.Module) -> dict[str, Tensor]:
    """The state of a network, on the processor."""
    return {
        name: tensor.detach().to("cpu", copy=True) for name, tensor in module.state_dict().items()
    }


def moments_of(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """Adam's tensors, named after the parameters that they belong to, on the processor."""
    return {
        f"{name}:{kind}": tensor.detach().to("cpu", copy=True)
        for name, parameter in module.named_parameters()
        for kind, tensor in optimizer.state[parameter].items()
    }


def put_moments(
    optimizer: torch.optim.Optimizer, module: nn.Module, moments: dict[str, Tensor]
) -> None:
    """Back from `moments_of`."""
    parameters = dict(module.named_parameters())
    for full, tensor in moments.items():
        name, _, kind = full.rpartition(":")
        optimizer.state[parameters[name]][kind] = _laid_out_as(parameters[name], tensor)


def _laid_out_as(parameter: Tensor, tensor: Tensor) -> Tensor:
    """A copy on the parameter's device, its numbers in the same order in memory: fused optimizers
    go through both side by side."""
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device, copy=True)
    return torch.empty_like(parameter).copy_(tensor)
