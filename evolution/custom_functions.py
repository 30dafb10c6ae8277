"""Functions of one's own, named "module:function": found, given what they ask for, checked.

An own function gets populations first and everything else by name: of what is on offer (`draws`,
`settings`, `templates`), it gets what its parameters name. It has to keep to three rules, and is
refused in a sentence where it does not: its arguments are left as they were, what it returns has
the form of what it got, and numbers are finite.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

import torch
from pydantic import BaseModel
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.settings import validated


def resolve(name: str) -> Callable[..., Any]:
    """The function that "module:function" names.

    Raises:
        BadInput: it has another form, is absent, or cannot be called.
    """
    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        raise BadInput(f"an operator should be named as module:function, got {name}")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise BadInput(f"operator {name}: {error}") from None
    found = getattr(module, attribute, None)
    if found is None:
        raise BadInput(f"operator {name}: {module_name} holds no {attribute}")
    if not callable(found):
        raise BadInput(f"operator {name} should be a function, got {type(found).__name__}")
    return found  # type: ignore[no-any-return]  # callable, whatever it is


def asked_for(function: Callable[..., Any], offered: Mapping[str, object]) -> dict[str, object]:
    """What a function's parameters name of what is on offer; all of it where it takes `**`."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # a built-in one does not say
        return {name: value for name, value in offered.items() if name == "draws"}
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {name: value for name, value in offered.items() if takes_all or name in parameters}


def own_settings(
    name: str, function: Callable[..., Any], options: Mapping[str, object]
) -> BaseModel | dict[str, object]:
    """Options as a function wants them: by the pydantic class of its parameter `settings`.

    Args:
        name: of the function, for the sentence.
        function: whose parameter `settings` may be annotated with a pydantic class.
        options: plain values by name.

    Returns:
        An object of that class; the options themselves where there is none.

    Raises:
        BadInput: an option is unknown or not allowed, or the function takes no settings.
    """
    if options and not asked_for(function, {"settings": None}):
        raise BadInput(f"operator {name} takes no settings, got {', '.join(options)}")
    kind = _hints(function).get("settings")
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return dict(options)
    unknown = sorted(options.keys() - kind.model_fields.keys())
    if unknown and kind.model_config.get("extra", "ignore") == "ignore":
        raise BadInput(f"operator {name}: unknown setting {unknown[0]}")
    try:
        return validated(kind, options)
    except BadInput as error:
        raise BadInput(f"operator {name}: {error}") from None


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of a function; none where they name what is not there at run time."""
    try:
        return get_type_hints(function)
    except (NameError, TypeError):
        return {}


@dataclass(frozen=True)
class OwnFunction:
    """An own operator with all that it asks for but the populations and their draws.

    Attributes:
        name: "module:function".
        function: what it names.
        given: settings and templates, as far as its parameters name them.
        takes_draws: whether its parameters name `draws`.
    """

    name: str
    function: Callable[..., Any]
    given: Mapping[str, object]
    takes_draws: bool

    @classmethod
    def bound(cls, name: str, offered: Mapping[str, object]) -> "OwnFunction":
        """The function of that name, with what it asks for of what is on offer beside `draws`.

        Raises:
            BadInput: it cannot be had, see `resolve`.
        """
        function = resolve(name)
        given = asked_for(function, {**offered, "draws": None})
        takes_draws = "draws" in given
        given.pop("draws", None)
        return cls(name, function, given, takes_draws)

    def __call__(self, *populations: Genomes, draws: Draws) -> object:
        """What the function returns.

        Raises:
            BadInput: it changed an argument in place.
        """
        lent = [value for value in self.given.values() if isinstance(value, Genomes)]
        before = [(bodies, bodies.map(Tensor.clone)) for bodies in (*populations, *lent)]
        chance = {"draws": draws} if self.takes_draws else {}
        result = self.function(*populations, **chance, **self.given)
        if not all(_same_bits(now, then) for now, then in before):
            raise BadInput(
                f"operator {self.name} should leave its arguments as they were, "
                f"but changed one in place"
            )
        return result


def _same_bits(now: Genomes, then: Genomes) -> bool:
    pairs = ((getattr(now, part.name), getattr(then, part.name)) for part in fields(Genomes))
    return all(torch.equal(a.view(torch.int32), b.view(torch.int32)) for a, b in pairs)


def expect_genomes(name: str, found: object, like: Genomes) -> Genomes:
    """What an own operator returned, where it is as many bodies of finite numbers.

    Raises:
        BadInput: another type, another shape, numbers that are not finite, bones without length.
    """
    if not isinstance(found, Genomes):
        raise BadInput(f"operator {name} should return Genomes, got {type(found).__name__}")
    for part in fields(Genomes):
        _expect_array(f"{part.name} that operator {name} returns", found, like, part.name)
    if not bool((found.lengths > 0).all()):
        raise BadInput(f"operator {name} should return lengths above 0 mm, got others")
    return found


def _expect_array(what: str, found: Genomes, like: Genomes, part: str) -> None:
    array, model = getattr(found, part), getattr(like, part)
    if array is model:
        return
    if not isinstance(array, Tensor):
        raise BadInput(f"{what} should be a tensor, got {type(array).__name__}")
    if array.shape != model.shape or array.dtype != model.dtype:
        raise BadInput(
            f"{what} should be {tuple(model.shape)} {_kind(model)}, "
            f"got {tuple(array.shape)} {_kind(array)}"
        )
    if not bool(array.isfinite().all()):
        raise BadInput(f"{what} should be finite numbers, got inf or nan")


def _kind(array: Tensor) -> str:
    return str(array.dtype).removeprefix("torch.")


def expect_pairs(
    name: str, found: object, like: tuple[Genomes, Genomes]
) -> tuple[Genomes, Genomes]:
    """Daughters and sons that an own crossover returned.

    Raises:
        BadInput: it returned anything else.
    """
    if not (isinstance(found, tuple | list) and len(found) == 2):
        raise BadInput(
            f"operator {name} should return daughters and sons, got {type(found).__name__}"
        )
    daughters, sons = (expect_genomes(name, *pair) for pair in zip(found, like, strict=True))
    return daughters, sons


def expect_scores(name: str, found: object, bodies: int) -> Tensor:
    """Scores (bodies,) float that an own objective returned; NaN: not known.

    Raises:
        BadInput: another type or shape.
    """
    if not (isinstance(found, Tensor) and found.is_floating_point()):
        raise BadInput(f"objective {name} should return a tensor of floats, got {_type(found)}")
    if found.shape != (bodies,):
        raise BadInput(f"objective {name} should return ({bodies},), got {tuple(found.shape)}")
    return found


def _type(found: object) -> str:
    return _kind(found) if isinstance(found, Tensor) else type(found).__name__
