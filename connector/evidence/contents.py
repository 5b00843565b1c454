"""What lies in a bundle, read strictly: every file of ours has exactly its members, of their types. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector import loader
from connector.errors import BadMessage, TooLarge, Unreachable
from connector.evidence import bundle, heads, seal
from connector.evidence.chain import Record
from connector.evidence.heads import Signed
from connector.evidence.seal import Seal
from connector.identity import document, keys
from connector.identity.document import Document
from connector.identity.keys import PURPOSES
from connector.identity.periods import KeyPeriod
from connector.protocol.machine import CONSUMER, PROVIDER, Role

ROLES: Final = (PROVIDER, CONSUMER)
SEALS: Final[Mapping[seal.Kind, str]] = {
    seal.AGREEMENT: "seals/agreement.jws",
    seal.VERIFICATION: "seals/verification.jws",
}
FIXED: Final = (
    "agreement.json", "offer.json", "messages.json", "journal/records.json", "journal/heads.json", "journal/paths.json",
    "contract.html", *(f"parties/{role}/{name}.json" for role in ROLES for name in ("did", "keys")),
)  # fmt: skip
"""Files that every bundle has; a policy and seals where there are some, and `messages/` besides."""

_TEXT: Final = (str,)
_OPTIONAL: Final = (str, type(None))
_ABOUT: Final = {
    "format": _TEXT, "contract": _TEXT, "agreement": _TEXT, "provider": _TEXT, "consumer": _TEXT, "madeBy": _TEXT,
    "made": _TEXT, "sided": _TEXT, "leftOut": (int,), "files": (dict,),
}  # fmt: skip
_MESSAGE: Final = {
    "file": _TEXT, "direction": _TEXT, "move": _TEXT, "applied": (bool,), "digest": _TEXT, "at": _TEXT,
}  # fmt: skip
_KEY: Final = {"purpose": _TEXT, "kid": _TEXT, "jwk": (dict,), "since": _TEXT, "until": _OPTIONAL}
_RECORD: Final = {
    "number": (int,), "at": _TEXT, "kind": _TEXT, "subject": _TEXT, "payload": _OPTIONAL, "salt": _OPTIONAL,
    "payloadDigest": _TEXT, "hash": _TEXT, "previous": _TEXT,
}  # fmt: skip
_PATH: Final = {"number": (int,), "head": (int,), "index": (int,), "size": (int,), "path": (list,)}


class Malformed(Exception):
    """A file of a bundle that is not what such a file is; the argument is its name."""


@dataclass(frozen=True, slots=True)
class About:
    """What `bundle.json` says. `made` is in seconds since 1970; `left_out` counts records of data reads that are not in it."""

    contract: str
    agreement: str
    provider: str
    consumer: str
    made_by: str
    made_at: str
    made: float
    sided: str
    left_out: int
    files: Mapping[str, Any]

    @property
    def role(self) -> Role:
        """The role of the party that made the bundle."""
        return PROVIDER if self.made_by == self.provider else CONSUMER

    @property
    def other(self) -> Role:
        """The role of the other party."""
        return CONSUMER if self.made_by == self.provider else PROVIDER

    def party(self, role: str) -> str:
        """The DID of the party in a role."""
        return self.provider if role == PROVIDER else self.consumer


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: where its bytes are, who sent it, whether it took effect, when it was stored (the maker's clock)."""

    file: str
    sender: Role
    move: str
    applied: bool
    digest: str
    at: float
    at_text: str
    raw: bytes
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A record of the maker's journal, with the hash before it and its payload as (salt, text), None where it was removed."""

    record: Record
    previous: str
    payload: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Path:
    """The proof that a head (by its number) covers a record (by its number)."""

    number: int
    head: int
    index: int
    size: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything in a bundle. Parties' documents and keys are by role, seals by kind."""

    files: Mapping[str, bytes]
    about: About
    agreement: Mapping[str, Any]
    offer: Mapping[str, Any]
    policy: Mapping[str, Any] | None
    seals: Mapping[seal.Kind, Seal]
    messages: tuple[Sent, ...]
    documents: Mapping[str, Document]
    keys: Mapping[str, tuple[KeyPeriod, ...]]
    records: tuple[Kept, ...]
    heads: tuple[Signed, ...]
    paths: tuple[Path, ...]

    @property
    def applied(self) -> tuple[Sent, ...]:
        """The messages that took effect, in order."""
        return tuple(message for message in self.messages if message.applied)


def about(files: Mapping[str, bytes]) -> About:
    """Return what `bundle.json` says. Raises Invalid `bundle_format`; Malformed."""
    found = _shaped(bundle.manifest(files), _ABOUT, bundle.MANIFEST)
    if found["madeBy"] not in (found["provider"], found["consumer"]) or found["provider"] == found["consumer"]:
        raise Malformed(bundle.MANIFEST)
    return About(
        found["contract"], found["agreement"], found["provider"], found["consumer"], found["madeBy"], found["made"],
        _seconds(found["made"], bundle.MANIFEST), found["sided"], found["leftOut"], found["files"],
    )  # fmt: skip


