"""Which versions of a model are loaded, and which of them is live.

The highest version on the disk is live. Once a higher one is there, complete and loaded, requests
go to it; the one before stays loaded, so that taking the new folder away rolls back in a second or
two. A version is unloaded only when its last request has been served, and the last one never.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dlkit.serving import versions
from dlkit.serving.protocol import RequestError, Signature

NOT_LOADED = "It cannot be loaded; the service's log says why."
MAX_LOADED = 2  # versions loaded at a time: the live one and the one before it


class Model(Protocol):
    """One version, running in an engine."""

    signature: Signature

    async def predict(self, array: np.ndarray) -> tuple[np.ndarray, int]:
        """Examples, batch first -> ``(predictions, size of the batch or 0)``."""

    async def ping(self) -> None:
        """Return when a replica has given a sign of life."""


class Engine(Protocol):
    """What runs models."""

    async def load(self, version: int, path: Path) -> Model:
        """Load a model; ValueError if it is none."""

    async def unload(self, model: Any) -> None:
        """End one of its own."""


@dataclass
class LoadedVersion:
    """A version whose replicas are up; in a ``with`` block it counts as in use."""

    version: int
    model: Model
    in_flight: int = 0

    def __enter__(self) -> "LoadedVersion":
        self.in_flight += 1
        return self

    def __exit__(self, *_) -> None:
        self.in_flight -= 1

    @property
    def signature(self) -> Signature:
        """The input and output of the model."""
        return self.model.signature

    async def predict(self, array: np.ndarray) -> tuple[np.ndarray, int]:
        """Examples, batch first -> ``(predictions, size of the batch or 0)``."""
        return await self.model.predict(array)

    async def ping(self) -> None:
        """Return when a replica has given a sign of life. The caller sets the time limit."""
        await self.model.ping()


@dataclass
class VersionManager:
    """Loads and unloads the versions below a folder.

    Args:
        base: as ``versions.find_versions`` takes it.
        engine: an ``Engine``.
        log: takes a line of text for whoever runs the service.
        any_form: whether a new version may take or give other shapes or dtypes than the live one.
    """

    base: str | Path
    engine: Engine
    log: Callable[[str], None]
    any_form: bool = False
    loaded: dict[int, LoadedVersion] = field(default_factory=dict)
    live: int | None = None
    loading: int | None = None
    failed: dict[int, tuple] = field(default_factory=dict)  # version -> (fingerprint, reason)
    _fingerprints: dict[int, tuple] = field(default_factory=dict)  # on the disk, at the last look
    _last_problem: str = ""

    async def start(self) -> None:
        """Load the highest version that can be loaded.

        Raises:
            ValueError: there is none; says why.
        """
        on_disk = versions.find_versions(self.base)
        for version in sorted(on_disk, reverse=True):
            path = on_disk[version]
            await self._load(version, path, versions.fingerprint(path))
            if self.live is not None:
                return
        reasons = "; ".join(f"version {v}: {reason}" for v, (_, reason) in self.failed.items())
        raise ValueError(f"{self.base}: {reasons or 'no folder holds a model yet'}")

    async def watch(self, interval: float) -> None:
        """Look at the disk again and again, every so many seconds, until cancelled."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.refresh()
            except Exception as error:  # the folder is gone, say: what is loaded goes on
                problem = f"version {self.live} stays live: {error}"
                if problem != self._last_problem:  # said once, not at every look
                    self._last_problem = problem
                    self.log(problem)

    async def refresh(self) -> None:
        """Look at the disk once: load what is new and complete, go back from what is gone."""
        on_disk = versions.find_versions(self.base)
        fingerprints = {version: versions.fingerprint(path) for version, path in on_disk.items()}
        candidates = [
            version
            for version in sorted(on_disk, reverse=True)
            if version in self.loaded or not self._has_failed(version, fingerprints[version])
        ]
        for version in candidates:
            unchanged = self._fingerprints.get(version) == fingerprints[version]
            if version in self.loaded:
                self._go_live(version)
            elif unchanged:
                await self._load(version, on_disk[version], fingerprints[version])
            if version in self.loaded:
                break
        self._fingerprints = fingerprints
        self.failed = {version: why for version, why in self.failed.items() if version in on_disk}
        if self.live is not None:
            await self._unload_superseded(self.live, on_disk)

    def _has_failed(self, version: int, fingerprint: tuple) -> bool:
        return version in self.failed and self.failed[version][0] == fingerprint

    async def _load(self, version: int, path: Path, fingerprint: tuple) -> None:
        self.loading = version
        try:
            versions.check_model(path)
            model = await self.engine.load(version, path)
            await self._check_form(model)
        except (ValueError, OSError) as error:
            self.failed[version] = (fingerprint, str(error))
            self.log(f"version {version} cannot be loaded: {error}")
        else:
            self.failed.pop(version, None)
            self.loaded[version] = LoadedVersion(version, model)
            self._go_live(version)
        finally:
            self.loading = None

    async def _check_form(self, model: Model) -> None:
        """Refuse, and unload, what the clients of the live version could not use."""
        if self.live is None or self.any_form:
            return
        now, new = self.loaded[self.live].signature.form(), model.signature.form()
        if now != new:
            await self.engine.unload(model)
            raise ValueError(
                f"it computes {new}, and version {self.live}, which is live, {now}: its clients "
                "could not go on; start the service with --allow-new-shapes if that is meant"
            )

    def _go_live(self, version: int) -> None:
        if version != self.live:
            self.live = version
            self.log(f"version {version} is live")

    async def _unload_superseded(self, live: int, on_disk: Iterable[int]) -> None:
        """Keep the live version, and below it the highest ones that are still on the disk."""
        lower = [v for v in sorted(self.loaded, reverse=True) if v < live and v in on_disk]
        keep = {live, *lower[: MAX_LOADED - 1]}
        for version in sorted(set(self.loaded) - keep):
            superseded = self.loaded.pop(version)  # from here on it gets no new request
            while superseded.in_flight:
                await asyncio.sleep(0.02)
            await self.engine.unload(superseded.model)
            self.log(f"version {version} is unloaded")

    def get(self, version: int | None = None) -> LoadedVersion:
        """The loaded version of this number, or the live one.

        Raises:
            RequestError: 404, this version is not loaded.
        """
        number = self.live if version is None else version
        if number is None or number not in self.loaded:
            available = ", ".join(map(str, sorted(self.loaded)))
            raise RequestError(404, f"There is no version {number}; loaded are: {available}.")
        return self.loaded[number]

    def states(self) -> list[tuple[int, str, str]]:
        """``(version, state, error)`` for each version, the highest first; for clients.

        What went wrong is in the log: it may name folders of this machine.
        """
        states = {version: ("END", NOT_LOADED) for version in self.failed}
        if self.loading is not None:
            states[self.loading] = ("LOADING", "")
        states |= {version: ("AVAILABLE", "") for version in self.loaded}
        return [(version, *states[version]) for version in sorted(states, reverse=True)]
