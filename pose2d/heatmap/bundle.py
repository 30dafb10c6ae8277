"""A detector's files: a folder that explains itself.

`model.safetensors` holds the weights under the names of the published `pose_hrnet`, `model.onnx`
the same network for ONNX Runtime, `detector.json` its settings, keypoints, calibration, training
record and hashes.
"""

import hashlib
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.files import whole_folder, write_bytes, write_json
from evoskeleton.lifting.bundle import hash_of
from evoskeleton.pose2d.heatmap.calibration import Calibration
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings
from evoskeleton.settings import Settings

WEIGHTS_FILE = "model.safetensors"
ONNX_FILE = "model.onnx"
CARD_FILE = "detector.json"
FORMAT = "evoskeleton detector 1"

INPUT, OUTPUT = "pictures", "maps"
"""Names of the ONNX network's input and output."""

_OPSET = 17
_TOLERANCE = 1e-3


class Card(Settings):
    """What a detector says about itself."""

    format: str = Field(FORMAT, description="which layout these files have")
    network: HeatmapSettings = Field(description="settings of the network")
    calibration: Calibration | None = Field(
        None, description="what confidences are made with; none: the peaks themselves"
    )
    weight_hash: str = Field(description="SHA-256 of the weights")
    onnx_hash: str = Field(description="SHA-256 of model.onnx")
    self_test: tuple[float, ...] = Field(
        description="root mean squares of the maps that torch gave for the picture of the self-test"
    )
    training: dict[str, Any] = Field(default_factory=dict, description="how it was trained")

    def with_test(self, sources: Sequence[str], numbers: Mapping[str, Any]) -> "Card":
        """The same card with what was measured on other pictures.

        Args:
            sources: names of the annotated sets.
            numbers: `overall` and `confidence`, see `pose2d.scoring`.
        """
        said = {"sources": list(sources), "people": numbers["people"], "scores": numbers["overall"]}
        test = said | {"confidence": numbers.get("confidence", {})}
        return self.model_copy(update={"training": self.training | {"test": test}})


