"""One MLflow run to which every parameter and every point is written once.

A point is named by (metric, step). What a run holds is asked once and then remembered; after an
error it is asked again, because a request that failed may still have been carried out.
"""

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from evoskeleton.platform.record.mlflow_store import without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_POINTS, MAX_PARAMS = 1000, 100
MAX_NAME, MAX_PARAM, MAX_TAG = 250, 6000, 8000
"""MLflow's limits: entries in one request, and characters of names, parameters and tags."""

NOT_SET = "none"
"""What is said of a setting that has no value."""

SECRET_GROUPS = ("storage_options",)
"""Groups of settings that hold keys and passwords; their values are never recorded."""


class Point(NamedTuple):
    """One value of one metric; `at_ms` since 1970, none: now."""

    name: str
    step: int
    value: float
    at_ms: int | None = None


class Run:
    """One run, new or found again."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self.id = run_id
        self._client = client
        self._written: set[tuple[str, int]] | None = None

    def write(self, points: Iterable[Point]) -> int:
        """Write the points that the run lacks, in one request up to 1,000; returns how many."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        missing = {(p.name, p.step): p for p in points if (p.name, p.step) not in self._known()}
        try:
            for part in _parts(missing.values(), MAX_POINTS):
                metrics = [Metric(p.name, _short(p.value), p.at_ms or now, p.step) for p in part]
                self._client.log_batch(self.id, metrics=metrics)
        except BaseException:
            self._written = None
            raise
        self._known().update(missing)
        return len(missing)

    def _known(self) -> set[tuple[str, int]]:
        if self._written is None:
            names = self._client.get_run(self.id).data.metrics
            history = (self._client.get_metric_history(self.id, name) for name in names)
            self._written = {(m.key, m.step) for metrics in history for m in metrics}
        return self._written

    def lacks(self, name: str, step: int) -> bool:
        """Whether a metric has no point at a step."""
        return (name, step) not in self._known()

    def write_settings(
        self, settings: Mapping[str, Any], groups: Mapping[str, str] | None = None
    ) -> dict[str, tuple[str, str]]:
        """Settings as parameters. One that changed since keeps its first value, as MLflow demands;
        the new value becomes the tag `now.<name>`.

        Args:
            settings: plain values, in groups.
            groups: in words, by name, those that another run may lack: where it says `none`, these
                should say something too, for MLflow's pages take a parameter that is not there for
                different, or for no difference.

        Returns:
            Parameters that do not say what holds now: their first value and that of now.
        """
        from mlflow.entities import Param, RunTag

        data = self._client.get_run(self.id).data
        flat = flatten(settings) | {name: _text(words) for name, words in (groups or {}).items()}
        new = [Param(name, value) for name, value in flat.items() if name not in data.params]
        for part in _parts(new, MAX_PARAMS):
            self._client.log_batch(self.id, params=part)
        differing = {
            name: (first, now)
            for name, first in data.params.items()
            if (now := flat.get(name, NOT_SET)) != first
        }
        told = {n.removeprefix("now."): v for n, v in data.tags.items() if n.startswith("now.")}
        wanted = {name: flat.get(name, NOT_SET) for name in told.keys() | differing.keys()}
        tags = [RunTag(f"now.{n}", v) for n, v in wanted.items() if told.get(n) != v]
        for part in _parts(tags, MAX_PARAMS):
            self._client.log_batch(self.id, tags=part)
        return differing

    def tag(self, tags: Mapping[str, Any]) -> None:
        """Set tags, in one request; a tag whose value is None is left alone."""
        from mlflow.entities import RunTag

        wanted = [RunTag(k, str(v)[:MAX_TAG]) for k, v in tags.items() if v is not None]
        self._client.log_batch(self.id, tags=wanted)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings as dotted names and texts, within MLflow's limits and without secrets."""
    flat: dict[str, str] = {}
    for name, value in settings.items():
        dotted = re.sub(r"[^\w\-. :/]", "_", f"{prefix}{name}")[:MAX_NAME]
        if name in SECRET_GROUPS:
            flat[dotted] = "not recorded" if value else NOT_SET
        elif isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[dotted] = _text(value)
    return flat


def optional_groups(settings: BaseModel, prefix: str = "") -> dict[str, str]:
    """Groups of settings that are there and need not be, in words by their dotted names."""
    found: dict[str, str] = {}
    for name, about in type(settings).model_fields.items():
        group = getattr(settings, name)
        if not isinstance(group, BaseModel):
            continue
        if about.default is None:
            given = flatten(group.model_dump(mode="json", exclude_defaults=True))
            words = ", ".join(f"{part} {value}" for part, value in given.items())
            found[f"{prefix}{name}"] = words or "as by default"
        found |= optional_groups(group, f"{prefix}{name}.")
    return found


def _text(value: Any) -> str:
    text = NOT_SET if value is None or value in ({}, [], ()) else str(public_settings(value))
    return text if len(text) <= MAX_PARAM else text[: MAX_PARAM - 1] + "…"


def public_settings(settings: Any) -> Any:
    """The same tree of plain values without secrets, to be kept as YAML."""
    if isinstance(settings, Mapping):
        return {
            name: "not recorded" if name in SECRET_GROUPS and value else public_settings(value)
            for name, value in settings.items()
        }
    if isinstance(settings, (list, tuple)):
        return [public_settings(value) for value in settings]
    return _without_folders(without_secrets(settings)) if isinstance(settings, str) else settings


def _without_folders(text: str) -> str:
    """An absolute path as its last name: what comes before says who works where, and no more."""
    return Path(text).name if text.startswith(("/", "~", "file:/")) else text


def numeric(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The entries of a record that can be drawn as a curve."""
    for name, value in record.items():
        if isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value):
            yield name, float(value)


def _short(value: float) -> float:
    """Seven digits: more are noise on a page; whole numbers stay as they are."""
    number = float(value)
    return number if number.is_integer() or not math.isfinite(number) else float(f"{number:.7g}")


def _parts(items: Iterable[Any], size: int) -> Iterator[Sequence[Any]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
