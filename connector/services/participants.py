"""Participants of this installation: making them with their keys, listing them, their DID documents."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from connector.errors import ConfigError, Invalid, WrongState
from connector.identity import keyfile
from connector.identity import participant as places
from connector.identity.keys import KeyPair
from connector.protocol import context
from connector.services import keyring, pages
from connector.services.house import House, Member, key_folder
from connector.store.parties import Participant
from connector.store.seals import HeldKey
from connector.store.session import Store
from connector.store.unit import Unit

TOKEN_KEY: Final = keyring.FILES["token"]
SEAL_KEY: Final = keyring.FILES["seal"]
_NAME_CHARACTERS: Final = 200
_RESERVED: Final = frozenset({"dsp", "data", "did.json"})
_EXTENSIONS: Final = (
    context.AFTER, context.RENEWAL, context.SEAL, context.HEADS, context.DUTIES, context.CALLBACK,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Own:
    """A participant of ours with the thumbprints (RFC 7638) that its neighbours compare."""

    row: Participant
    token: str
    seal: str


async def create(home: Path, store: Store, did: str, name: str, *, by: str = "init", secure: bool = False) -> Own:
    """Make a participant: its two keys in files of their own, then its row.

    What an interrupted attempt has left is taken up again. `secure` as in `places.place`.

    Raises:
        Invalid: `did_invalid`, `participant_name`, `participant_path`. WrongState: `participant_exists`.
        ConfigError: a key file cannot be written or read.
    """
    place = places.place(did, secure=secure)
    if not 0 < len(name.strip()) <= _NAME_CHARACTERS or not name.isprintable():
        raise Invalid("participant_name", field="/name", most=_NAME_CHARACTERS)
    if any(part in _RESERVED or part.startswith(".") for part in place.segments):
        raise Invalid("participant_path", field="/id", reserved=", ".join(sorted(_RESERVED)))
    await store.read(lambda unit: _check_new(unit, home, did))
    token, seal = await asyncio.to_thread(_keys, key_folder(home, did))

    def work(unit: Unit) -> Own:
        _check_new(unit, home, did)
        row = Participant(did, name.strip(), place.root, unit.now)
        unit.participants.add(row)
        for purpose, pair in (("token", token), ("seal", seal)):
            unit.keys.add(HeldKey(did, did, purpose, pair.kid, unit.now, pair.public.jwk, used=unit.now))
        thumbprints = {"token": token.public.thumbprint, "seal": seal.public.thumbprint}
        unit.record(did, "participant.added", did, name=row.name, by=by, keys=thumbprints)
        return Own(row, **thumbprints)

    return await store.write(work)


async def add(house: House, did: str, name: str, *, by: str) -> Own:
    """Make a further participant under the same roof: same host and port, and a path of its own.

    Raises:
        Invalid: `participant_host`, and as `create`.
    """
    first, new = places.place(next(iter(house.members))), places.place(did)
    if (first.host, first.port) != (new.host, new.port) or not new.segments:
        raise Invalid("participant_host", field="/id", example=f"{places.Place(first.host, first.port, ()).did}:NAME")
    made = await create(house.home, house.store, did, name, by=by, secure=house.client.secure)
    await house.load()
    return made


async def listing(house: House, cursor: str | None = None, limit: int = 100) -> tuple[list[Own], str | None]:
    """Return participants, the first made first. Raises Invalid `cursor_invalid`."""
    await house.refresh()
    rows = [own(member) for member in house.members.values()]
    return pages.page(rows, lambda found: (found.row.created, found.row.id), cursor, limit)


def own(member: Member) -> Own:
    """Return a participant with its thumbprints."""
    return Own(member.row, member.token.public.thumbprint, member.seal.public.thumbprint)


def did_document(member: Member) -> dict[str, Any]:
    """Return the DID document of a participant, with the extensions of ours that it speaks."""
    ring, now = member.ring, member.now()
    return places.document(
        member.id, token=ring.listed("token", now), seal=ring.listed("seal", now), retired=ring.retired(now),
        announce=_EXTENSIONS, rotations=ring.endorsements(), secure=member.row.root.startswith("https:"),
    )  # fmt: skip


def _check_new(unit: Unit, home: Path, did: str) -> None:
    """Refuse a participant that is there, or whose key folder another one has."""
    folder = key_folder(home, did)
    if any(key_folder(home, row.id) == folder for row in unit.participants.list()):
        raise WrongState("participant_exists")


def _keys(folder: Path) -> tuple[KeyPair, KeyPair]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("key_file_unwritable", path=str(folder), why=error.strerror) from None
    token, seal = (_key(folder / name) for name in (TOKEN_KEY, SEAL_KEY))
    return token, seal


def _key(path: Path) -> KeyPair:
    return keyfile.load_key(path) if path.exists() else keyfile.create_key(path)
