"""Signed heads of a journal: what a participant says, hour by hour, its chain of records is.

A head is a compact JWS (`typ` `journal-head+jws`) by the participant's seal key over canonical JSON (RFC 8785). It names the
records since the head before it, the chain's hash at the last of them, and the Merkle root (RFC 9162, section 2.1) over their
hashes. One record can be shown to somebody without the others, and a neighbour that holds it notices a rewritten history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connector import canonical, loader
from connector.errors import ConnectorError
from connector.evidence import merkle
from connector.identity import jws
from connector.identity.jws import Parsed
from connector.identity.keys import Signer
from connector.identity.periods import KeyPeriod

TYPE: Final = "journal-head+jws"
HEAD_CHARACTERS: Final = 8 * 1024
TOLERANCE_SECONDS: Final = 300.0
"""How far the clocks of two parties, and so the times of a key's beginning and end, may differ."""

_PREFIX: Final = "sha256:"
_MEMBERS: Final[dict[str, type]] = {
    "participant": str, "number": int, "first": int, "last": int, "hash": str, "root": str, "at": str,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """What a head says.

    Attributes:
        participant: the DID whose journal it is.
        number: of the head, from 1.
        first, last: numbers of the records that it covers, those since the head before it.
        hash: the chain's hash at the last of them.
        root: the Merkle root over the hashes of the records covered, as `sha256:` and hex.
        previous: the digest of the text of the head before it, None for the first.
        at: when it was signed, as xsd:dateTime.
    """

    participant: str
    number: int
    first: int
    last: int
    hash: str
    root: str
    previous: str | None
    at: str

    @property
    def payload(self) -> bytes:
        """The bytes that are signed."""
        return canonical.canonical({name: getattr(self, name) for name in self.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Signed:
    """A head as it was signed; nothing of it is to be believed before `by` names the key."""

    head: Head
    kid: str
    text: str
    parsed: Parsed = field(repr=False)

    @property
    def digest(self) -> str:
        """The digest of the JWS text, by which the next head names this one."""
        return canonical.of_bytes(self.text.encode())

    def by(self, keys: Iterable[KeyPeriod], at: float) -> bool:
        """Tell whether one of the seal keys signed it, at a time (that of `head.at`) at which it was its owner's."""
        return any(
            key.purpose == "seal"
            and key.kid == self.kid
            and key.since - TOLERANCE_SECONDS <= at < (key.until or float("inf")) + TOLERANCE_SECONDS
            and self.parsed.verified_by(key.key)
            for key in keys
        )


def leaf(record_hash: str) -> bytes:
    """Return the leaf's data for a record: the bytes of its hash. Raises ValueError for anything but `sha256:` and hex."""
    data = bytes.fromhex(record_hash.removeprefix(_PREFIX))
    if not record_hash.startswith(_PREFIX) or len(data) != merkle.HASH_BYTES:
        raise ValueError(record_hash)
    return data


def text(data: bytes) -> str:
    """Return a hash as it is written in heads and paths: `sha256:` and hex."""
    return _PREFIX + data.hex()


def sign(signer: Signer, head: Head) -> str:
    """Return the compact JWS of a head."""
    return jws.sign(signer, head.payload, typ=TYPE, kid=signer.kid)


def read(compact: str) -> Signed:
    """Return the head in a compact JWS; its signature is not checked here.

    Raises:
        ValueError: it is no head; the reason is not for a peer's eyes.
    """
    parsed = jws.parse(compact, limit=HEAD_CHARACTERS)
    if parsed.header.get("typ") != TYPE or "kid" not in parsed.header:
        message = "not a head"
        raise ValueError(message)
    try:
        value = loader.load_object(parsed.payload, limit=HEAD_CHARACTERS)
    except ConnectorError as error:
        raise ValueError(error.code) from None
    head = _head(value)
    if head.payload != parsed.payload:
        message = "not canonical"
        raise ValueError(message)
    return Signed(head, parsed.header["kid"], compact, parsed)


def _head(value: dict[str, Any]) -> Head:
    previous = value.get("previous")
    if value.keys() != {*_MEMBERS, "previous"} or not (previous is None or isinstance(previous, str)):
        message = "other members than those of a head"
        raise ValueError(message)
    if any(type(value[name]) is not kind for name, kind in _MEMBERS.items()):
        message = "a member of another type"
        raise ValueError(message)
    head = Head(**value)
    leaf(head.hash), leaf(head.root)
    if head.number < 1 or not 1 <= head.first <= head.last or (previous is None) != (head.number == 1):
        message = "numbers that no head has"
        raise ValueError(message)
    return head


def follows(earlier: Head | None, earlier_digest: str | None, later: Head) -> bool:
    """Tell whether a head comes next after another one (None: before the first)."""
    number, last = (earlier.number, earlier.last) if earlier else (0, 0)
    return (later.number, later.first, later.previous) == (number + 1, last + 1, earlier_digest)


def following(earlier: Signed | None, hashes: Sequence[str], *, participant: str, at: str) -> Head:
    """Return the head over the records after an earlier head (None: from the first record on), which must be some.

    Raises:
        ValueError: no records, or a hash that is none.
    """
    if not hashes:
        message = "no records"
        raise ValueError(message)
    first = earlier.head.last + 1 if earlier else 1
    return Head(
        participant=participant,
        number=earlier.head.number + 1 if earlier else 1,
        first=first,
        last=first + len(hashes) - 1,
        hash=hashes[-1],
        root=text(merkle.root(leaf(each) for each in hashes)),
        previous=earlier.digest if earlier else None,
        at=at,
    )


def path(hashes: Sequence[str], index: int) -> list[str]:
    """Return the inclusion path of a record among the hashes of the records that a head covers."""
    return paths(hashes, [index])[0]


def paths(hashes: Sequence[str], indexes: Sequence[int]) -> list[list[str]]:
    """Return the inclusion paths of several records among the hashes of those that a head covers."""
    found = merkle.paths([leaf(each) for each in hashes], indexes)
    return [[text(step) for step in steps] for steps in found]


def included(head: Head, number: int, record_hash: str, path: Sequence[str]) -> bool:
    """Tell whether a path proves that a head covers the record of that number and hash."""
    try:
        steps, data = [leaf(step) for step in path], leaf(record_hash)
    except ValueError:
        return False
    size = head.last - head.first + 1
    return merkle.verify(leaf(head.root), data, number - head.first, size, steps)


@dataclass(frozen=True, slots=True)
class HeadFault:
    """What is wrong with a head: `head_signature`, `head_link`, `head_unreadable`, `head_hash`, `head_root`, `head_beyond`."""

    head: int
    record: int
    code: str


@dataclass(slots=True)
class Reading:
    """Checks heads while the chain is read, holding one hash per level of the tree.

    Records are given in order to `record`; the heads, in order, are what `heads` yields, each with whether its key is one of the
    participant's. Then `end` tells of heads over records that are not there.
    """

    participant: str
    heads: Iterable[tuple[int, Signed | None, bool]]
    faults: list[HeadFault] = field(default_factory=list)
    number: int = 0
    covered: int = 0
    _next: Signed | None = None
    _earlier: Signed | None = None
    _tree: merkle.Tree = field(default_factory=merkle.Tree)

    def __post_init__(self) -> None:
        self.heads = iter(self.heads)
        self._advance()

    def record(self, number: int, record_hash: str) -> None:
        """Take the next record of the chain."""
        if self._next is None:
            return
        try:
            self._tree.add(leaf(record_hash))
        except ValueError:
            self._tree.add(b"")
        while self._next is not None and number >= self._next.head.last:
            self._compare(self._next.head, number, record_hash)
            self._advance()

    def end(self) -> list[HeadFault]:
        """Return what was found, once the chain has been read."""
        while self._next is not None:
            self._fault(self._next.head, "head_beyond")
            self._advance()
        return self.faults

    def _compare(self, head: Head, number: int, record_hash: str) -> None:
        if (number, record_hash) != (head.last, head.hash):
            self._fault(head, "head_hash")
        if text(self._tree.root()) != head.root or self._tree.size != head.last - head.first + 1:
            self._fault(head, "head_root")
        self.covered = head.last
        self._tree = merkle.Tree()

    def _advance(self) -> None:
        """Go on to the next head that can be read, telling of those that cannot or that do not follow."""
        self._earlier, self._next = self._next or self._earlier, None
        for number, signed, known in self.heads:
            self.number = number
            if signed is None or signed.head.number != number or signed.head.participant != self.participant:
                self.faults.append(HeadFault(number, self.covered + 1, "head_unreadable"))
                continue
            if not known:
                self._fault(signed.head, "head_signature")
            earlier = self._earlier
            if not follows(earlier.head if earlier else None, earlier.digest if earlier else None, signed.head):
                self._fault(signed.head, "head_link")
            self._next = signed
            return

    def _fault(self, head: Head, code: str) -> None:
        self.faults.append(HeadFault(head.number, head.first, code))
