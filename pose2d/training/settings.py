"""Settings of a detector's training, and named starting points."""

from typing import Any, Literal

from pydantic import Field, model_validator

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.heatmap.losses import LossKind
from evoskeleton.pose2d.heatmap.mirrored import one_sided
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings
from evoskeleton.pose2d.samples.looks.augmentation_settings import AugmentationSettings
from evoskeleton.settings import Settings

_PUBLISHED: dict[str, Any] = {
    "loss": "mse",
    "batch": 128,
    "epochs": 210.0,
    "learning_rate": 1e-3,
    "optimizer": "adam",
    "weight_decay": 0.0,
    "warmup": 0,
    "schedule": "steps",
    "falls": (0.81, 0.952),
    "average": 0.0,
    "precision": "bfloat16",
    "report_every": 100,
    "save_every": 2000,
}

PRESETS: dict[str, dict[str, Any]] = {
    "small": {"network": {"width": 18, "picture_px": (96, 128)}},
    "w32": _PUBLISHED | {"network": {"width": 32, "picture_px": (192, 256)}},
    "w48": _PUBLISHED
    | {
        "network": {"width": 48, "picture_px": (288, 384)},
        "augmentation": {"scale": 0.35, "rotation_deg": 45.0},
    },
    "human36m": _PUBLISHED
    | {
        "batch": 24,
        "epochs": 10.0,
        "falls": (0.6, 0.7, 0.8, 0.9),
        "loss": "coordinates",
        "network": {
            "width": 48,
            "picture_px": (288, 384),
            "head": "seed",
            "keypoints": JOINT_NAMES,
        },
        "augmentation": {
            "scale": 0.25,
            "rotation_deg": 15.0,
            "rotated": 0.3,
            "flip": 0.0,
            "half_body": 0.3,
        },
    },
}
"""Named starting points over the defaults. Whatever is set besides the preset wins."""


class DetectorTrainingSettings(Settings):
    """A heat-map detector and its training."""

    preset: Literal["small", "w32", "w48", "human36m"] = Field(
        "small",
        description="small: hours on a few cores; w32 and w48: COCO on GPUs, as published; "
        "human36m: 384 x 288 with the head and the loss of Li et al. Other settings change it",
    )
    network: HeatmapSettings = Field(
        default_factory=lambda: HeatmapSettings.parse(PRESETS["small"]["network"]),
        description="the network",
    )
    steps: int = Field(4000, ge=1, description="steps, unless `epochs` is set")
    epochs: float | None = Field(
        None,
        gt=0,
        description="times that everybody is looked at, in place of `steps`; none: steps",
    )
    batch: int = Field(32, ge=1, description="people a step")
    optimizer: Literal["adam", "adamw"] = Field("adamw", description="how the weights move")
    learning_rate: float = Field(2e-3, gt=0, description="the largest step size")
    weight_decay: float = Field(1e-4, ge=0, description="how fast weights fade, of adamw")
    warmup: int = Field(100, ge=0, description="steps over which the learning rate rises")
    schedule: Literal["cosine", "steps", "constant"] = Field(
        "cosine", description="how the learning rate falls"
    )
    falls: tuple[float, ...] = Field(
        (0.8, 0.95),
        description="shares of the training after which `schedule: steps` divides by ten",
    )
    average: float = Field(
        0.998,
        ge=0,
        lt=1,
        description="the detector is a running mean of the weights, which keeps this share at "
        "every step; 0: the last weights",
    )
    loss: LossKind = Field(
        "divergence",
        description="mse: squared error to Gaussians, as published; coordinates: smooth L1 of the "
        "mean places; divergence: of the maps' softmax from Gaussians, which learns faster",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="of the network's arithmetic on GPUs; weights stay in float32",
    )
    augmentation: AugmentationSettings = Field(
        default_factory=lambda: AugmentationSettings.parse({}), description="what varies"
    )
    keypoints: Literal["data", "coco", "human36m", "mpii"] | tuple[str, ...] = Field(
        "data",
        description="what the detector finds: a named set, a list of names, or data: those of "
        "`network.keypoints` where these are set, else of the first data set; what a data set has "
        "not of them is not learnt from it",
    )
    held_out: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of the clips that is measured on and not trained on, where no other set "
        "is given for that",
    )
    measured: int = Field(
        1000, ge=1, description="most people that are measured during the training"
    )
    seed: int = Field(1, ge=0, lt=2**63, description="seed of weights, order and augmentation")
    workers: int = Field(
        0, ge=0, description="processes that prepare pictures; changes nothing of the result"
    )
    gradient_shards: int = Field(
        1, ge=1, description="devices that share each batch; part of what the result depends on"
    )
    report_every: int = Field(50, ge=1, description="steps between reports of the loss")
    save_every: int = Field(
        500, ge=1, description="steps between measurements, after which a killed training goes on"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        chosen = PRESETS.get(str(data.get("preset", "small")), {})
        merged = {
            group: chosen.get(group, {}) | data[group]
            for group in ("network", "augmentation")
            if isinstance(data.get(group), dict)
        }
        return chosen | data | merged

    @model_validator(mode="after")
    def _whole_shares(self) -> "DetectorTrainingSettings":
        if self.batch % self.gradient_shards:
            raise ValueError("batch should be a multiple of gradient_shards")
        if "maps" in self.network.model_fields_set and self.network.maps != self._maps:
            raise ValueError(f"network.maps follows from loss {self.loss}, and is {self._maps}")
        return self

    @property
    def _maps(self) -> str:
        by_mean_place = self.loss == "coordinates" and self.network.head == "seed"
        return "plain" if self.loss == "mse" or by_mean_place else "shares"

    @property
    def asked_keypoints(self) -> str | tuple[str, ...]:
        """`data`, the name of a set, or names."""
        if self.keypoints == "data" and "keypoints" in self.network.model_fields_set:
            return self.network.keypoints
        return self.keypoints

    def for_people(self, people: int, keypoints: tuple[str, ...]) -> "DetectorTrainingSettings":
        """These settings for so many people: `steps` in number, and keypoints by name; nobody is
        mirrored where a keypoint has no other side."""
        steps = self.steps if self.epochs is None else round(self.epochs * people / self.batch)
        known = {"keypoints": keypoints, "maps": self._maps}
        network = self.network.model_copy(update=known)
        said: dict[str, Any] = {"steps": max(1, steps), "epochs": None, "network": network}
        if one_sided(keypoints):
            said["augmentation"] = self.augmentation.model_copy(update={"flip": 0.0})
        return self.model_copy(update=said)
