"""Watching the home's `policies/` folder: events of the kernel, no polling (docs/adr/0011).

Editors save in several steps: they write a file beside it and rename it over, or empty it and write it again. So nothing is
read before a file has been closed, and before nothing more has happened to any of them for a moment.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connector import clock
from connector.services import policyfiles
from connector.services.house import House

if TYPE_CHECKING:
    from asyncinotify import Inotify

log = logging.getLogger(__name__)
QUIET_SECONDS: Final = 0.2
LONGEST_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 5.0


@dataclass(slots=True)
class Changes:
    """What has happened since files were last taken.

    Attributes:
        ready: files that were closed, renamed or removed. writing: files that somebody has open and has changed.
        everything: look at all of them: events were lost, or links were moved.
    """

    ready: set[str] = field(default_factory=set)
    writing: set[str] = field(default_factory=set)
    everything: bool = False

    def note(self, name: str, *, written: bool) -> None:
        """Note that a file is being written (`written` false) or has been changed completely."""
        if name.startswith(".."):
            self.everything = True  # a folder that is mounted from a volume changes all of its files by moving one link
        elif policy := policy_of(name):
            (self.writing.discard if written else self.writing.add)(name)
            if written:
                self.ready.add(policy)

    def take(self) -> set[str]:
        """Return the policies that can be read now, and forget them."""
        held = {policy_of(name) for name in self.writing}
        found = {name for name in self.ready if name not in held}
        self.ready -= found
        return found


def policy_of(name: str) -> str | None:
    """Return the policy file that a file belongs to: itself, or the one that it has cases for."""
    if name.startswith("."):
        return None
    if name.endswith(policyfiles.CASES):
        return name.removesuffix(policyfiles.CASES) + ".json"
    return name if name.endswith(".json") else None


@dataclass(slots=True)
class Watch:
    """One task that sleeps until the kernel tells of a change in the folder."""

    house: House
    _changes: Changes = field(default_factory=Changes)
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin: every file is looked at once, for it may have changed while nobody watched."""
        self._changes.everything = True
        self._stirred.set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            events = await asyncio.to_thread(_open, self.house.home / policyfiles.FOLDER)
        except (ImportError, OSError) as error:
            self._lost(_reason(error))
            await self._take()
            return
        with events:
            self.house.files.unwatched = None
            await self._listen(events)
        self._lost("folder_gone")

    def _lost(self, reason: str) -> None:
        self.house.files.unwatched = reason
        log.warning("changes of policy files are not noticed before the next start: reason=%s", reason)

    async def _listen(self, events: Inotify) -> None:
        told = asyncio.get_running_loop().create_task(self._hear(events))
        told.add_done_callback(lambda _done: self._stirred.set())
        try:
            while not told.done():
                await self._stirred.wait()
                await self._quiet()
                await self._take()
        finally:
            told.cancel()
            await asyncio.gather(told, return_exceptions=True)

    async def _hear(self, events: Inotify) -> None:
        """Note events until the folder is gone."""
        from asyncinotify import Mask  # noqa: PLC0415 - only where there is inotify

        async for event in events:
            if event.mask & (Mask.IGNORED | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT):
                return
            if event.mask & Mask.Q_OVERFLOW:
                self._changes.everything = True
            elif event.name is not None:
                self._changes.note(str(event.name), written=not event.mask & Mask.MODIFY)
            self._stirred.set()

    async def _quiet(self) -> None:
        """Wait until nothing has happened for a moment, or for as long as anybody should wait."""
        end = clock.monotonic() + LONGEST_SECONDS
        while (left := end - clock.monotonic()) > 0:
            self._stirred.clear()
            try:
                async with asyncio.timeout(min(QUIET_SECONDS, left)):
                    await self._stirred.wait()
            except TimeoutError:
                return

    async def _take(self) -> None:
        names = self._changes.take()
        if self._changes.everything:
            self._changes.everything = False
            names |= set(await asyncio.to_thread(policyfiles.names, self.house.home))
        try:
            again = await policyfiles.reload(self.house, sorted(names))
        except Exception:
            # One file that cannot be dealt with must not keep the others from being taken.
            log.exception("policy files met a fault of ours: report this line")
            again = set()
        if again:
            self._changes.ready |= again
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._stirred.set)


def _open(folder: Path) -> Inotify:
    """Return the events of a folder, which is made where it is missing. Raises OSError, ImportError."""
    from asyncinotify import Inotify, Mask  # noqa: PLC0415 - only where there is inotify

    folder.mkdir(exist_ok=True)
    done = Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE | Mask.CREATE
    events = Inotify()
    try:
        events.add_watch(folder, done | Mask.MODIFY | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR)
    except OSError:
        events.close()
        raise
    return events


def _reason(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "no_inotify"
    return errno.errorcode.get(error.errno or 0, "EIO") if isinstance(error, OSError) else type(error).__name__
