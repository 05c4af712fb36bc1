"""Which versions of a model are loaded, and which of them answers.

The highest version on the disk answers. Once a higher one is there, complete and loaded, requests
go to it; the one before stays loaded, so that taking the new folder away rolls back in a second or
two. A version is unloaded only when its last request has been answered, and the last one never.
"""

import asyncio
from dataclasses import dataclass, field

from dlkit.serving import versions
from dlkit.serving.protocol import RequestError, Signature

KEPT = 2  # versions loaded at a time: the one that answers and the one before it


@dataclass
class Loaded:
    """A version whose replicas are up. ``model`` is the engine's, ``in_flight`` its requests."""

    version: int
    model: object
    signature: Signature
    in_flight: int = 0

    def __enter__(self):
        self.in_flight += 1
        return self

    def __exit__(self, *_):
        self.in_flight -= 1


@dataclass
class Catalogue:
    """The versions below a folder.

    Args:
        base: as ``versions.find`` takes it.
        engine: has coroutines ``load(version, path)`` -> ``(model, signature)``, which raises
            ValueError for what is no model, and ``unload(model)``.
        say: takes a line of text for whoever runs the service.
    """

    base: str
    engine: object
    say: object
    loaded: dict = field(default_factory=dict)
    live: int | None = None
    loading: int | None = None
    failed: dict = field(default_factory=dict)  # version -> (stamp, reason)
    _stamps: dict = field(default_factory=dict)  # of new versions, at the last look

    async def start(self):
        """Load the highest version that can be loaded.

        Raises:
            ValueError: there is none; says why.
        """
        found = versions.find(self.base)
        for version in sorted(found, reverse=True):
            await self._load(version, found[version], versions.stamp(found[version]))
            if self.live is not None:
                return
        reasons = "; ".join(f"version {v}: {reason}" for v, (_, reason) in self.failed.items())
        raise ValueError(f"{self.base}: {reasons or 'no folder holds a model yet'}")

    async def watch(self, every):
        """Look at the disk again and again, every so many seconds, until cancelled."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.refresh()
            except Exception as error:  # the folder is gone, say: what is loaded goes on
                self.say_once(f"version {self.live} stays live: {error}")

    async def refresh(self):
        """Look at the disk once: load what is new and complete, go back from what is gone."""
        found = versions.find(self.base)
        stamps = {version: versions.stamp(path) for version, path in found.items()}
        usable = [
            version
            for version in sorted(found, reverse=True)
            if version in self.loaded or not self._has_failed(version, stamps[version])
        ]
        for version in usable:
            settled = self._stamps.get(version) == stamps[version]
            if version in self.loaded:
                self._go_live(version)
            elif settled:
                await self._load(version, found[version], stamps[version])
            if version in self.loaded:
                break
        self._stamps = stamps
        self.failed = {version: why for version, why in self.failed.items() if version in found}
        await self._unload_all_but(found)

    def _has_failed(self, version, stamp):
        return version in self.failed and self.failed[version][0] == stamp

    async def _load(self, version, path, stamp):
        self.loading = version
        try:
            model, signature = await self.engine.load(version, path)
        except ValueError as error:
            self.failed[version] = (stamp, str(error))
            self.say(f"version {version} cannot be loaded: {error}")
        else:
            self.failed.pop(version, None)
            self.loaded[version] = Loaded(version, model, signature)
            self._go_live(version)
        finally:
            self.loading = None

    def _go_live(self, version):
        if version != self.live:
            self.live = version
            self.say(f"version {version} is live")

    async def _unload_all_but(self, found):
        """Keep the live version, and below it the highest ones that are still on the disk."""
        lower = [v for v in sorted(self.loaded, reverse=True) if v < self.live and v in found]
        kept = {self.live, *lower[: KEPT - 1]}
        for version in sorted(set(self.loaded) - kept):
            gone = self.loaded.pop(version)  # from here on it gets no new request
            while gone.in_flight:
                await asyncio.sleep(0.02)
            await self.engine.unload(gone.model)
            self.say(f"version {version} is unloaded")

    def pick(self, version=None):
        """The ``Loaded`` that answers: of this number, or the live one.

        Raises:
            RequestError: 404, this version is not loaded.
        """
        number = self.live if version is None else version
        if number not in self.loaded:
            there = ", ".join(map(str, sorted(self.loaded)))
            raise RequestError(404, f"There is no version {number}; loaded are: {there}.")
        return self.loaded[number]

    def states(self):
        """``(version, state, error)`` for each version, the highest first."""
        found = {version: ("END", reason) for version, (_, reason) in self.failed.items()}
        if self.loading is not None:
            found[self.loading] = ("LOADING", "")
        found |= {version: ("AVAILABLE", "") for version in self.loaded}
        return [(version, *found[version]) for version in sorted(found, reverse=True)]

    def say_once(self, line):
        """Say a line, unless it was the last one said this way."""
        if line != getattr(self, "_said", None):
            self._said = line
            self.say(line)
