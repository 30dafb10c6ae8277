"""Commands that should be refused, as a person at a terminal meets it."""

import pytest

from evoskeleton.cli import main


def refused(capsys, *arguments: object) -> str:
    """Run a command that should be refused; what it said."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr().err
    assert exit_.value.code == 2
    assert "Traceback" not in said
    return " ".join(said.split())
