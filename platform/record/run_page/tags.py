"""Tags of runs: short words for people; those for machines are hidden by MLflow's page.

The page shows no tag whose name begins with `mlflow.`. Earlier versions wrote the same names
without it; they are read all the same.
"""

from collections.abc import Mapping

_HIDDEN = "mlflow.evoskeleton."

CAMPAIGN, KEY, TRAINING = f"{_HIDDEN}campaign", f"{_HIDDEN}key", f"{_HIDDEN}training"
STOPPED, WEIGHTS, COMPLETE = f"{_HIDDEN}stopped", f"{_HIDDEN}weights", f"{_HIDDEN}complete"
RESULT_TOLD = f"{_HIDDEN}result"
KIND = f"{_HIDDEN}kind"
CLOSINGS = f"{_HIDDEN}closings"
MODEL, COMPARED = f"{_HIDDEN}model", f"{_HIDDEN}compared"
GIVEN, BEFORE = f"{_HIDDEN}given", f"{_HIDDEN}before"

PARENT, NAME, NOTE = "mlflow.parentRunId", "mlflow.runName", "mlflow.note.content"
COLOUR = "mlflow.runColor"

CHAMPION, CODE, MACHINE, GENERATIONS = "champion", "code", "machine", "generations"
"""For people: which training is champion, what was run, on what, and how many generations there
are, for the parameter of that keeps what was planned first."""


def earlier(name: str) -> str:
    """What earlier versions called a machine's tag."""
    return name.removeprefix("mlflow.")


def told(tags: Mapping[str, str], name: str) -> str | None:
    """The value of a machine's tag, whichever version wrote it."""
    return tags.get(name, tags.get(earlier(name)))
