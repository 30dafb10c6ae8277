"""What settings there are: their names, types, defaults, bounds and descriptions.

Read out of the pydantic models themselves, so that what is printed is what is checked. Groups are
models within models: also optional ones (`X | None`), those in tuples, lists and dictionaries, and
unions of several, of which a literal field such as `kind` chooses one. An item of a list, and the
free name in a dictionary, is written `*` in a dotted name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ITEM = "*"
"""Stands in a dotted name for the place in a list, or for a name of one's own."""


@dataclass(frozen=True)
class Setting:
    """One setting, in words.

    Attributes:
        name: dotted, from the root of the settings.
        type: such as `number`, `[text, ...]`, `one of a, b`; `group` where it holds settings.
        default: as written in a settings file; `required` where there is none, and nothing where
            it is that of the settings within.
        allowed: bounds of the value, or empty.
        description: what it does; led by the kinds that know it, where not every kind does.
    """

    name: str
    type: str
    default: str
    allowed: str
    description: str


@dataclass(frozen=True)
class Group:
    """Settings that stand side by side.

    Attributes:
        name: dotted; empty for the root.
        title: first sentence of what the settings class says of itself.
        settings: in the order of the class.
        models: the classes, several where a setting such as `kind` chooses one.
        same_as: name of an earlier group of the same settings and defaults, or None.
    """

    name: str
    title: str
    settings: tuple[Setting, ...]
    models: tuple[type[BaseModel], ...] = field(repr=False)
    same_as: str | None = None


def groups(model: object) -> list[Group]:
    """All groups of a settings class, or of a union of several, each before those within it."""
    found: list[Group] = []
    seen: dict[tuple[Any, ...], str] = {}
    _, models = models_in(model)
    instance = _default_instance(models[0]) if len(models) == 1 else None
    for group in _walk(models, "", instance):
        key = (group.models, tuple((s.type, s.default) for s in group.settings))
        first = seen.setdefault(key, group.name)
        same_as = None if first == group.name else first
        found.append(Group(group.name, group.title, group.settings, group.models, same_as))
    return found


def known_names(model: type[BaseModel]) -> list[str]:
    """Dotted names of all settings of a class, those of groups within groups included."""
    return list(_names((model,), ""))


def filled_in(name: str, place: Sequence[str]) -> str:
    """A dotted name with the items and own names that a place has where the name has `*`."""
    parts = name.split(".")
    taken = [there if part == ITEM else part for part, there in zip(parts, place, strict=False)]
    return ".".join(taken + parts[len(taken) :])


