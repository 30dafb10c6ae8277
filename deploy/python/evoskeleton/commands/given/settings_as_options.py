"""Options of a command made from settings: names, help and defaults stand in the settings alone."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args

import typer
from pydantic import BaseModel

ENVIRONMENT = {"annotations_url": "EVOSKELETON_ANNOTATIONS_URL"}
"""Settings whose value may be a secret: it should not stand on a command line."""

Given = Mapping[str, str | Path | None]
"""What a user gave for each of the settings, or its default."""


def with_options(
    model: type[BaseModel], names: Sequence[str]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each of the named settings of a class.

    The command takes them together as its first argument, a dictionary by name. A text that a
    user leaves empty is none, where the setting may be none.
    """

    optional = [name for name in names if _may_be_none(model, name)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        parameters = [*own, *(_parameter(model, name) for name in names)]

        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            given = {name: arguments.pop(name) for name in names}
            for name in optional:
                given[name] = given[name] or None
            command(given, **arguments)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        del run.__wrapped__
        return run

    return decorate


def option(model: type[BaseModel], name: str) -> Any:
    """The option of a setting: its name, help, and an environment variable where it has one."""
    return typer.Option(
        f"--{name.replace('_', '-')}",
        help=model.model_fields[name].description,
        envvar=ENVIRONMENT.get(name),
    )


def _may_be_none(model: type[BaseModel], name: str) -> bool:
    return NoneType in get_args(model.model_fields[name].annotation)


def _parameter(model: type[BaseModel], name: str) -> inspect.Parameter:
    field = model.model_fields[name]
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default,
        annotation=Annotated[field.annotation, option(model, name)],
    )
