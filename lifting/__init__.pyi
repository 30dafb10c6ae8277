from .bundle import Lifter as Lifter
from .bundle import load_bundle as load_bundle
from .bundle import save_bundle as save_bundle
from .bundle_training import train_bundle as train_bundle
from .cameras import Cameras as Cameras
from .cameras import ViewSettings as ViewSettings
from .cameras import project as project
from .cameras import sample_views as sample_views
from .cameras import world_to_camera as world_to_camera
from .cascade import Cascade as Cascade
from .cascade import CascadeSettings as CascadeSettings
from .conformal import RadiusSettings as RadiusSettings
from .conformal import calibrate as calibrate
from .error_radii import CalibratedRadii as CalibratedRadii
from .error_radii import ErrorRadii as ErrorRadii
from .keypoints.keypoint_files import read_keypoints as read_keypoints
from .keypoints.keypoint_files import write_joints as write_joints
from .lifter_training import LifterSettings as LifterSettings
from .lifter_training import train_lifter as train_lifter
from .metrics import auc as auc
from .metrics import mpjpe as mpjpe
from .metrics import n_mpjpe as n_mpjpe
from .metrics import p_mpjpe as p_mpjpe
from .metrics import pck as pck
from .model_fit.pose_fit import PoseFit as PoseFit
from .model_fit.pose_fit import PoseFitSettings as PoseFitSettings
from .model_fit.pose_fit import fit_poses as fit_poses
from .pinhole import Intrinsics as Intrinsics
from .protocols import Evaluation as Evaluation
from .protocols import evaluate as evaluate

__all__ = [
    "CalibratedRadii",
    "Cameras",
    "Cascade",
    "CascadeSettings",
    "ErrorRadii",
    "Evaluation",
    "LifterSettings",
    "Intrinsics",
    "Lifter",
    "PoseFit",
    "PoseFitSettings",
    "RadiusSettings",
    "ViewSettings",
    "auc",
    "calibrate",
    "evaluate",
    "fit_poses",
    "load_bundle",
    "mpjpe",
    "n_mpjpe",
    "p_mpjpe",
    "pck",
    "project",
    "read_keypoints",
    "sample_views",
    "save_bundle",
    "train_bundle",
    "train_lifter",
    "world_to_camera",
    "write_joints",
]