def place_of(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Where an error lies, as a user wrote it: without what pydantic calls members of unions."""
    place: list[str] = []
    here: list[Any] = [model]
    rest = list(location)
    while rest:
        members = [member for annotation in here for member in _members(annotation)]
        if len(members) > 1:
            tagged = [member for member in members if str(rest[0]) in _labels(member)]
            here, rest = tagged or members, rest[1:]
            if not tagged and not any(_inner(member, "") for member in members):
                break
            if not rest:
                break
            members = here
        part, rest = rest[0], rest[1:]
        place.append(str(part))
        here = [inner for member in members for inner in _inner(member, str(part))]
    return place


def models_in(annotation: Any) -> tuple[str, tuple[type[BaseModel], ...]]:
    """The settings classes within a type, and what leads to them: nothing, or `.*` an item."""
    for member in _members(annotation):
        if _is_model(member):
            return "", tuple(m for m in _members(annotation) if _is_model(m))
        for item in _items(member):
            path, models = models_in(item)
            if models:
                return f".{ITEM}{path}", models
    return "", ()


def _walk(
    models: tuple[type[BaseModel], ...], name: str, instance: BaseModel | None
) -> Iterator[Group]:
    prefix = f"{name}." if name else ""
    settings = tuple(_settings(models, prefix, instance))
    yield Group(name, _title(models), settings, models)
    seen = set()
    for field_name, info in _fields(models):
        path, inner = models_in(info.annotation)
        if inner and field_name not in seen:
            seen.add(field_name)
            value = getattr(instance, field_name, None)
            if not isinstance(value, BaseModel):
                value = _default_instance(inner[0]) if len(inner) == 1 else None
            yield from _walk(inner, prefix + field_name + path, value)


def _names(models: tuple[type[BaseModel], ...], prefix: str) -> Iterator[str]:
    seen = set()
    for name, info in _fields(models):
        if name in seen:
            continue
        seen.add(name)
        yield prefix + name
        path, inner = models_in(info.annotation)
        yield from _names(inner, f"{prefix}{name}{path}.")


def _fields(models: tuple[type[BaseModel], ...]) -> Iterator[tuple[str, FieldInfo]]:
    for model in models:
        yield from model.model_fields.items()


def _settings(
    models: tuple[type[BaseModel], ...], prefix: str, instance: BaseModel | None
) -> Iterator[Setting]:
    """Settings of a group; what only some of its classes know says of which kinds it is."""
    known: dict[tuple[str, str], list[type[BaseModel]]] = {}
    for model in models:
        for name, info in model.model_fields.items():
            known.setdefault((name, info.description or ""), []).append(model)
    listed = set()
    for (name, description), owners in known.items():
        info = owners[0].model_fields[name]
        if _is_choice(models, name):
            if name not in listed:
                listed.add(name)
                yield _choice(models, prefix, name)
            continue
        kinds = "" if len(owners) == len(models) else f"{', '.join(map(_kinds, owners))}: "
        yield Setting(
            prefix + name,
            type_in_words(info),
            _default(info, instance, name),
            _allowed(info.metadata),
            kinds + description,
        )


def _is_choice(models: tuple[type[BaseModel], ...], name: str) -> bool:
    """Whether a setting tells classes of a union apart."""
    return len(models) > 1 and name == _discriminator(models[0])


def _discriminator(model: type[BaseModel]) -> str:
    """The first literal setting without which its class cannot be."""
    for name, info in model.model_fields.items():
        if get_origin(info.annotation) is Literal:
            return name
    return next(iter(model.model_fields))


def _choice(models: tuple[type[BaseModel], ...], prefix: str, name: str) -> Setting:
    described = next(
        (text for model in models if (text := model.model_fields[name].description)), ""
    )
    kinds = [_kinds(model) for model in models if name in model.model_fields]
    return Setting(prefix + name, f"one of {', '.join(kinds)}", "required", "", described)


def _kinds(model: type[BaseModel]) -> str:
    """The values of its literal setting; for a class of one's own kinds, its description's."""
    annotation = model.model_fields[_discriminator(model)].annotation
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, get_args(annotation)))
    return "module:function"


def _labels(member: Any) -> set[str]:
    """What pydantic may call a member of a union in an error's location."""
    if not _is_model(member):
        return {getattr(member, "__name__", str(member))}
    return {member.__name__, *_kinds(member).split(", ")}


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _members(annotation: Any) -> list[Any]:
    """The types of which a value may be, without None; unions and `Annotated` are opened."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [] if annotation in (None, NoneType) else [annotation]


def _items(annotation: Any) -> list[Any]:
    """The types of what a list, tuple or dictionary holds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None or origin is Literal:
        return []
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return [arguments[1]]
    return [part for part in arguments if part is not Ellipsis]


def _inner(annotation: Any, part: str) -> list[Any]:
    """The type below a part of a location: of a field, or of an item."""
    if _is_model(annotation):
        info = annotation.model_fields.get(part)
        return [] if info is None else [info.annotation]
    return _items(annotation)


def _title(models: tuple[type[BaseModel], ...]) -> str:
    text = (_shared_base(models).__doc__ or "").strip()
    return " ".join(text.split("\n\n")[0].split())


def _shared_base(models: tuple[type[BaseModel], ...]) -> type[BaseModel]:
    """The nearest class from which all of them come."""
    return next(base for base in models[0].__mro__ if all(issubclass(m, base) for m in models))


def _default_instance(model: type[BaseModel]) -> BaseModel | None:
    if any(info.is_required() for info in model.model_fields.values()):
        return None
    try:
        return model()
    except ValidationError:  # something has to be given, though no single setting has to
        return None


_WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path"}


def type_in_words(info: FieldInfo) -> str:
    """The type of a setting for a reader who does not write Python."""
    return _in_words(info.annotation)


def _in_words(annotation: Any) -> str:
    members = _members(annotation)
    words = "group" if any(map(_is_model, members)) else " or ".join(map(_one_in_words, members))
    return f"{words} or none" if _may_be_none(annotation) else words


def _may_be_none(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _may_be_none(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(map(_may_be_none, get_args(annotation)))
    return annotation in (None, NoneType)


def _one_in_words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(map(written, arguments))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"{{name: {_in_words(arguments[1])}}}"
    if origin is not None:
        many = len(arguments) == 1 or Ellipsis in arguments
        items = [_in_words(part) for part in arguments if part is not Ellipsis]
        return f"[{', '.join(items)}{', ...' if many else ''}]"
    return _WORDS.get(annotation, "any" if annotation is Any else annotation.__name__)


def _default(info: FieldInfo, instance: BaseModel | None, name: str) -> str:
    if instance is not None:
        value = getattr(instance, name)
    else:
        value = info.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ""
    return "required" if value is PydanticUndefined else written(value)


def written(value: object) -> str:
    """A value as it stands in a settings file, but `none` for null."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {written(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(written(item) for item in value) + "]"
    if value == 2**63:
        return "2^63"
    return f"{value:g}" if isinstance(value, float) else str(value) or "''"


_BOUNDS = (
    (annotated_types.Ge, "ge", "at least"),
    (annotated_types.Gt, "gt", "more than"),
    (annotated_types.Le, "le", "at most"),
    (annotated_types.Lt, "lt", "less than"),
)


def _allowed(metadata: Sequence[Any]) -> str:
    """Bounds in words."""
    said = [
        f"{words} {written(getattr(bound, name))}"
        for kind, name, words in _BOUNDS
        for bound in metadata
        if isinstance(bound, kind)
    ]
    for bound in metadata:
        if isinstance(bound, annotated_types.MinLen):
            said.append("not empty" if bound.min_length == 1 else f"length {bound.min_length} up")
        if isinstance(bound, annotated_types.MaxLen):
            said.append(f"length {bound.max_length} at most")
        if pattern := getattr(bound, "pattern", None):
            said.append(f"as {pattern}")
    return ", ".join(said)
