"""Where a process's CPU time goes: its main thread is sampled, weighed by its own clock; other threads are read from theirs."""

from __future__ import annotations

import signal
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from types import FrameType

_EVERY_SECONDS = 0.002
_PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "token: make": (("identity/tokens.py", "mint"),),
    "token: verify": (("identity/tokens.py", "verify"), ("identity/tokens.py", "peek_issuer")),
    "read JSON": (("connector/loader.py", ""),),
    "read and digest a message": (("protocol/messages.py", "read"),),
    "HTTP client": (("connector/net/", ""), ("connector/peer/", ""), ("aiohttp/client", ""), ("aiohttp/connector", "")),
    "dispatcher": (("connector/worker/", ""),),
    "the driver": (("bench/party.py", "_one"), ("bench/party.py", "ask")),
    "services": (("connector/services/", ""),),
    "HTTP server": (("connector/http/", ""), ("aiohttp/web", "")),
    "event loop": (("asyncio/", ""),),
}
"""Parts by file and function, the most particular first: a sample belongs to the first part found anywhere in its stack."""
_STORE_THREADS = ("store-write", "store-read")


class Sampler:
    """Counts samples of the main thread by part, and CPU seconds of the store's threads."""

    def __init__(self) -> None:
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._before: dict[int, float] = {}
        self._began = self._last = 0.0

    def start(self) -> None:
        """Begin; only in the main thread."""
        self._before, self._began, self._last = _thread_seconds(), time.process_time(), time.thread_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)

    def stop(self) -> dict[str, float]:
        """End and return CPU seconds by part."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        after, whole = _thread_seconds(), time.process_time() - self._began
        threads = {ident: seconds - self._before.get(ident, 0.0) for ident, seconds in after.items()}
        main = threads.pop(threading.main_thread().ident or 0, 0.0)
        parts = dict(self._spent)
        return parts | {"store thread": sum(threads.values()), "other threads": whole - main - sum(threads.values())}

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        # The timer counts every thread's time, so a sample weighs what the main thread itself has spent since the last one.
        now = time.thread_time()
        self._spent[_part(frame)] += now - self._last
        self._last = time.thread_time()


def _part(frame: FrameType | None) -> str:
    stack = list[tuple[str, str]]()
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    for part, places in _PARTS.items():
        if any(file in name and function in ("", called) for name, called in stack for file, function in places):
            return part
    return "other"


def _thread_seconds() -> dict[int, float]:
    """Return the CPU seconds of the main thread and the store's threads, by their idents."""
    chosen = [
        thread
        for thread in threading.enumerate()
        if thread is threading.main_thread() or thread.name.startswith(_STORE_THREADS)
    ]
    idents = [thread.ident for thread in chosen if thread.ident is not None]
    return {ident: time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in idents}
