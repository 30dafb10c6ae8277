"""Published weights of others, read into a network: ImageNet's, COCO's, the seed's.

Files are the authors' `.pth` (a state dict, or a checkpoint with one in it), read by torch's
restricted reader, which builds tensors and plain containers and nothing else, or `.safetensors`.
Names may stand behind `module.`, as data-parallel training writes them, behind `backbone.` and
`keypoint_head.`, or behind the name that a training code has for its network. All of HRNet has to
be there and nothing of a deeper one; heads are taken where their shape fits and are drawn anew
where it does not.
"""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import torch as safetensors
from torch import Tensor

from evoskeleton.data_pickle import printable
from evoskeleton.errors import BadInput
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings

_PREFIXES = ("module.", "backbone.", "keypoint_head.", "head.", "model.", "net.", "network.")
_HOLDERS = (
    "state_dict", "best_state_dict", "model", "model_state", "model_state_dict", "net", "network",
)  # fmt: skip
_DEEPEST = 3
"""Holders within holders of a checkpoint."""

_BODY = re.compile(r"(conv[12]|bn[12]|layer1|transition[1-3]|stage[2-4])\.")
_LOWER_OUTPUTS = re.compile(r"stage4\.\d+\.fuse_layers\.[1-3]\.")
"""What only a classifier reads: the last stage's other resolutions."""

_FIRST_BRANCH = "stage2.0.branches.0.0.conv1.weight"
_ASKED = re.compile(r"GLOBAL (\S+)")
HEADS = ("final_layer.", "upsample_layer.")
"""Where keypoints have an order: of a network with others they are drawn anew."""


class Taken(NamedTuple):
    """What came of a file of weights.

    Attributes:
        taken: names of the network's parameters and statistics that the file had.
        drawn: names of the head's that it did not have, or not in this shape.
        left: names in the file that the network has no use for.
    """

    taken: tuple[str, ...]
    drawn: tuple[str, ...]
    left: tuple[str, ...]


def take_weights(network: HeatmapNetwork, path: Path | str) -> Taken:
    """Read a file of published weights into a network, which stays as it was if they do not fit.

    Raises:
        BadInput: the file is missing, damaged, asks for more than tensors, or holds another
            network: of another width, shallower, deeper, or none of these.
    """
    found = _tensors(Path(path))
    own = network.state_dict()
    _check_body(found, own, path)
    fitting = {
        name: _numbers(value, own[name], f"weights {path}", name)
        for name, value in found.items()
        if name in own and value.shape == own[name].shape
    }
    network.load_state_dict(fitting, strict=False)
    return Taken(
        tuple(fitting),
        tuple(name for name in own if name.startswith(HEADS) and name not in fitting),
        tuple(name for name in found if name not in fitting),
    )


def published_detector(path: Path | str, settings: HeatmapSettings) -> HeatmapNetwork:
    """A network out of published weights alone, its head included.

    Raises:
        BadInput: see `take_weights`; or the weights have no such head.
    """
    network = HeatmapNetwork(settings)
    if missing := take_weights(network, path).drawn:
        raise BadInput(
            f"weights {path} should have a head for {len(settings.keypoints)} keypoints, there is "
            f"no fitting {missing[0]}: they can be trained from, but find nothing yet"
        )
    return network


def _tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by the network's own names."""
    content = _content(path)
    for _ in range(_DEEPEST):
        content = _held(content) or content
    named = content.items() if isinstance(content, Mapping) else ()
    found = {_plain(str(name)): value for name, value in named if isinstance(value, Tensor)}
    if not found:
        raise BadInput(f"weights {path} should hold tensors by name, got none")
    return found


def _held(content: Any) -> Mapping[Any, Any] | None:
    """What a checkpoint holds by a name that says so; none where it holds no more."""
    if not isinstance(content, Mapping):
        return None
    inside = (content.get(holder) for holder in _HOLDERS)
    return next((inner for inner in inside if isinstance(inner, Mapping)), None)


def _numbers(value: Tensor, own: Tensor, where: str, name: str) -> Tensor:
    """A tensor of a file as the network keeps it.

    Raises:
        BadInput: these are no plain numbers, or none that a network can have.
    """
    plain = value.layout == torch.strided and value.device.type == "cpu"
    if not plain or (own.is_floating_point() and not value.is_floating_point()):
        kind = str(value.dtype if plain else f"{value.layout} on {value.device.type}")
        kind = kind.removeprefix("torch.")
        raise BadInput(f"{where}: {name} should be plain floating-point numbers, got {kind}")
    numbers = value.to(own.dtype)
    if not torch.isfinite(numbers).all():
        raise BadInput(f"{where} should be finite, {name} is not")
    if name.endswith("running_var") and (numbers < 0).any():
        raise BadInput(f"{where}: {name} are variances, which should not be negative")
    return numbers


def _content(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.load(path.read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BadInput(f"weights {path} cannot be read: {error.strerror or error}") from None
    except pickle.UnpicklingError as error:
        asked = _ASKED.search(str(error))
        if asked is None:
            raise BadInput(f"weights {path} are damaged: they are no torch file") from None
        raise BadInput(f"weights {path} should be tensors, they ask for {asked[1]}") from None
    except Exception as error:  # of a damaged file, whatever the readers stumble over
        what = str(error).split(". ")[0].split("\n")[0].strip() or type(error).__name__
        raise BadInput(f"weights {path} are damaged: {printable(what)}") from None


def _plain(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.split(".", 1)[1]
    return name


def _check_body(found: Mapping[str, Tensor], own: Mapping[str, Tensor], path: Path | str) -> None:
    """All of the network but its head is in the file, in its shape, and nothing deeper."""
    wanted, got = own[_FIRST_BRANCH].shape[0], found.get(_FIRST_BRANCH)
    if got is None:
        raise BadInput(f"weights {path} should be HRNet's, there is no {_FIRST_BRANCH}")
    if got.shape[0] != wanted:
        raise BadInput(f"weights {path} should be of width {wanted}, got width {got.shape[0]}")
    for name, value in own.items():
        if name.startswith(HEADS) or name.endswith("num_batches_tracked"):
            continue
        if name not in found:
            raise BadInput(f"weights {path} are of a shallower network: there is no {name}")
        if found[name].shape != value.shape:
            shapes = f"{tuple(value.shape)}, got {tuple(found[name].shape)}"
            raise BadInput(f"weights {path}: {name} should be {shapes}")
    for name in found:
        if _BODY.match(name) and name not in own and not _LOWER_OUTPUTS.match(name):
            raise BadInput(f"weights {path} are of a deeper network: {name} has no place in it")
