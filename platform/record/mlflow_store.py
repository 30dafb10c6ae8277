"""Where MLflow keeps its record: the settings, and the one client that everything here uses.

MLflow is imported on first use only (seconds), after the environment says what it may do: no
telemetry, no unpickling, no search for a git program, and short waits for a server that is down.
"""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from evoskeleton.errors import BadInput
from evoskeleton.files import local_folder, scratch_beside
from evoskeleton.platform.record.moved_home import ARTIFACTS, put_right
from evoskeleton.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

STORES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")

DATABASE = "mlflow.db"

KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tag of an experiment by which MLflow's page shows runs and models, not its tools for language
models."""

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Set whatever the user's environment says."""

_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"

DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    _TIMEOUT: "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Set where the user's environment says nothing."""


_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class TrackingSettings(Settings):
    """Where MLflow keeps the record of campaigns."""

    enabled: bool = Field(True, description="write to MLflow at all")
    uri: str | None = Field(
        None,
        description="MLflow server or database, such as http://mlflow:5000 or "
        "postgresql://host/mlflow; none: the file mlflow.db in the home folder",
    )
    artifacts: str | None = Field(
        None,
        description="folder or URI of figures and models of a new experiment; none: the folder "
        "mlartifacts in the home folder, or what the server says",
    )
    experiment: str = Field(
        "evoskeleton", min_length=1, description="name of the MLflow experiment"
    )

    user: bool = Field(
        True, description="record the name of the user who runs a campaign, as MLflow does"
    )

    system_metrics: bool = Field(
        True, description="record how busy processors, memory, network and GPUs of all nodes are"
    )

    @field_validator("uri")
    @classmethod
    def _known_store(cls, uri: str | None) -> str | None:
        if uri is None or re.split(r"[+:]", uri)[0] in STORES and "://" in uri:
            return uri
        raise ValueError(f"should start with one of {', '.join(STORES)} and ://")


class Store:
    """One MLflow store: a database and a folder beside it, or a server.

    Attributes:
        uri: what MLflow calls the tracking URI.
    """

    def __init__(self, settings: TrackingSettings, home: Path | str) -> None:
        self._home = local_folder(home, "home")
        self._settings = settings
        self._client: MlflowClient | None = None
        self.uri = _with_driver(settings.uri or f"sqlite:///{self._home / DATABASE}")

    @property
    def is_server(self) -> bool:
        """Whether a server answers for the store, rather than this process."""
        return self.uri.startswith("http")

    @property
    def artifacts(self) -> str | None:
        """URI of the artifacts of a new experiment; none: the server decides."""
        named = self._settings.artifacts
        if named is not None:
            return named if "://" in named else Path(named).expanduser().resolve().as_uri()
        return None if self.is_server else (self._home / ARTIFACTS).as_uri()

    def is_absent(self) -> bool:
        """Whether the store is a file in the home folder that nothing was ever written to."""
        return self._settings.uri is None and not (self._home / DATABASE).exists()

    def client(self) -> "MlflowClient":
        """MLflow's client, opened once; the first touch of a new database takes seconds."""
        if self._client is None:
            prepare_environment()
            from mlflow import MlflowClient

            if self.is_absent():
                self._make_database()
            elif self._settings.uri is None:
                put_right(self._home / DATABASE)
            self._client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        return self._client

    def _make_database(self) -> None:
        """The file in the home folder, with all its tables or not at all.

        MLflow makes them one by one, and a database that lacks some is refused for ever.
        """
        from mlflow import MlflowClient

        with scratch_beside(self._home / DATABASE) as made:
            MlflowClient(tracking_uri=f"sqlite:///{made}").search_experiments(max_results=1)
            try:
                os.link(made, self._home / DATABASE)
            except FileExistsError:
                pass  # another campaign was faster
            except OSError:  # a file system without links
                made.rename(self._home / DATABASE)

    def experiment(self) -> str:
        """The id of the experiment, made where it is absent."""
        name = self._settings.experiment
        found = self.client().get_experiment_by_name(name)
        if found is None:
            return str(self.client().create_experiment(name, self.artifacts, KIND))
        if found.lifecycle_stage == "deleted":
            self.client().restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def known_experiment(self) -> str | None:
        """The id of the experiment, where it is there."""
        found = self.client().get_experiment_by_name(self._settings.experiment)
        there = found is not None and found.lifecycle_stage != "deleted"
        return str(found.experiment_id) if there else None


def _with_driver(uri: str) -> str:
    """A PostgreSQL database by a driver that is installed, where the address names none.

    Raises:
        BadInput: there is none.
    """
    if not uri.startswith("postgresql://") or find_spec("psycopg") is not None:
        return uri
    if find_spec("pg8000") is None:
        raise BadInput(
            "tracking.uri: PostgreSQL wants a driver: install evoskeleton with the extra `cluster`"
        )
    return uri.replace("postgresql://", "postgresql+pg8000://", 1)


def prepare_environment() -> None:
    """Tell MLflow what it may do; to be called before it is imported."""
    os.environ.update(ENVIRONMENT)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    _ask_no_proxy_for_this_machine()


def _ask_no_proxy_for_this_machine() -> None:
    """A proxy that the environment names knows nothing of a server on this machine."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [name.strip() for name in known.split(",") if name.strip()]
    names += [name for name in _THIS_MACHINE if name not in names]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(names)


def without_secrets(text: str) -> str:
    """The same text with user and password taken out of every URI in it."""
    return re.sub(r"(://)[^/@\s]+@", r"\1", text)


def one_line(error: Exception) -> str:
    """What an error says, short and without secrets; of a system error only its own words."""
    if system := re.search(r"\[Errno -?\d+\] ([^'\")\]:]+)", str(error)):
        return system[1].strip()
    if re.search(r"[Tt]imed? ?out", str(error)):
        return f"no answer within {os.environ.get(_TIMEOUT, DEFAULTS[_TIMEOUT])} seconds"
    if re.search(r"NameResolutionError|Failed to resolve|getaddrinfo", str(error)):
        return "nobody knows a machine of that name"
    text = without_secrets(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= 160 else f"{text[:159]}…"
