"""Users' own functions: what they were when a campaign began, and how they reach the workers.

They are the operators that replace built-in ones (`breeding.operators`), the mutations beside them
(`breeding.mutations`) and objectives, each named as "module:function".
"""

import hashlib
import inspect
import json
import sys
from types import ModuleType

from evoskeleton.errors import BadInput
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.files import write_json
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.workers.islands import IslandSettings


def fingerprints(island: IslandSettings) -> dict[str, str]:
    """SHA-256 of the module's source by "module:function", for the functions that are named.

    Raises:
        BadInput: one cannot be found, or does not take the settings it is given.
    """
    build_toolbox(island.breeding, objectives=island.scored_by)
    return {name: _fingerprint(name) for name in island.own_functions}


def _fingerprint(name: str) -> str:
    return hashlib.sha256(inspect.getsource(_module(name)).encode()).hexdigest()


def remember(folder: CampaignFolder, island: IslandSettings) -> None:
    """Keep the fingerprints with the campaign."""
    write_json(folder.operators, fingerprints(island))


def check_unchanged(folder: CampaignFolder, island: IslandSettings) -> None:
    """Refuse to go on with functions that are not what they were.

    Raises:
        BadInput: a module has changed.
    """
    known = json.loads(folder.operators.read_text()) if folder.operators.exists() else {}
    for name, digest in fingerprints(island).items():
        if known.get(name, digest) != digest:
            raise BadInput(f"operator {name} has changed since campaign {folder.name} was started")


def own_modules(island: IslandSettings) -> list[ModuleType]:
    """The modules of the functions that are named, which workers need not be able to import."""
    return [_module(name) for name in island.own_functions]


def _module(name: str) -> ModuleType:
    return sys.modules[name.partition(":")[0]]
