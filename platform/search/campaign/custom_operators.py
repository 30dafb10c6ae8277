"""Users' own operators: what they were when a campaign began, and how they reach the workers."""

import hashlib
import inspect
import json
import sys
from types import ModuleType

from evoskeleton.errors import BadInput
from evoskeleton.evolution.toolbox import OperatorNames, resolve
from evoskeleton.files import write_json
from evoskeleton.platform.search.campaign.paths import CampaignFolder


def fingerprints(operators: OperatorNames) -> dict[str, str]:
    """SHA-256 of the module's source by "module:function", for the operators that are named.

    Raises:
        BadInput: one cannot be found.
    """
    found = {}
    for name in filter(None, operators.model_dump().values()):
        resolve(name)
        source = inspect.getsource(_module(name))
        found[name] = hashlib.sha256(source.encode()).hexdigest()
    return found


def remember(folder: CampaignFolder, operators: OperatorNames) -> None:
    """Keep the fingerprints with the campaign."""
    write_json(folder.operators, fingerprints(operators))


def check_unchanged(folder: CampaignFolder, operators: OperatorNames) -> None:
    """Refuse to go on with operators that are not what they were.

    Raises:
        BadInput: a module has changed.
    """
    known = json.loads(folder.operators.read_text()) if folder.operators.exists() else {}
    for name, digest in fingerprints(operators).items():
        if known.get(name, digest) != digest:
            raise BadInput(f"operator {name} has changed since campaign {folder.name} was started")


def carry_to_workers(operators: OperatorNames) -> None:
    """Let Ray send the modules' code along, so that workers need not be able to import them."""
    import ray

    for name in filter(None, operators.model_dump().values()):
        ray.cloudpickle.register_pickle_by_value(_module(name))


def _module(name: str) -> ModuleType:
    return sys.modules[name.partition(":")[0]]
