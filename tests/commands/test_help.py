"""The help of every command: each has examples, and every example is a line that parses."""

import shlex
from collections.abc import Iterator

import pytest
import typer
from rich.cells import cell_len

from evoskeleton.cli import app
from evoskeleton.commands.examples import EXAMPLES

WIDTH = 80
PROGRAM = typer.main.get_command(app)


def commands(group=PROGRAM, above: str = "") -> Iterator[tuple[str, object]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield above + name, command


def parse(words: list[str]) -> str:
    """Parse a line as the program does, without running it; the name of its command."""
    command, context, name = PROGRAM, None, []
    while hasattr(command, "commands"):
        name.append(words.pop(0))
        command = command.commands[name[-1]]
    context = command.make_context(name[-1], words)
    context.close()
    return " ".join(name)


def test_every_command_has_examples():
    assert set(EXAMPLES) == {name for name, _ in commands()}


@pytest.mark.parametrize("line", sorted({line for lines in EXAMPLES.values() for line in lines}))
def test_an_example_parses(line):
    words = shlex.split(line.partition(" > ")[0])
    assert parse(words) in EXAMPLES
    assert cell_len(f" evoskeleton {line} ") <= WIDTH


@pytest.mark.parametrize("name", EXAMPLES)
def test_some_examples_are_of_the_command_itself(name):
    assert any(line.startswith(name) for line in EXAMPLES[name])


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_everything_a_command_takes_is_described(name, command):
    assert command.help
    for parameter in command.params:
        assert parameter.help and len(parameter.help) > 8, f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_stand_in_the_help_as_they_are_typed(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    with pytest.raises(SystemExit):
        app([*name.split(), "--help"])
    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "Examples" in said
    assert {f"evoskeleton {line}" for line in EXAMPLES[name]} <= set(said)