def read(files: Mapping[str, bytes], about: About) -> Contents:
    """Return everything in a bundle. Raises Malformed with the name of the file that cannot be read."""
    return Contents(
        files=files,
        about=about,
        agreement=_object(files, "agreement.json"),
        offer=_object(files, "offer.json"),
        policy=_object(files, "policy.json") if "policy.json" in files else None,
        seals={kind: _seal(files, name) for kind, name in SEALS.items() if name in files},
        messages=tuple(_message(files, each, about) for each in _items(files, "messages.json", _MESSAGE)),
        documents={role: _document(files, role, about) for role in ROLES},
        keys={role: _keys(files, role) for role in ROLES},
        records=tuple(_kept(each) for each in _items(files, "journal/records.json", _RECORD)),
        heads=_heads(files),
        paths=tuple(_path(each) for each in _items(files, "journal/paths.json", _PATH)),
    )


def _message(files: Mapping[str, bytes], found: dict[str, Any], about: About) -> Sent:
    if found["direction"] not in ("in", "out") or not found["file"].startswith("messages/"):
        raise Malformed("messages.json")
    return Sent(
        found["file"], about.role if found["direction"] == "out" else about.other, found["move"], found["applied"],
        found["digest"], _seconds(found["at"], "messages.json"), found["at"], files.get(found["file"], b""),
        _object(files, found["file"]),
    )  # fmt: skip


def _document(files: Mapping[str, bytes], role: str, about: About) -> Document:
    name = f"parties/{role}/did.json"
    try:
        return document.read(about.party(role), _object(files, name))
    except Unreachable:
        raise Malformed(name) from None


def _keys(files: Mapping[str, bytes], role: str) -> tuple[KeyPeriod, ...]:
    name = f"parties/{role}/keys.json"
    return tuple(_key(each, name) for each in _items(files, name, _KEY))


def _key(found: dict[str, Any], name: str) -> KeyPeriod:
    purpose = next((known for known in PURPOSES if known == found["purpose"]), None)
    try:
        key = keys.public_key(found["jwk"])
    except ValueError:
        raise Malformed(name) from None
    if purpose is None or key.thumbprint != found["kid"] or key.jwk != found["jwk"]:
        raise Malformed(name)
    until = None if found["until"] is None else _seconds(found["until"], name)
    return KeyPeriod(purpose, key, _seconds(found["since"], name), until)


def _seal(files: Mapping[str, bytes], name: str) -> Seal:
    try:
        return seal.read(files[name].decode("ascii"))
    except ValueError:
        raise Malformed(name) from None


def _kept(found: dict[str, Any]) -> Kept:
    record = Record(
        found["number"], found["at"], found["kind"], found["subject"], found["payloadDigest"], found["hash"]
    )
    if (found["payload"] is None) != (found["salt"] is None):
        raise Malformed("journal/records.json")
    return Kept(record, found["previous"], None if found["payload"] is None else (found["salt"], found["payload"]))


def _heads(files: Mapping[str, bytes]) -> tuple[Signed, ...]:
    name = "journal/heads.json"
    try:
        return tuple(heads.read(each) for each in _texts(_json(files, name), name))
    except ValueError:
        raise Malformed(name) from None


def _path(found: dict[str, Any]) -> Path:
    steps = tuple(_texts(found["path"], "journal/paths.json"))
    return Path(found["number"], found["head"], found["index"], found["size"], steps)


def _items(files: Mapping[str, bytes], name: str, members: Mapping[str, tuple[type, ...]]) -> list[dict[str, Any]]:
    found = _json(files, name)
    if not isinstance(found, list):
        raise Malformed(name)
    return [_shaped(each, members, name) for each in found]


def _texts(found: Any, name: str) -> list[str]:
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Malformed(name)
    return found


def _object(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    found = _json(files, name)
    if not isinstance(found, dict):
        raise Malformed(name)
    return found


def _json(files: Mapping[str, bytes], name: str) -> Any:
    try:
        return loader.loads(files.get(name, b""), limit=bundle.MOST_BYTES, depth=bundle.DEPTH)
    except (BadMessage, TooLarge):
        raise Malformed(name) from None


def _shaped(found: Any, members: Mapping[str, tuple[type, ...]], name: str) -> dict[str, Any]:
    """Return an object that has exactly the members, of exactly the types (true is no integer)."""
    if not isinstance(found, dict) or found.keys() != members.keys():
        raise Malformed(name)
    if any(type(found[member]) not in kinds for member, kinds in members.items()):
        raise Malformed(name)
    return found


def _seconds(text: str, name: str) -> float:
    try:
        return seal.seconds(text)
    except ValueError:
        raise Malformed(name) from None
