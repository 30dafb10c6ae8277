"""A detector's training as a run in MLflow, found again by a training that goes on.

The record is an outlet: where MLflow does not answer, that is told once and the training goes on.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evoskeleton.errors import BadInput
from evoskeleton.files import write_text
from evoskeleton.platform.record.mlflow_run import Point, Run, numeric
from evoskeleton.platform.record.mlflow_store import (
    Store,
    TrackingSettings,
    one_line,
    without_secrets,
)

_HELD_OUT = "held_out_"


class DetectorRun:
    """The run of one training."""

    def __init__(
        self,
        settings: TrackingSettings,
        home: Path | str,
        name: str,
        kept: Path,
        tell: Callable[[str], None],
    ) -> None:
        """Nothing is written yet.

        Args:
            settings: where MLflow is.
            home: folder of the store where none is named.
            name: of the detector.
            kept: file that says which run it is, for a training that goes on.
            tell: gets the sentence of an MLflow that does not answer.
        """
        self._settings, self._home, self._name = settings, home, name
        self._kept, self._tell = kept, tell
        self._store: Store | None = None
        self._run: Run | None = None
        self._gone = not settings.enabled

    @property
    def id(self) -> str | None:
        """MLflow's id of the run; none where MLflow does not answer."""
        return None if self._gone or self._run is None else self._run.id

    def start(self, words: Mapping[str, Any]) -> None:
        """Open the run, with settings as its parameters."""
        self._try(lambda: self._open().write_settings(words))

    def log(self, row: Mapping[str, float]) -> None:
        """Write a point of the curve; one that is there already stays."""
        step = int(row["step"])
        points = [Point(metric_of(name), step, value) for name, value in numeric(row)]
        self._try(lambda: self._open().write(p for p in points if p.name))

    def finish(self, summary: Mapping[str, float], step: int) -> None:
        """Write the last numbers and close the run."""

        def write() -> None:
            run = self._open()
            run.write(Point(f"final/{name}", step, value) for name, value in numeric(summary))
            assert self._store is not None
            self._store.client().set_terminated(run.id)

        self._try(write)

    def _open(self) -> Run:
        if self._run is None:
            self._store = Store(self._settings, self._home)
            client = self._store.client()
            known = self._kept.read_text().strip() if self._kept.is_file() else ""
            if not known:
                tags = {"type": "detector training"}
                experiment = self._store.experiment()
                info = client.create_run(experiment, run_name=self._name, tags=tags).info
                known = str(info.run_id)
                write_text(self._kept, known)
            self._run = Run(client, known)
        return self._run

    def _try(self, write: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            write()
        except Exception as error:  # MLflow, its database driver and its HTTP client raise anything
            self._gone = True
            self._tell(f"MLflow cannot be used, the training goes on without: {one_line(error)}")


def keeping_run(settings: TrackingSettings, home: Path | str, name: str) -> str:
    """The id of a new and finished run that keeps the files of a detector made elsewhere.

    Raises:
        BadInput: MLflow cannot be used.
    """
    store = Store(settings, home)
    try:
        tags = {"type": "detector registration"}
        client, experiment = store.client(), store.experiment()
        run = client.create_run(experiment, run_name=name, tags=tags)
        client.set_terminated(run.info.run_id)
    except Exception as error:  # MLflow, its database driver and its HTTP client raise anything
        where = without_secrets(store.uri)
        raise BadInput(f"MLflow at {where} cannot be used: {one_line(error)}") from None
    return str(run.info.run_id)


def metric_of(name: str) -> str:
    """MLflow's name of a column of the curve; empty for the step itself."""
    if name == "step":
        return ""
    if name.startswith(_HELD_OUT):
        return f"validation/{name.removeprefix(_HELD_OUT)}"
    return f"training/{name}"
