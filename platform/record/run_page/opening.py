"""How a person gets to a campaign's page: the command that serves it, and the addresses in it."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from evoskeleton.platform.record.mlflow_store import Store, without_secrets
from evoskeleton.platform.record.run_page.shared_view import TRAINING_TOOLS, place_of_view

_QUIET_SERVER = "MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"


@dataclass(frozen=True)
class Page:
    """How to look at a campaign.

    Attributes:
        command: that serves the page; None where a server does already.
        address: of the campaigns beside one another.
        campaign: address of one alone; None where that is not known.
    """

    command: str | None
    address: str
    campaign: str | None = None


def page_of(store: Store, experiment: str | None, run_id: str | None, port: int) -> Page:
    """The page of a campaign's run, or of all where one of the two is not known."""
    local = f"http://127.0.0.1:{port}"
    base = (without_secrets(store.uri) if store.is_server else local).rstrip("/")
    command = None if store.is_server else serve_command(store, port)
    if experiment is None:
        return Page(command, f"{base}/#/experiments{TRAINING_TOOLS}")
    alone = f"{base}/#/experiments/{experiment}/runs/{run_id}{TRAINING_TOOLS}"
    view = f"{base}/{place_of_view(experiment)}"
    return Page(command, view, None if run_id is None else alone)


def links_to(
    experiment: str, run_id: str, files: Sequence[str], version: tuple[str, int] | None
) -> str:
    """Markdown that leads to the files of a run and to its registered model.

    Args:
        experiment, run_id: of the run.
        files: that it keeps, by their places.
        version: name and number of the registered model.
    """
    place = f"#/experiments/{experiment}/runs/{run_id}/artifacts"
    pages_first = sorted(dict.fromkeys(files), key=lambda file: not file.endswith(".html"))
    found = [f"[{_title(file)}]({place}/{file}{TRAINING_TOOLS})" for file in pages_first]
    if version is not None:
        name, number = version
        place = f"#/models/{name}/versions/{number}{TRAINING_TOOLS}"
        found.insert(1, f"[{name}, version {number}]({place})")
    return f"Look at: {', '.join(found)}." if found else ""


def picture_of(run_id: str, file: str) -> str:
    """Markdown that shows a picture of a run in its description."""
    return f"![{_title(file)}](get-artifact?path={quote(file, safe='')}&run_uuid={run_id})"


def _title(file: str) -> str:
    if file.endswith(".html"):
        return f"{file}, everything on one page"
    return file.rpartition("/")[2].removesuffix(".png").replace("_", " ")


def serve_command(store: Store, port: int = 5000) -> str:
    """The command line that serves the pages of a local store, and tells nobody of it."""
    beside = Path(sys.executable).parent / "mlflow"
    program = str(beside) if beside.exists() else "mlflow"
    if beside.exists() and beside.is_relative_to(Path.cwd()):
        program = str(beside.relative_to(Path.cwd()))
    parts = [program, "server", "--backend-store-uri", store.uri]
    parts += ["--default-artifact-root", store.artifacts or "mlartifacts"]
    parts += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    return f"{_QUIET_SERVER} " + shlex.join(parts)
