"""Packages that only an extra brings: asked for where they are used, named where they miss."""

import importlib
from types import ModuleType

from evoskeleton.errors import BadInput


def require(module: str, otherwise: str) -> ModuleType:
    """A module that need not be installed.

    Args:
        module: as it is imported.
        otherwise: the sentence when it is not there, with how to get it; `{}` stands for its name.

    Raises:
        BadInput: it, or what it imports itself, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BadInput(otherwise.format(error.name or module)) from None
