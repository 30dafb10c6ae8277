from .archive.archive import Archive as Archive
from .archive.archive import ArchiveSettings as ArchiveSettings
from .archive.descriptor import DescriptorSettings as DescriptorSettings
from .archive.descriptor import PoseDescriptor as PoseDescriptor
from .breeding import BreedingSettings as BreedingSettings
from .breeding import Offspring as Offspring
from .breeding import breed as breed
from .chance import Draws as Draws
from .hierarchy import Genomes as Genomes
from .hierarchy import decode as decode
from .hierarchy import encode as encode
from .limits.fitting import LimitSettings as LimitSettings
from .limits.sampling import SampleSettings as SampleSettings
from .limits.sampling import sample as sample
from .limits.tables import Limits as Limits
from .limits.tables import default_limits as default_limits
from .limits.tables import judge as judge
from .operators.codes import codes_to_names as codes_to_names
from .population import Population as Population
from .skeleton import JOINT_NAMES as JOINT_NAMES
from .skeleton import Joint as Joint
from .toolbox import build_toolbox as build_toolbox

__all__ = [
    "Archive",
    "ArchiveSettings",
    "BreedingSettings",
    "DescriptorSettings",
    "Draws",
    "Genomes",
    "JOINT_NAMES",
    "Joint",
    "LimitSettings",
    "Limits",
    "Offspring",
    "Population",
    "PoseDescriptor",
    "SampleSettings",
    "breed",
    "build_toolbox",
    "codes_to_names",
    "decode",
    "default_limits",
    "encode",
    "judge",
    "sample",
]
