"""The champion that is served, and where the next one comes from.

A source is asked from time to time. What it finds is loaded and runs its self-test before it takes
the place of the model that is served; whatever goes wrong, the old one stays.
"""

import asyncio
import logging
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import grpc

from evoskeleton.annotation.domain.rpc_errors import RpcError
from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import Lifter, load_bundle, read_description
from evoskeleton.lifting.conformal import radii_of
from evoskeleton.lifting.error_radii import CalibratedRadii

if TYPE_CHECKING:
    from evoskeleton.platform.record.registry import Registry, Version

LOG = logging.getLogger(__name__)

NO_CHAMPION = "the server waits for its first champion and lifts nothing yet"


@dataclass(frozen=True)
class ServedChampion:
    """A lifter that is ready to serve, and what is known of it.

    Attributes:
        lifter: has passed its self-test.
        name, version: in the registry; a folder's name and no version where there is none.
        weight_hash: SHA-256 in hex.
        errors_mm: measured errors by name, such as `mpjpe`.
        radii: error radii, where it was calibrated.
    """

    lifter: Lifter
    name: str
    version: str
    weight_hash: str
    errors_mm: Mapping[str, float]
    radii: CalibratedRadii | None


class ChampionSource(Protocol):
    """Where champions come from."""

    def look(self, held: ServedChampion | None) -> ServedChampion:
        """The champion of now: `held` itself where nothing has changed.

        Raises:
            BadInput: there is none, or it cannot be used.
        """
        ...


class BundleSource:
    """A bundle in a folder, which somebody may replace."""

    def __init__(self, path: Path | str) -> None:
        """`path` is the bundle's folder, or one of the two files in it."""
        path = Path(path)
        self._folder = path.parent if path.is_file() else path

    def look(self, held: ServedChampion | None) -> ServedChampion:
        """See `ChampionSource.look`."""
        if held and held.weight_hash == read_description(self._folder).get("weight_hash"):
            return held
        return read_champion(self._folder, self._folder.resolve().name)


class RegistrySource:
    """The version of a registered model that has the alias `champion`."""

    def __init__(
        self,
        registry: "Registry",
        name: str | None = None,
        otherwise: ChampionSource | None = None,
    ) -> None:
        """Look there.

        Args:
            registry: where champions are.
            name: of a registered model; none: the only one that there is.
            otherwise: who is asked as long as nothing is registered and no name is given.
        """
        self._registry = registry
        self._name = name
        self._otherwise = otherwise

    def look(self, held: ServedChampion | None) -> ServedChampion:
        """See `ChampionSource.look`."""
        if self._name is None and self._otherwise and not self._registry.list_models():
            return self._otherwise.look(held)
        name = self._name or self._only_model()
        version = self._champion(name)
        number = str(version.number)
        if held and (held.name, held.version) == (name, number):
            return held
        with tempfile.TemporaryDirectory(prefix="evoskeleton-") as folder:
            bundle = self._registry.fetch(name, version.number, folder)
            try:
                return read_champion(bundle, name, number, version.metrics)
            except BadInput as error:  # the folder is another one each time, the problem is not
                named = str(error).replace(str(bundle), f"{name} version {number}")
                raise BadInput(named) from None

    def _champion(self, name: str) -> "Version":
        from evoskeleton.platform.record.registry import CHAMPION

        for version in self._registry.model(name).versions:
            if CHAMPION in version.aliases:
                return version
        raise BadInput(f"model {name} has no version with the alias {CHAMPION}")

    def _only_model(self) -> str:
        names = [model.name for model in self._registry.list_models()]
        if len(names) != 1:
            there = f"there are {', '.join(names)}" if names else "none is registered yet"
            raise BadInput(f"--model should name a registered model: {there}")
        return names[0]


def read_champion(
    folder: Path, name: str, version: str = "", errors_mm: Mapping[str, float] | None = None
) -> ServedChampion:
    """A champion out of a bundle, after its self-test.

    Args:
        folder: of the bundle.
        name, version: what it is called.
        errors_mm: as it was registered; none: what its training record says of the validation.

    Raises:
        BadInput: the bundle is damaged, or its self-test fails.
    """
    lifter = load_bundle(folder)
    description = read_description(folder)
    measured = errors_mm or description.get("training", {}).get("validation") or {}
    return ServedChampion(
        lifter=lifter,
        name=name,
        version=version,
        weight_hash=str(description["weight_hash"]),
        errors_mm={key: float(value) for key, value in measured.items() if _is_error(key, value)},
        radii=radii_of(description),
    )


def _is_error(name: str, value: Any) -> bool:
    return "mpjpe" in name and isinstance(value, int | float) and math.isfinite(value)


class Champions:
    """The champion that is served; replaced between two batches.

    Attributes:
        held: the champion of the moment; None as long as the first is waited for.
        problem: why the source's last champion was not taken; empty where it was.
    """

    def __init__(self, source: ChampionSource, wait: bool = False) -> None:
        """Load the first champion, or leave that to `watch`.

        Args:
            source: of all champions.
            wait: a source that has none yet is asked until it has.

        Raises:
            BadInput: there is none, or it cannot be used, and nobody waits.
        """
        self._source = source
        self._lock = asyncio.Lock()
        self._there = asyncio.Event()
        self.problem = ""
        self.held = None if wait else source.look(None)

    @property
    def current(self) -> ServedChampion:
        """The champion of the moment.

        Raises:
            RpcError: UNAVAILABLE, the first is waited for.
        """
        if self.held is None:
            raise RpcError(grpc.StatusCode.UNAVAILABLE, NO_CHAMPION)
        return self.held

    async def first(self) -> None:
        """Wait until there is a champion."""
        if self.held is None:
            await self._there.wait()

    async def refresh(self) -> bool:
        """Ask the source now; whether another champion is served afterwards.

        Raises:
            BadInput: what the source has cannot be used; the champion stays.
        """
        async with self._lock:
            found = await asyncio.to_thread(self._source.look, self.held)
            changed = found is not self.held
            self.held = found
            self._there.set()
        if changed:
            what = {"name": found.name, "version": found.version, "weights": found.weight_hash}
            LOG.info("another champion", extra={"fields": what})
        return changed

    async def watch(self, seconds: float) -> None:
        """Ask the source every so many seconds, for ever; each new problem is logged once.

        The first champion is asked for at once, where there is none yet.
        """
        while True:
            if self.held is not None:
                await asyncio.sleep(seconds)
            await self._look()
            if self.held is None:
                await asyncio.sleep(seconds)

    async def _look(self) -> None:
        outcome = "no champion yet" if self.held is None else "the champion stays"
        try:
            await self.refresh()
            self.problem = ""
        except BadInput as error:
            if self._is_new(error):
                LOG.warning(outcome, extra={"fields": {"problem": str(error)}})
        except Exception as error:
            if self._is_new(error):
                LOG.exception(outcome)

    def _is_new(self, error: Exception) -> bool:
        """Whether this is another problem than that of the last time."""
        what = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
        before, self.problem = self.problem, what
        return self.problem != before
