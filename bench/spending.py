"""Where a process's CPU time goes: chosen functions are timed by their thread's own clock, each without those it calls."""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any
from unittest import mock

from sqlalchemy import Connection

from connector import loader
from connector.evidence import document
from connector.identity import tokens
from connector.protocol import messages
from connector.services import negotiation, permission
from connector.store import journal

_REST = "the rest: HTTP, event loop, services"
_STORE_REST = "the rest of the store's threads: services, rows, queue"
_PARTS: Mapping[str, tuple[tuple[Any, str], ...]] = {
    "tokens: make": ((tokens, "mint"),),
    "tokens: verify": ((tokens, "verify"), (tokens, "peek_issuer")),
    "JSON: read strictly": ((loader, "loads"),),
    "messages: check and digest": ((messages, "read"),),
    "policy: compare and decide": ((permission, "verdict"), (negotiation, "differences"), (document, "faults")),
    "journal: digest and link": ((journal, "prepare"), (journal, "insert_entries")),
    "statements": ((Connection, "execute"), (Connection, "exec_driver_sql")),
}
_STORE_THREADS = ("store-write", "store-read")


class Spending:
    """Times the parts from `start` to `stop`. Each part is without the parts that it calls."""

    def __init__(self) -> None:
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._in_store: float = 0.0
        self._within = threading.local()
        self._patches = ExitStack()
        self._before: dict[int, float] = {}
        self._began = 0.0

    def start(self) -> None:
        """Begin."""
        for part, places in _PARTS.items():
            for owner, name in places:
                timed = self._timed(part, getattr(owner, name))
                self._patches.enter_context(mock.patch.object(owner, name, timed))
        self._before, self._began = _store_seconds(), time.process_time()

    def stop(self) -> dict[str, float]:
        """End and return CPU seconds by part."""
        whole = time.process_time() - self._began
        store = sum(seconds - self._before.get(ident, 0.0) for ident, seconds in _store_seconds().items())
        self._patches.close()
        parts, known = dict(self._spent), sum(self._spent.values())
        return parts | {_STORE_REST: store - self._in_store, _REST: whole - store - (known - self._in_store)}

    def _timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def timed(*args: Any, **named: Any) -> Any:
            outer, began = getattr(self._within, "inner", 0.0), time.thread_time()
            self._within.inner = 0.0
            try:
                return call(*args, **named)
            finally:
                took = time.thread_time() - began
                self._count("COMMIT" if "COMMIT" in args else part, took - self._within.inner)
                self._within.inner = outer + took

        return timed

    def _count(self, part: str, seconds: float) -> None:
        self._spent[part] += seconds
        if threading.current_thread().name.startswith(_STORE_THREADS):
            self._in_store += seconds


def _store_seconds() -> dict[int, float]:
    """Return the CPU seconds of the store's threads, by their idents."""
    chosen = [thread for thread in threading.enumerate() if thread.name.startswith(_STORE_THREADS)]
    idents = [thread.ident for thread in chosen if thread.ident is not None]
    return {ident: time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in idents}
