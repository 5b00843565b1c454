"""The data streams that are running now, and how they are cut at once when access to them ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

WATCH_SECONDS = 5.0
_DISCARD = struct.pack("ii", 1, 0)
"""SO_LINGER without time: what the kernel has not sent yet (megabytes, for a slow reader) is dropped, not delivered."""

Permitted = Callable[[], Awaitable[bool]]


class StreamCut(ConnectionResetError):
    """Access ended while the stream ran: its connection is gone."""


class Running:
    """One response under way: its status (0 until it begins) and the body's bytes handed to the operating system."""

    def __init__(self, transport: asyncio.Transport, task: asyncio.Task[object]) -> None:
        self.transport = transport
        self.status = 0
        self.sent = 0
        self.was_cut = False
        self._task = task

    def cut(self) -> None:
        """End the response now, also while it waits for a slow reader.

        The task is cancelled first: a pending `sendfile` must leave the event loop while its socket is still open.
        """
        if not self.was_cut:
            self.was_cut = True
            self._task.cancel()
            connection = self.transport.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
            self.transport.abort()

    def uncancel(self) -> bool:
        """Take back the cancellation that `cut` made; tell whether it was the only one."""
        return self.was_cut and self._task.uncancel() == 0


class Streams:
    """All running streams of a process, by key: a grant's id, as consumer a transfer's. For one event loop.

    Args:
        watch_seconds: how often a stream that lasts is asked whether it is still permitted.
    """

    def __init__(self, *, watch_seconds: float = WATCH_SECONDS) -> None:
        self._seconds = watch_seconds
        self._running: defaultdict[Hashable, set[Running]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(map(len, self._running.values()))

    def cut(self, keys: Iterable[Hashable]) -> int:
        """Abort the connections of every stream with one of these keys, at once; return how many there were."""
        found = [running for key in keys for running in self._running.get(key, ())]
        for running in found:
            running.cut()
        if found:
            log.info("streams cut: count=%s", len(found))
        return len(found)

    @asynccontextmanager
    async def running(
        self, key: Hashable, transport: asyncio.Transport | None, still_permitted: Permitted | None = None
    ) -> AsyncIterator[Running]:
        """Register the response that the current task sends over a transport.

        Args:
            key: what `cut` names.
            transport: the connection; nothing if it is already lost.
            still_permitted: asked every `watch_seconds`; no, or an error, cuts the stream.

        Raises:
            StreamCut: the stream was cut, or the connection was lost before it began.
        """
        task = asyncio.current_task()
        if transport is None or task is None:
            raise StreamCut
        running = Running(transport, task)
        watch = _Watch(running, still_permitted, self._seconds)
        self._running[key].add(running)
        try:
            yield running
        except asyncio.CancelledError:
            if running.uncancel():
                raise StreamCut from None
            raise
        finally:
            watch.stop()
            self._running[key].discard(running)
            if not self._running[key]:
                del self._running[key]


class _Watch:
    """Asks from time to time whether a stream may go on; a short one never costs more than a timer."""

    def __init__(self, running: Running, still_permitted: Permitted | None, seconds: float) -> None:
        self._running = running
        self._permitted = still_permitted
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._begin) if still_permitted is not None else None

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        if await self._may_go_on():
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._begin)
        else:
            log.info("stream no longer permitted: sent=%s", self._running.sent)
            self._running.cut()

    async def _may_go_on(self) -> bool:
        try:
            return self._permitted is None or await self._permitted()
        except Exception:
            log.exception("access could not be checked, so the stream ends")
            return False
