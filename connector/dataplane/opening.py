"""Opening files so that no name leads outside its root: one component at a time, from descriptor to descriptor.

Each component is opened relative to the descriptor of its parent with `O_NOFOLLOW`, so a symlink is refused at every
step and swapping a directory for one, between any two steps, gains nothing.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from connector.errors import Unknown, Unreachable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO in the place of a file must not hold up the thread that opens it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENAMETOOLONG, errno.ENXIO})

_LAST_SECOND = 253_402_300_799.0


@dataclass(frozen=True, slots=True)
class State:
    """What a file was when it was opened: bytes, times in nanoseconds, and who it is."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    @property
    def etag(self) -> str:
        """A strong entity tag: any write, also one that restores the modification time, gives another."""
        seen = f"{self.inode}:{self.size}:{self.modified_ns}:{self.changed_ns}"
        return f'"{hashlib.sha256(seen.encode()).hexdigest()[:32]}"'

    @property
    def modified(self) -> float:
        """Seconds since 1970, within the years that a date can be written for."""
        return seconds(self.modified_ns)


def seconds(nanoseconds: int) -> float:
    """Return a file's time in seconds since 1970, brought into the years 1970 to 9999."""
    return min(max(nanoseconds / 1e9, 0.0), _LAST_SECOND)


def state(descriptor: int) -> State:
    """Return what an open file is now."""
    seen = os.fstat(descriptor)
    return State(seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


@contextlib.contextmanager
def directory(root: Path, parts: tuple[str, ...] = ()) -> Iterator[int]:
    """Open a directory under a root and give its descriptor.

    Args:
        root: a directory that the operator named; its own last component must not be a symlink either.
        parts: decoded segments below it (`paths.segments`).

    Raises:
        Unreachable: `data_source`: the root itself is not there.
        Unknown: `data_unknown`: no such directory below it.
    """
    try:
        descriptor = os.open(root, _DIRECTORY)
    except OSError:
        raise Unreachable("data_source") from None
    try:
        for part in parts:
            parent, descriptor = descriptor, _open(part, _DIRECTORY, descriptor)
            os.close(parent)
        yield descriptor
    finally:
        os.close(descriptor)


def regular_file(name: str, parent: int) -> FileIO:
    """Open a regular file in an open directory, unbuffered.

    Raises:
        Unknown: `data_unknown`: nothing by that name, or not a regular file.
    """
    descriptor = _open(name, _FILE, parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unknown("data_unknown")
    return FileIO(descriptor, "rb")


def _open(name: str, flags: int, parent: int) -> int:
    try:
        return os.open(name, flags, dir_fd=parent)
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            raise Unknown("data_unknown") from None
        raise Unreachable("data_source") from None
