"""Settings are data: frozen pydantic models whose mistakes are reported in one sentence.

Every folder derives its own settings from `Settings`; unknown names are refused with the nearest
known one.
"""

import copy
import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from evoskeleton.errors import BadInput
from evoskeleton.settings_reference import filled_in, known_names, place_of
from evoskeleton.yaml_text import load_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


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
    return f"setting {where}: {_problem(first)}"


_Context = Mapping[str, Any]

_WHOLE, _NUMBER = "input should be a whole number", "input should be a number"
_BY_NAME, _LIST = "input should be settings by name", "input should be a list"

_WORDS: dict[str, str] = {
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _NUMBER,
    "bool_parsing": "input should be true or false",
    "bool_type": "input should be true or false",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _BY_NAME,
    "model_type": _BY_NAME,
    "model_attributes_type": _BY_NAME,
    "path_type": "input should be a path",
}

_WORDS_OF: dict[str, Callable[[_Context], str]] = {
    "union_tag_invalid": lambda known: (
        f"{_tag(known)} should be one of {_listed(known['expected_tags'])}, got {known['tag']!r}"
    ),
    "union_tag_not_found": lambda known: f"it should say its {_tag(known)}",
    "too_short": lambda known: (
        f"input should have {known['min_length']} or more entries, it has {known['actual_length']}"
    ),
    "too_long": lambda known: (
        f"input should have at most {known['max_length']} entries, it has {known['actual_length']}"
    ),
}
"""Sentences that say what came by themselves."""


def _problem(error: "ErrorDetails") -> str:
    """One of pydantic's errors as the end of a sentence: what was wanted, and what came."""
    kind, value = error["type"], error["input"]
    if kind in _WORDS_OF:
        return _WORDS_OF[kind](error.get("ctx", {}))
    if kind == "string_type" and isinstance(value, int | float):
        return f"input should be text, got {value!r}: write it in quotes"
    wanted = _WORDS.get(kind) or _uncapitalised(error["msg"].removeprefix("Value error, "))
    untold = kind == "missing" or isinstance(value, Mapping)
    return wanted if untold else f"{wanted}, got {value!r}"


def _uncapitalised(message: str) -> str:
    return message[:1].lower() + message[1:]


def _tag(known: _Context) -> str:
    return str(known["discriminator"]).strip("'")


def _listed(tags: str) -> str:
    return tags.replace("'", "")


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
        data = load_yaml(path.read_text())
    except OSError as error:
        raise BadInput(f"settings file {path}: {error.strerror}") from None
    except BadInput as error:
        raise BadInput(f"settings file {path}: {error}") from None
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
        return load_yaml(text)
    except yaml.YAMLError:
        raise BadInput(f"--set {change}: the value is not YAML") from None
