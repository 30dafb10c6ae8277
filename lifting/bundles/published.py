"""Lifters that Li et al. 2020 published (https://arxiv.org/abs/2006.07778), as ours.

Their files: `example_model.th`, the weights of a cascade by name; `model.th`, the same networks as
pickled modules; `stats.npy`, the statistics of the training set. Nothing in them is run: weights
are read by torch's own reader for weights alone, in which their modules are empty shells, and the
statistics by our reader for plain data.

A stage is Linear, batch norm, residual blocks of two such layers, Linear: 32 numbers in, the 16
joints without Neck/Nose, and 48 out, the 16 joints without Hip, z-scored camera mm.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import Mode, Normalization
from evoskeleton.safe_npy import load_object

_JOINTS_2D, _JOINTS_3D = 16, 16
_LAYERS = {"w1": "0.0", "batch_norm1": "0.1", "w2": "1.0", "batch_norm2": "1.1"}
_PLACE = re.compile(r"(?:\D*\.)?(\d+)\.((?:res_blocks\.\d+\.)?(?:w|batch_norm)\d\.\w+)")
_COUNTER = "num_batches_tracked"
_STATISTICS = ("mean_2d", "std_2d", "mean_3d", "std_3d")
_SHELLS = (
    "libs.model.model.FCModel", "libs.model.model.ResidualBlock",
    "torch.nn.modules.container.ModuleList", "torch.nn.modules.linear.Linear",
    "torch.nn.modules.batchnorm.BatchNorm1d", "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.activation.LeakyReLU", "torch.nn.modules.dropout.Dropout",
    "torch.nn.backends.thnn._get_thnn_function_backend", "builtins.set", "__builtin__.set",
)  # fmt: skip


class _Shell:
    """What stands for a pickled module: its attributes, and nothing that could be called."""

    def __init__(self, *arguments: Any) -> None:
        self.__dict__.update({"_arguments": arguments})


def read_published(weights: Path | str, statistics: Path | str, mode: Mode = "per_pose") -> Lifter:
    """A published lifter as ours.

    Args:
        weights: `example_model.th` or `model.th`.
        statistics: `stats.npy`.
        mode: how its keypoints were scaled: `per_pose`, as in the published example for pictures
            in the wild, or `zscore`, by the statistics.

    Raises:
        BadInput: a file is missing, is something else, or holds another network.
    """
    arrays = _arrays(Path(weights))
    stages = _stages(arrays, Path(weights))
    width, blocks = _size(stages, Path(weights))
    settings = CascadeSettings.parse(
        {
            "width": width,
            "blocks": blocks,
            "stages": len(stages),
            "visibility_input": False,
            "leave_out_neck": True,
            "neck_unseen": True,
        }
    )
    cascade = Cascade(settings)
    try:
        cascade.load_state_dict(_as_ours(stages))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise BadInput(
            f"{weights} holds another network than the published one: {reason}"
        ) from None
    return Lifter(cascade, _normalization(Path(statistics), mode))


def _arrays(path: Path) -> dict[str, Tensor]:
    """Tensors by name, whatever they were kept in."""
    shells: list[Any] = [(_Shell, name) for name in _SHELLS]
    try:
        with torch.serialization.safe_globals(shells), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BadInput(f"weights {path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # damaged files make the reader raise nearly anything
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BadInput(f"weights {path} are no published lifter: {reason}") from None
    found = {name: one for name, one in _named(content, "") if isinstance(one, Tensor)}
    if not found:
        raise BadInput(f"weights {path} are no published lifter: there is no tensor in it")
    return found


def _named(content: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Everything inside dictionaries, lists and shells of modules, by its dotted name."""
    if isinstance(content, _Shell):
        for kind in ("_parameters", "_buffers", "_modules"):
            yield from _named(content.__dict__.get(kind, {}), prefix)
    elif isinstance(content, Mapping):
        for name, one in content.items():
            yield from _named(one, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(content, list | tuple):
        for number, one in enumerate(content):
            yield from _named(one, f"{prefix}.{number}" if prefix else str(number))
    else:
        yield prefix, content


def _stages(arrays: Mapping[str, Tensor], path: Path) -> list[dict[str, Tensor]]:
    stages: dict[int, dict[str, Tensor]] = {}
    for name, tensor in arrays.items():
        found = _PLACE.fullmatch(name)
        if found:
            stages.setdefault(int(found[1]), {})[found[2]] = tensor
    if sorted(stages) != list(range(len(stages))) or not stages:
        raise BadInput(f"weights {path} should be stages 0, 1, ... with layers w1, w2")
    return [stages[number] for number in sorted(stages)]


def _size(stages: list[dict[str, Tensor]], path: Path) -> tuple[int, int]:
    """Width and blocks, the same in all stages."""
    sizes = set()
    for stage in stages:
        entry, last = stage.get("w1.weight"), stage.get("w2.weight")
        if entry is None or last is None or entry.ndim != 2 or last.ndim != 2:
            raise BadInput(f"weights {path} should have layers w1 and w2 in every stage")
        if entry.shape[1] != 2 * _JOINTS_2D or last.shape[0] != 3 * _JOINTS_3D:
            raise BadInput(
                f"weights {path} should take {2 * _JOINTS_2D} numbers and give {3 * _JOINTS_3D}, "
                f"got {entry.shape[1]} and {last.shape[0]}"
            )
        blocks = {name.split(".")[1] for name in stage if name.startswith("res_blocks.")}
        sizes.add((entry.shape[0], len(blocks)))
    if len(sizes) != 1:
        raise BadInput(f"weights {path} should have stages of one size, got {sorted(sizes)}")
    return sizes.pop()


def _as_ours(stages: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    named = {}
    for number, stage in enumerate(stages):
        for name, tensor in stage.items():
            named[f"stages.{number}.{_our_name(name)}"] = tensor.detach().clone()
        for name in [n for n in named if n.endswith("running_mean")]:
            counter = name.replace("running_mean", _COUNTER)
            named.setdefault(counter, torch.zeros((), dtype=torch.int64))
    return named


def _our_name(name: str) -> str:
    block = re.fullmatch(r"res_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if block:
        return f"blocks.{block[1]}.{_LAYERS[block[2]]}.{block[3]}"
    layer, _, kind = name.partition(".")
    place = {"w1": "entry.0", "batch_norm1": "entry.1", "w2": "exit"}[layer]
    return f"{place}.{kind}"


def _normalization(path: Path, mode: Mode) -> Normalization:
    words = load_object(path)
    if not isinstance(words, Mapping) or any(name not in words for name in _STATISTICS):
        raise BadInput(f"statistics {path} should hold {', '.join(_STATISTICS)}")
    two, three = ([np.asarray(words[f"{m}_{d}d"], float).ravel() for m in ("mean", "std")]
                  for d in (2, 3))  # fmt: skip
    if any(len(column) != 64 for column in two) or any(len(column) != 96 for column in three):
        raise BadInput(f"statistics {path} should be of 32 joints")
    index = list(H36M_32_INDEX)
    keypoints = [torch.tensor(column.reshape(32, 2)[index]).float() for column in two]
    joints = [torch.tensor(column.reshape(32, 3)[index[1:]]).float() for column in three]
    return Normalization(
        mode, keypoints[0], keypoints[1].clamp_min(1e-3), joints[0], joints[1].clamp_min(1e-3)
    )
