from .pose_rows import PoseRows as PoseRows
from .pose_table import PoseTable as PoseTable
from .poses import PoseSet as PoseSet
from .poses import single_clip as single_clip
from .sources.load import hold_out as hold_out
from .sources.load import load as load
from .sources.load import settings_from_text as settings_from_text
from .target.keypoint_target import KeypointTarget as KeypointTarget
from .target.load import load_target as load_target
from .target.settings import TargetSettings as TargetSettings

__all__ = [
    "KeypointTarget",
    "PoseRows",
    "PoseSet",
    "PoseTable",
    "TargetSettings",
    "hold_out",
    "load",
    "load_target",
    "settings_from_text",
    "single_clip",
]
