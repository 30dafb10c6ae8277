"""Settings are data: frozen pydantic models whose mistakes are reported in one sentence.

Every folder derives its own settings from `Settings`; unknown names are refused with the nearest
known one.
"""

import copy
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from evoskeleton.errors import BadInput
from evoskeleton.settings_reference import filled_in, known_names, place_of


class Settings(BaseModel):
    """Base of all settings: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Build settings from plain data.

        Raises:
            BadInput: a name is unknown or a value is not allowed; the sentence says which.
        """
        return validated(cls, data)


_Model = TypeVar("_Model", bound=BaseModel)


def validated(model: type[_Model], data: Mapping[str, Any]) -> _Model:
    """An object of a pydantic class from plain data.

    Raises:
        BadInput: a name is unknown or a value is not allowed; the sentence says which.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise BadInput(_sentence(model, error)) from None


def _sentence(model: type[BaseModel], error: ValidationError) -> str:
    errors = error.errors()
    unknown = [each for each in errors if each["type"] == "extra_forbidden"]
    first = (unknown or errors)[0]  # a misspelt name explains the one that is missing
    place = place_of(model, first["loc"])
    where = ".".join(place) or "settings"
    if first["type"] == "extra_forbidden":
        known = [filled_in(name, place) for name in known_names(model)]
        near = difflib.get_close_matches(where, known, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown setting {where}{hint}"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    value = first["input"]
    got = "" if first["type"] == "missing" or isinstance(value, Mapping) else f", got {value!r}"
    return f"setting {where}: {message}{got}"


def layered(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Plain settings of two layers; groups are merged, and what stands above wins."""
    merged = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(below[name], Mapping) and isinstance(above[name], Mapping):
            merged[name] = layered(below[name], above[name])
    return merged


def read_yaml(path: Path) -> dict[str, Any]:
    """Plain settings of a file.

    Raises:
        BadInput: it is missing, is not YAML, or holds no settings.
    """
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadInput(f"settings file {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"settings file {path} is not YAML: {reason}") from None
    if not isinstance(data, dict):
        raise BadInput(f"settings file {path} should hold settings by name")
    return data


def with_changes(data: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Plain settings with `key.key=value` changes; values are read as YAML.

    Raises:
        BadInput: a change has no `=`, goes through something that is no group, or is not YAML.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(data))
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise BadInput(f"--set wants key=value, got {change}")
        *groups, last = name.strip().split(".")
        group = changed
        for part in groups:
            if group.get(part) is None:
                group[part] = {}
            group = group[part]
            if not isinstance(group, dict):
                raise BadInput(f"--set {change}: {part} is not a group of settings")
        group[last] = _from_yaml(change, value)
    return changed


def _from_yaml(change: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise BadInput(f"--set {change}: the value is not YAML") from None
