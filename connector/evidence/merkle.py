"""Merkle trees over the records of a journal: roots, inclusion paths and their check.

Source: RFC 9162, section 2.1 (a leaf is hashed as 0x00 || data, a node as 0x01 || left || right, with SHA-256; section 2.1.3.2 is
how a path is checked).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

HASH_BYTES: Final = 32


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Tree:
    """A tree that grows leaf by leaf and holds one hash per level, however many leaves it has got."""

    size: int = 0
    _peaks: list[bytes] = field(default_factory=list)

    def add(self, data: bytes) -> None:
        """Add a leaf at the end."""
        whole, size = leaf_hash(data), self.size
        while size & 1:
            whole, size = node_hash(self._peaks.pop(), whole), size >> 1
        self._peaks.append(whole)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over the leaves so far; of none it is the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256().digest()
        whole = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            whole = node_hash(peak, whole)
        return whole


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaves' data, in order."""
    tree = Tree()
    for data in leaves:
        tree.add(data)
    return tree.root()


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the inclusion path of the leaf at an index, from the leaf's neighbour up to the root's.

    Raises:
        IndexError: there is no such leaf.
    """
    return paths(leaves, [index])[0]


def paths(leaves: Sequence[bytes], indexes: Sequence[int]) -> list[list[bytes]]:
    """Return the inclusion paths of several leaves; the tree is hashed once. Raises IndexError as `path`."""
    for index in indexes:
        if not 0 <= index < len(leaves):
            raise IndexError(index)
    level, places = [leaf_hash(data) for data in leaves], list(indexes)
    found: list[list[bytes]] = [[] for _ in indexes]
    while len(level) > 1:
        for steps, place in zip(found, places, strict=True):
            if place ^ 1 < len(level):
                steps.append(level[place ^ 1])
        pairs = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
        places = [place >> 1 for place in places]
    return found


def verify(root: bytes, data: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
    """Tell whether a path proves that the tree of `size` leaves with that root has `data` at an index."""
    if not 0 <= index < size:
        return False
    place, last, whole = index, size - 1, leaf_hash(data)
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            whole = node_hash(step, whole)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            whole = node_hash(whole, step)
        place, last = place >> 1, last >> 1
    return last == 0 and whole == root
