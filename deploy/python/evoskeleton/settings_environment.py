"""Settings from the environment: EVOSKELETON_MACHINE__ADDRESS is `machine.address`.

Two underscores go into a group. They count above a settings file and below `--set`. A name with
_FILE at its end holds the path of a file with the value, as secrets are mounted; that keeps a
password off command lines and out of pod specs.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evoskeleton.errors import BadInput
from evoskeleton.yaml_text import load_yaml

_FILE = "_FILE"
TEXTS = ("storage_options",)
"""Groups whose names are kept as they are written, and whose values are texts."""


def from_environment(
    prefix: str, names: Sequence[str], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Plain settings that the environment holds.

    Args:
        prefix: of the variables, such as EVOSKELETON_.
        names: settings and groups of settings that may come from there; what else begins with the
            prefix is left alone.
        environment: none: that of this process.

    Raises:
        BadInput: a file cannot be read, a value is not YAML, or a setting is there twice.
    """
    there = os.environ if environment is None else environment
    found: dict[str, Any] = {}
    for variable in sorted(there):
        if variable.startswith(prefix):
            _put(found, variable, variable.removeprefix(prefix).split("__"), names, there)
    return found


def _put(
    found: dict[str, Any],
    variable: str,
    place: list[str],
    names: Sequence[str],
    there: Mapping[str, str],
) -> None:
    in_file = place[-1].endswith(_FILE)
    if in_file:
        place = [*place[:-1], place[-1].removesuffix(_FILE)]
    first, *inner = [part.lower() for part in place]
    if first not in names or (first in TEXTS and not inner):
        return
    if in_file and variable.removesuffix(_FILE) in there:
        raise BadInput(f"{variable.removesuffix(_FILE)} and {variable} say the same: set one")
    as_text = first in TEXTS
    value = _content(variable, there[variable]) if in_file else there[variable]
    *groups, last = [first, *(place[1:] if as_text else inner)]
    group = found
    for part in groups:
        group = group.setdefault(part, {})
    group[last] = value if as_text or in_file else _read(variable, value)


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise BadInput(f"{variable}: {path}: {reason}") from None


def _read(variable: str, text: str) -> Any:
    try:
        return load_yaml(text)
    except yaml.YAMLError:
        raise BadInput(f"{variable}: the value is not YAML") from None


def without(data: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Plain settings without those that the environment says, where they are the same."""
    left = dict(data)
    for name in said.keys() & data.keys():
        if isinstance(said[name], Mapping) and isinstance(data[name], Mapping):
            left[name] = without(data[name], said[name])
        elif said[name] == data[name]:
            del left[name]
    return left
