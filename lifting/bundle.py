"""A lifter, and the model file that explains itself.

A bundle is a folder of two files: `model.safetensors` (weights and statistics) and `bundle.json`
(keypoint schema, settings, training record, weight hash, self-test vectors). Loading runs the
self-test: a file that was damaged, or a program that computes something else, is refused.

Keypoints: (poses, 17, 2) px. Joints: (poses, 17, 3) mm in the camera frame (x right, y down,
z forward), hip-centred.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors import numpy as safetensors
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import key, normal, stream, uniform
from evoskeleton.evolution.skeleton import JOINT_NAMES, MIRROR
from evoskeleton.files import atomic_file
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import ImageSize, Normalization, mirrored
from evoskeleton.shapes import expect_shape

MODEL_FILE = "model.safetensors"
DESCRIPTION_FILE = "bundle.json"
FORMAT = "evoskeleton lifter 1"
SELF_TEST_POSES = 8
SELF_TEST_TOLERANCE_MM = 0.5
_TOGETHER = {"cpu": 32, "cuda": 128}
"""Poses that go through the network together, always: the last bits of a product of matrices depend
on the number of its rows, on some processors of hundreds of them, and on GPUs of any."""

_STATISTICS = "statistics."


class Lifter:
    """Keypoints in, joints out: a trained cascade with its normalization, on one device.

    Attributes:
        second_opinion: share of a detector's own 3D in what people of a picture are given, 0 to 1;
            `lift` knows nothing of it, see `pose2d.people_to_3d`.
    """

    def __init__(
        self, cascade: Cascade, normalization: Normalization, second_opinion: float = 0.0
    ) -> None:
        self.cascade = cascade.eval().requires_grad_(False)
        self.normalization = normalization
        self.second_opinion = second_opinion

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.normalization.joints_mean.device

    def to(self, device: torch.device | str) -> "Lifter":
        """Moves the lifter to a device and returns it."""
        self.cascade.to(device)
        self.normalization = self.normalization.to(device)
        return self

    @torch.no_grad()
    def lift_tensor(self, keypoints: Tensor, visibility: Tensor | None = None) -> Tensor:
        """Lift (n, 17, 2) px on the lifter's device to (n, 17, 3) camera mm, in one batch."""
        if visibility is None:
            visibility = torch.ones_like(keypoints[..., 0])
        visibility = self.cascade.seen(visibility)
        points = self.normalization.keypoints(keypoints, visibility)
        joints = self._joints(points, visibility)
        if not self.cascade.settings.both_sides:
            return joints
        return (joints + mirrored(self._joints(mirrored(points), visibility[:, MIRROR]))) / 2.0

    def _joints(self, points: Tensor, visibility: Tensor) -> Tensor:
        """(n, 17, 3) mm of normalised (n, 17, 2) keypoints."""
        return self.normalization.joints_from(
            self.cascade(self.cascade.features(points, visibility))
        )

    def lift(
        self,
        keypoints: np.ndarray,
        visibility: np.ndarray | None = None,
        image_size: ImageSize = None,
    ) -> np.ndarray:
        """Lift keypoints of many people, each as if alone: the same numbers in any company.

        Args:
            keypoints: (n, 17, 2) px, Human3.6M order.
            visibility: (n, 17), above 0.5 where a keypoint is known; none: all are. Coordinates of
                the others are not looked at. A lifter with the input `confidence_input` tells a
                guess, just above 0.5, from what is in plain sight, 1.
            image_size: what a lifter of the mode `zscore` scales by, see `ImageSize`; the others
                take keypoints from images of any size.

        Returns:
            (n, 17, 3) float32 mm, camera frame, hip-centred.

        Raises:
            BadInput: a shape is wrong, a visible keypoint is NaN or infinite, or a size is none.
        """
        visibility = _checked(keypoints, visibility)
        keypoints = self.normalization.in_training_pixels(keypoints, image_size)
        parts = [
            self.lift_tensor(points, seen).cpu()
            for points, seen in zip(self._chunks(keypoints), self._chunks(visibility), strict=True)
        ]
        return torch.cat(parts)[: len(keypoints)].numpy()

    def _chunks(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """Rows on the device as float32, in batches of one size; zeros fill up the last."""
        many = _TOGETHER.get(self.device.type, _TOGETHER["cuda"])
        filled = np.zeros((len(rows) + -len(rows) % many, *rows.shape[1:]), np.float32)
        filled[: len(rows)] = rows
        return torch.split(torch.from_numpy(filled).to(self.device), many)


def _checked(keypoints: np.ndarray, visibility: np.ndarray | None) -> np.ndarray:
    expect_shape("keypoints", keypoints, ("poses", len(JOINT_NAMES), 2))
    if visibility is None:
        visibility = np.ones(keypoints.shape[:2], np.float32)
    expect_shape("visibility", visibility, (len(keypoints), len(JOINT_NAMES)))
    broken = ~np.isfinite(keypoints).all(2) & (np.asarray(visibility) > 0.5)
    if broken.any():
        row, joint = np.argwhere(broken)[0]
        point = tuple(float(value) for value in keypoints[row, joint])
        raise BadInput(
            f"keypoint {JOINT_NAMES[joint]} of pose {row} is visible and should be finite, "
            f"got {point}"
        )
    return np.asarray(visibility)


def to_arrays(lifter: Lifter) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Weights and statistics by name as numpy, and the plain settings that `from_arrays` needs."""
    arrays = {name: t.cpu().numpy() for name, t in lifter.cascade.state_dict().items()}
    arrays |= {_STATISTICS + name: a for name, a in lifter.normalization.arrays().items()}
    config: dict[str, Any] = {
        "cascade": lifter.cascade.settings.model_dump(mode="json"),
        "normalization": lifter.normalization.mode,
        "joint_names": list(JOINT_NAMES),
    }
    if lifter.second_opinion:
        config["second_opinion"] = lifter.second_opinion
    return arrays, config


def from_arrays(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Lifter:
    """The lifter of `to_arrays`, on the processor; the arrays are copied.

    Raises:
        BadInput: the joints are others than ours, or arrays and settings do not belong together.
    """
    second_opinion = float(config.get("second_opinion", 0.0))
    if tuple(config["joint_names"]) != JOINT_NAMES:
        raise BadInput(
            f"the model's joints should be {', '.join(JOINT_NAMES)}, "
            f"got {', '.join(map(str, config['joint_names']))}"
        )
    cascade = Cascade(CascadeSettings.parse(config["cascade"]))
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    statistics = {
        name.removeprefix(_STATISTICS): tensors.pop(name)
        for name in list(tensors)
        if name.startswith(_STATISTICS)
    }
    try:
        cascade.load_state_dict(tensors)
        normalization = Normalization(mode=config["normalization"], **statistics)
    except (RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise BadInput(f"weights and settings of the model do not fit together: {reason}") from None
    return Lifter(cascade, normalization, second_opinion)


def weight_hash(lifter: Lifter) -> str:
    """SHA-256 over names, types, shapes and bytes of all weights and statistics, in hex."""
    return hash_of(to_arrays(lifter)[0])


def hash_of(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and bytes of arrays, in hex."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_bundle(lifter: Lifter, folder: Path | str, training_record: Mapping[str, Any]) -> None:
    """Write a bundle into a folder, which is made.

    Raises:
        BadInput: the folder cannot be written.
    """
    folder = Path(folder)
    arrays, config = to_arrays(lifter)
    description = {
        "format": FORMAT,
        **config,
        "input": "keypoints (poses, 17, 2) px, visibility (poses, 17)",
        "output": "joints (poses, 17, 3) mm, camera frame: x right, y down, z forward; hip at 0",
        "weight_hash": hash_of(arrays),
        "training": dict(training_record),
        "self_test": _self_test(lifter),
    }
    try:
        with atomic_file(folder / MODEL_FILE) as file:
            file.write(safetensors.save(arrays))
        with atomic_file(folder / DESCRIPTION_FILE) as file:
            file.write(json.dumps(description, indent=1).encode())
    except OSError as error:
        raise BadInput(f"bundle {folder} cannot be written: {error.strerror}") from None


def load_bundle(folder: Path | str, device: torch.device | str = "cpu") -> Lifter:
    """Read a bundle and run its self-test on the device.

    Raises:
        BadInput: a file is missing or damaged, the keypoint schema is not ours, or the self-test
            gives other joints than it gave where the bundle was saved.
    """
    folder = Path(folder)
    description, arrays = read_description(folder), _read_arrays(folder / MODEL_FILE)
    try:
        lifter = from_arrays(arrays, description)
        if hash_of(arrays) != description["weight_hash"]:
            raise BadInput("the weights are not those that were saved")
        lifter = lifter.to(device)
        _run_self_test(lifter, description["self_test"])
    except BadInput as error:
        raise BadInput(f"bundle {folder}: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"bundle {folder}: {DESCRIPTION_FILE} is damaged ({error!r})") from None
    return lifter


def read_description(folder: Path | str) -> dict[str, Any]:
    """What a bundle says about itself: schema, settings, training record, self-test vectors.

    Raises:
        BadInput: the file is missing, unreadable, or of another format.
    """
    path = Path(folder) / DESCRIPTION_FILE
    try:
        description: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"bundle file {path}: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"bundle file {path} is damaged: it is not JSON") from None
    found = description.get("format") if isinstance(description, dict) else None
    if found != FORMAT:
        raise BadInput(f"bundle file {path} should have format {FORMAT!r}, got {found!r}")
    return description


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return safetensors.load(path.read_bytes())
    except OSError as error:
        raise BadInput(f"bundle file {path}: {error.strerror}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise BadInput(f"bundle file {path} is damaged: {error}") from None


def _self_test(lifter: Lifter) -> dict[str, Any]:
    """Scattered keypoints, some of them hidden, and what this lifter makes of them."""
    counters, joints = torch.arange(SELF_TEST_POSES), len(JOINT_NAMES)
    number = stream("self-test")
    points = 500.0 + 120.0 * normal(key(number, 1), counters, 2 * joints).numpy()
    hidden = uniform(key(number, 2), counters, joints).numpy() < 0.1
    keypoints = points.round(2).reshape(SELF_TEST_POSES, joints, 2)
    visibility = np.where(hidden, 0, 1)
    return {
        "keypoints": keypoints.tolist(),
        "visibility": visibility.tolist(),
        "joints_mm": lifter.lift(keypoints, visibility).tolist(),
        "tolerance_mm": SELF_TEST_TOLERANCE_MM,
    }


def _run_self_test(lifter: Lifter, vectors: Mapping[str, Any]) -> None:
    lifted = lifter.lift(np.array(vectors["keypoints"]), np.array(vectors["visibility"]))
    expected = np.array(vectors["joints_mm"])
    expect_shape("self-test joints", expected, lifted.shape)
    worst = float(np.abs(lifted - expected).max())
    if not worst <= float(vectors["tolerance_mm"]):
        raise BadInput(f"the self-test is off by {worst:.3g} mm")