def save_bundle(
    network: HeatmapNetwork,
    folder: Path | str,
    training_record: Mapping[str, Any],
    calibration: Calibration | None = None,
) -> Card:
    """Write a detector into a folder; one that is there is replaced as a whole.

    Raises:
        BadInput: the folder cannot be written, holds something else, or `onnx` is not installed.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / CARD_FILE).is_file():
        raise BadInput(f"{folder} should be a detector's folder or empty, it holds other files")
    arrays = {name: value.cpu().numpy() for name, value in network.state_dict().items()}
    onnx = onnx_bytes(network)
    card = Card(
        network=network.settings,
        calibration=calibration,
        weight_hash=hash_of(arrays),
        onnx_hash=hashlib.sha256(onnx).hexdigest(),
        self_test=_test_maps(network),
        training=dict(training_record),
    )
    try:
        with whole_folder(folder, replace=True) as made:
            write_bytes(made / WEIGHTS_FILE, safetensors.save(arrays))
            write_bytes(made / ONNX_FILE, onnx)
            write_json(made / CARD_FILE, card.model_dump(mode="json"))
    except OSError as error:
        raise BadInput(f"detector {folder} cannot be written: {error.strerror}") from None
    return card


def read_card(folder: Path | str) -> Card:
    """What a detector says about itself.

    Raises:
        BadInput: the file is missing, damaged, or of another format.
    """
    path = Path(folder) / CARD_FILE
    try:
        said = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"detector file {path}: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"detector file {path} is damaged: it is not JSON") from None
    found = said.get("format") if isinstance(said, dict) else None
    if found != FORMAT:
        raise BadInput(f"detector file {path} should have format {FORMAT!r}, got {found!r}")
    try:
        card = Card.parse(said)
    except BadInput as error:
        raise BadInput(f"detector file {path} is damaged: {error}") from None
    _check_counts(card, path)
    return card


def weights_of(folder: Path | str) -> str:
    """The weight hash that a bundle says it has; loading checks it.

    Raises:
        BadInput: the folder holds no whole bundle.
    """
    card = read_card(folder)
    for name in (WEIGHTS_FILE, ONNX_FILE):
        if not (Path(folder) / name).is_file():
            raise BadInput(f"detector {folder} has no {name}")
    return card.weight_hash


def load_bundle(folder: Path | str) -> tuple[HeatmapNetwork, Card]:
    """A detector's network in torch, on the processor, and its card.

    Raises:
        BadInput: a file is missing or damaged, or the weights are not those that were saved.
    """
    card = read_card(folder)
    path = Path(folder) / WEIGHTS_FILE
    try:
        arrays = safetensors.load(path.read_bytes())
    except OSError as error:
        raise BadInput(f"detector file {path}: {error.strerror}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise BadInput(f"detector file {path} is damaged: {error}") from None
    if hash_of(arrays) != card.weight_hash:
        raise BadInput(f"detector file {path}: the weights are not those that were saved")
    network = HeatmapNetwork(card.network)
    try:
        network.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise BadInput(f"detector file {path} does not fit its settings: {reason}") from None
    return network.eval(), card


def read_onnx(folder: Path | str, card: Card) -> bytes:
    """The bytes of a detector's ONNX network.

    Raises:
        BadInput: the file is missing, or is not the one that was saved.
    """
    path = Path(folder) / ONNX_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"detector file {path}: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != card.onnx_hash:
        raise BadInput(f"detector file {path}: the network is not the one that was saved")
    return content


def check_self_test(
    network: Callable[[np.ndarray], np.ndarray], card: Card, folder: Path | str
) -> None:
    """A network in another runtime gives the maps that torch gave where the bundle was saved.

    Args:
        network: maps of pictures (n, 3, height, width).
        card: of its bundle.
        folder: the bundle's, for the sentence.

    Raises:
        BadInput: it gives other maps.
    """
    found, wanted = _root_mean_squares(network(_test_picture(card.network))), card.self_test
    if found.shape != (len(wanted),) or not np.allclose(found, wanted, _TOLERANCE, _TOLERANCE):
        raise BadInput(f"detector {folder}: the self-test gives other maps than when it was saved")


def _test_picture(settings: HeatmapSettings) -> np.ndarray:
    """Waves of all lengths, (1, 3, height, width) float32."""
    width, height = settings.picture_px
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [np.sin(0.002 * (x + 7.0 * turn) * (y + 11.0 * turn)) for turn in range(3)]
    return np.stack(waves)[None].astype(np.float32)


@torch.no_grad()
def _test_maps(network: HeatmapNetwork) -> tuple[float, ...]:
    picture = torch.from_numpy(_test_picture(network.settings))
    maps = _on_processor(network)(picture).numpy()
    return tuple(float(value) for value in _root_mean_squares(maps))


def _root_mean_squares(maps: np.ndarray) -> np.ndarray:
    """(keypoints,) of maps (1, keypoints, rows, columns)."""
    squares: np.ndarray = np.sqrt((maps.astype(np.float64) ** 2).mean(axis=(-2, -1)))[0]
    return squares


def _on_processor(network: HeatmapNetwork) -> HeatmapNetwork:
    """A copy, ready to be asked; the network stays as it is, where it is."""
    return deepcopy(network).cpu().eval()


def onnx_bytes(network: HeatmapNetwork) -> bytes:
    """A network as an ONNX file: normalised pictures (n, 3, height, width) in, maps out, any n.

    The network is left as it was, on its device.

    Raises:
        BadInput: `onnx` is not installed.
    """
    require("onnx", "a detector is written with {}, which is not installed; try pip install onnx")
    width, height = network.settings.picture_px
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / ONNX_FILE
        warnings.simplefilter("ignore")  # the newer exporter takes a minute and one more package
        torch.onnx.export(
            _on_processor(network),
            (torch.zeros(1, 3, height, width),),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
            opset_version=_OPSET,
            dynamo=False,
        )
        return path.read_bytes()


def _check_counts(card: Card, path: Path) -> None:
    keypoints = len(card.network.keypoints)
    curves = card.calibration
    if curves and {len(curves.slopes), len(curves.offsets)} != {keypoints}:
        raise BadInput(f"detector file {path} should calibrate each of {keypoints} keypoints")
    if curves and not np.isfinite([*curves.slopes, *curves.offsets]).all():
        raise BadInput(f"detector file {path} should have finite calibration curves")
