"""The champions of all campaigns, and detectors, in MLflow's model registry.

Each campaign has a registered model of its own name, versions are lifter bundles (safetensors +
JSON, never a pickle), and an alias, `champion`, says which version is in use. A version is known by
its weights: the same weights are registered once. A registered model holds bundles of one kind;
detectors are marked by a tag, and what has none holds lifters.
"""

import contextlib
import functools
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from evoskeleton.errors import BadInput
from evoskeleton.platform.record.metric_names import model_name
from evoskeleton.platform.record.mlflow_store import (
    Store,
    TrackingSettings,
    one_line,
    without_secrets,
)
from evoskeleton.platform.record.run_page.experiment_page import describe_experiment
from evoskeleton.platform.record.run_page.logged_lifter import keep_files, link_version, model_of
from evoskeleton.platform.record.run_page.tags import BEFORE, GIVEN, KEY, KIND, WEIGHTS, told

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

__all__ = ["CHAMPION", "LIFTERS", "Kind", "ModelVersions", "Registry", "Version", "model_name"]

P = ParamSpec("P")
T = TypeVar("T")

CHAMPION = "champion"
REMEMBERED = 50
"""How many earlier holders of an alias are remembered."""


@dataclass(frozen=True)
class Version:
    """One registered bundle; `metrics` by name, as they were registered."""

    number: int
    weights: str
    run_id: str | None
    aliases: tuple[str, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelVersions:
    """One registered model and its versions, newest first."""

    name: str
    versions: tuple[Version, ...]


def weights_of(bundle: Path | str) -> str:
    """The weight hash that a bundle says it has; `lifting.bundle.load_bundle` checks it.

    Raises:
        BadInput: the folder holds no bundle.
    """
    from evoskeleton.lifting.bundle import MODEL_FILE, read_description

    description = read_description(bundle)
    if not (Path(bundle) / MODEL_FILE).is_file():
        raise BadInput(f"bundle {bundle} has no {MODEL_FILE}")
    return str(description.get("weight_hash", ""))


def expect_whole(bundle: Path | str) -> None:
    """What is registered may be served: the bundle of a lifter should open.

    Raises:
        BadInput: the folder holds no bundle, or one that is damaged.
    """
    from evoskeleton.lifting.bundle import load_bundle

    weights_of(bundle)
    load_bundle(bundle)


class Kind(NamedTuple):
    """What a registered model holds.

    Attributes:
        name: of one.
        about: of a new registered model, for whoever looks at MLflow's page.
        weights_of: the weight hash that a bundle's folder says it has; BadInput where it is none.
    """

    name: str
    about: str
    weights_of: Callable[[Path | str], str]


LIFTERS = Kind("lifter", "2D-to-3D lifters of one campaign; see the alias champion.", weights_of)


def _in_one_sentence(method: Callable[P, T]) -> Callable[P, T]:
    """What MLflow raises, as one sentence."""

    @functools.wraps(method)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return method(*arguments, **named)
        except BadInput:
            raise
        except Exception as error:  # MLflow, its database driver and its HTTP client raise anything
            store: Store = arguments[0]._store  # type: ignore[attr-defined]
            where = without_secrets(store.uri)
            raise BadInput(f"MLflow at {where} cannot be used: {one_line(error)}") from error

    return call


class Registry:
    """The model registry of one MLflow store, as far as it holds bundles of one kind."""

    def __init__(self, settings: TrackingSettings, home: Path | str, kind: Kind = LIFTERS) -> None:
        self._store = Store(settings, home)
        self._kind = kind

    @_in_one_sentence
    def register(
        self,
        bundle: Path | str,
        name: str,
        metrics: Mapping[str, float],
        run_id: str,
        alias: str = CHAMPION,
        description: str | None = None,
    ) -> int:
        """Register a bundle once, and give it the alias when it is new.

        A bundle whose weights are registered under this name already keeps its version, and the
        alias stays where it is, so that a campaign that is resumed does not undo a rollback; files
        of it that are gone are put back.

        Args:
            bundle: folder of the bundle.
            name: registered model, see `model_name`.
            metrics: what the version is worth, such as `mpjpe` in mm.
            run_id: run that made it; its artifacts hold the bundle from now on.
            alias: what the version is in use as.
            description: what it is worth, in words; none: the metrics.

        Returns:
            The version's number.

        Raises:
            BadInput: the folder holds no bundle, or one that is damaged.
        """
        weights = self._kind.weights_of(bundle)
        if self._kind is LIFTERS:
            expect_whole(bundle)
        self._make_model(name)
        found = self._by_weights(name, weights)
        if found is None:
            found = self._create(Path(bundle), name, metrics, run_id, weights, description)
        elif self._lacks_files(found, Path(bundle)):
            self._put_back(found, Path(bundle), run_id, weights)
        number = int(found.version)
        if (model := model_of(self._store.client(), run_id, weights)) is not None:
            link_version(self._store.client(), model, name, number)
        if told(found.tags, GIVEN) != alias:
            self._move(name, number, alias)
            self._store.client().set_model_version_tag(name, str(number), GIVEN, alias)
        return number

    @_in_one_sentence
    def name_for(self, name: str, key: str) -> str:
        """The name under which a campaign registers: its own, or a longer one where it is taken.

        Homes that share a server may hold campaigns of one name, and neither moves the alias of
        the other.

        Args:
            name: see `model_name`.
            key: what names the campaign for good.
        """
        self._make_model(name)
        owner = self._model(name).tags.get(KEY)
        if owner is None:
            self._store.client().set_registered_model_tag(name, KEY, key)
        return name if owner in (None, key) else f"{name}-{key[:6]}"

    @_in_one_sentence
    def list_models(self) -> list[ModelVersions]:
        """All registered models of this kind, by name."""
        return [] if self._store.is_absent() else [self.model(name) for name in self._names()]

    @_in_one_sentence
    def model(self, name: str) -> ModelVersions:
        """One registered model.

        Raises:
            BadInput: no model has this name.
        """
        holders = self._model(name).aliases
        versions = [_version(found, holders) for found in self._versions(name)]
        return ModelVersions(name, tuple(sorted(versions, key=lambda v: -v.number)))

    @_in_one_sentence
    def promote(self, name: str, version: int | str, alias: str = CHAMPION) -> int:
        """Give the alias to a version; the one that had it is remembered for `rollback`.

        Raises:
            BadInput: no such model, version or alias.
        """
        number = self._number(name, version)
        self._move(name, number, alias)
        self._tell_page()
        return number

    @_in_one_sentence
    def rollback(self, name: str, alias: str = CHAMPION) -> int:
        """Give the alias back to the version that had it before; returns that version.

        Raises:
            BadInput: no such model, or nothing had the alias before.
        """
        model = self._model(name)
        now = model.aliases.get(alias)
        known = {int(found.version) for found in self._versions(name)}
        before = [n for n in _before(model, alias) if n in known]
        while before and now is not None and before[-1] == int(now):
            before.pop()
        if not before:
            raise BadInput(f"model {name} has no earlier {alias} to go back to")
        number = before.pop()
        self._store.client().set_registered_model_alias(name, alias, str(number))
        self._remember(name, alias, before)
        self._tell_page()
        return number

    @_in_one_sentence
    def number(self, name: str, version: int | str = CHAMPION) -> int:
        """The number of a version that is named by number or alias.

        Raises:
            BadInput: no such model, version or alias.
        """
        return self._number(name, version)

    @_in_one_sentence
    def fetch(
        self, name: str, version: int | str = CHAMPION, into: Path | str | None = None
    ) -> Path:
        """The folder of a registered bundle, ready for `load_bundle` of its kind.

        Args:
            name: registered model.
            version: number or alias.
            into: folder that the bundle is copied to; none: the store's own folder where it is on
                this machine, else a temporary one.

        Raises:
            BadInput: no such model, version or alias, or its files are gone.
        """
        number = self._number(name, version)
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        source = self._store.client().get_model_version(name, str(number)).source
        if into is not None:
            Path(into).mkdir(parents=True, exist_ok=True)
        try:
            folder = Path(
                download_artifacts(
                    artifact_uri=source,
                    dst_path=None if into is None else str(into),
                    tracking_uri=self._store.uri,
                )
            )
        except (MlflowException, OSError) as error:
            reason = one_line(error)
            raise BadInput(f"the files of {name} version {number} are gone: {reason}") from None
        try:
            self._kind.weights_of(folder)
        except BadInput as error:  # the folder may be another one each time, the problem is not
            raise BadInput(str(error).replace(str(folder), f"{name} version {number}")) from None
        return folder

    def _make_model(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        tags = {} if self._kind is LIFTERS else {KIND: self._kind.name}
        try:
            self._store.client().create_registered_model(name, tags, self._kind.about)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            self._model(name)

    def _create(
        self,
        bundle: Path,
        name: str,
        metrics: Mapping[str, float],
        run_id: str,
        weights: str,
        description: str | None,
    ) -> "ModelVersion":
        client = self._store.client()
        model = model_of(client, run_id, weights)
        if model is None:
            place = self._keep(bundle, run_id, weights)
            source = f"{client.get_run(run_id).info.artifact_uri}/{place}"
        else:
            source = str(model.artifact_location)
        figures = {key: float(value) for key, value in metrics.items()}
        return client.create_model_version(
            name,
            source=source,
            run_id=run_id,
            model_id=None if model is None else model.model_id,
            tags={WEIGHTS: weights} | {key: f"{value:.6g}" for key, value in figures.items()},
            description=description or _description(figures),
        )

    def _lacks_files(self, found: "ModelVersion", bundle: Path) -> bool:
        from mlflow.artifacts import list_artifacts
        from mlflow.exceptions import MlflowException

        there: list[Any] = []
        with contextlib.suppress(MlflowException, OSError):
            there = list_artifacts(artifact_uri=found.source, tracking_uri=self._store.uri) or []
        wanted = {path.name for path in bundle.iterdir()}
        return not wanted <= {Path(file.path).name for file in there}

    def _put_back(self, found: "ModelVersion", bundle: Path, run_id: str, weights: str) -> None:
        """The files of a version that was registered before."""
        client = self._store.client()
        model = model_of(client, run_id, weights)
        if model is not None and str(found.source) == str(model.artifact_location):
            keep_files(client, model, bundle)
            return
        root = client.get_run(found.run_id).info.artifact_uri
        place = str(found.source).removeprefix(f"{root}/")
        client.log_artifacts(str(found.run_id), str(bundle), place)

    def _keep(self, bundle: Path, run_id: str, weights: str) -> str:
        """Where the run keeps the bundle, which is put there if it is not yet."""
        client = self._store.client()
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(BadInput):
            if client.list_artifacts(run_id, "bundle"):
                copy = client.download_artifacts(run_id, "bundle", folder)
                if self._kind.weights_of(copy) == weights:
                    return "bundle"
        client.log_artifacts(run_id, str(bundle), f"bundles/{weights[:12]}")
        return f"bundles/{weights[:12]}"

    def _move(self, name: str, number: int, alias: str) -> None:
        """Remember who has the alias, then move it: a kill in between does no harm."""
        model = self._model(name)
        now = model.aliases.get(alias)
        if now is not None and int(now) == number:
            return
        if now is not None:
            self._remember(name, alias, [*_before(model, alias), int(now)])
        self._store.client().set_registered_model_alias(name, alias, str(number))

    def _tell_page(self) -> None:
        """The page of the campaigns says which versions are served."""
        with contextlib.suppress(Exception):  # the alias has moved, whatever the page says
            found = self._store.known_experiment()
            if self._kind is LIFTERS and found is not None:
                describe_experiment(self._store.client(), found)

    def _remember(self, name: str, alias: str, before: list[int]) -> None:
        text = json.dumps(before[-REMEMBERED:])
        self._store.client().set_registered_model_tag(name, f"{BEFORE}.{alias}", text)

    def _by_weights(self, name: str, weights: str) -> "ModelVersion | None":
        found = [v for v in self._versions(name) if told(v.tags, WEIGHTS) == weights]
        return min(found, key=lambda v: int(v.version)) if found else None

    def _versions(self, name: str) -> list["ModelVersion"]:
        quoted = name.replace("'", "")
        return _all_pages(self._store.client().search_model_versions, f"name='{quoted}'")

    def _model(self, name: str) -> "RegisteredModel":
        if self._store.is_absent():
            raise BadInput(f"no registered model is called {name}: none is registered yet")
        from mlflow.exceptions import MlflowException

        try:
            found = self._store.client().get_registered_model(name)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
        else:
            if (kind := _kind(found)) != self._kind.name:
                raise BadInput(f"the registered model {name} is a {kind}, not a {self._kind.name}")
            return found
        names = self._names()
        known = f"there are {', '.join(names)}" if names else "none is registered yet"
        raise BadInput(f"no registered model is called {name}: {known}")

    def _names(self) -> list[str]:
        """Registered models of this kind."""
        there = _all_pages(self._store.client().search_registered_models)
        return sorted(found.name for found in there if _kind(found) == self._kind.name)

    def _number(self, name: str, version: int | str) -> int:
        """The number of a version that is named by number or alias."""
        model = self._model(name)
        numbers = sorted(int(found.version) for found in self._versions(name))
        wanted = model.aliases.get(str(version), version)
        if str(wanted).isdigit() and int(wanted) in numbers:
            return int(wanted)
        known = [*map(str, numbers), *sorted(model.aliases)]
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise BadInput(f"model {name} has no version or alias {version}: {has}")


def _all_pages(search: Any, *arguments: str) -> list[Any]:
    page = search(*arguments)
    found = list(page)
    while page.token:
        page = search(*arguments, page_token=page.token)
        found += page
    return found


def _kind(model: "RegisteredModel") -> str:
    return str(model.tags.get(KIND, LIFTERS.name))


def _before(model: "RegisteredModel", alias: str) -> list[int]:
    return [int(number) for number in json.loads(told(model.tags, f"{BEFORE}.{alias}") or "[]")]


def _version(found: "ModelVersion", holders: Mapping[str, Any]) -> Version:
    number = int(found.version)
    metrics = {
        name: float(text)
        for name, text in found.tags.items()
        if "evoskeleton." not in name and _is_number(text)
    }
    aliases = tuple(sorted(alias for alias, holder in holders.items() if int(holder) == number))
    return Version(number, told(found.tags, WEIGHTS) or "", found.run_id or None, aliases, metrics)


def _is_number(text: str) -> bool:
    """People may tag versions too, with words."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _description(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
