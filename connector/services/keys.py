"""Keys of our participants: showing them, replacing them with an overlap, and whose key was whose when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from connector.errors import ConfigError, Invalid, WrongState
from connector.identity import keyfile, pinned
from connector.identity.keys import PURPOSES, Purpose, Signer
from connector.identity.periods import KeyPeriod
from connector.identity.ring import OwnKey
from connector.services import keyring
from connector.services.house import House
from connector.store.seals import HeldKey
from connector.store.unit import Unit

OVERLAP_SECONDS: Final = 24 * 3600
GRACE_SECONDS: Final = 900
"""How long the old key stays listed at least: longer than any token that it signed is good for."""

MOST_OVERLAP_SECONDS: Final = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Shown:
    """A key of ours as operators see it.

    `state` is `next` (announced, not used yet), `current` (it signs), `previous` (peers still accept it) or `retired`.
    """

    key: OwnKey
    state: Literal["next", "current", "previous", "retired"]


def history(unit: Unit, participant: str, party: str) -> list[KeyPeriod]:
    """Return every key of a party, one of ours or a peer as one of ours knows it, with the time in which it was that party's."""
    return keyring.periods(unit, participant, party)


async def listing(house: House, participant: str) -> list[Shown]:
    """Return a participant's keys, the oldest first. Raises Missing `participant_unknown`."""
    member = house.member(participant)
    now = member.now()
    current = {purpose: member.ring.current(purpose, now) for purpose in PURPOSES}
    return [Shown(key, _state(key, current[key.purpose], now)) for key in member.ring.keys]


async def rotate(
    house: House, participant: str, purpose: str, *, overlap_seconds: int = OVERLAP_SECONDS, by: str
) -> Shown:
    """Replace a key and return the new one: announced now, endorsed by the present one, it signs once the overlap is over.

    Peers follow by themselves: at the latest when they meet the new key they look at our DID document. The new private key is
    a file of its own beside the old one, readable by its owner alone.

    Args:
        house: the installation.
        participant: ours.
        purpose: `token` or `seal`.
        overlap_seconds: how long the new key is announced before it is used, and the old one listed after that; 90 days at most.
        by: the operator.

    Raises:
        Missing: `participant_unknown`. Invalid: `key_purpose_unknown`, `key_overlap`.
        WrongState: `key_rotation_running`. ConfigError: `key_file_unwritable`.
    """
    member, chosen = house.member(participant), next((name for name in PURPOSES if name == purpose), None)
    if chosen is None:
        raise Invalid("key_purpose_unknown", field="/purpose", allowed=", ".join(PURPOSES))
    if not 0 <= overlap_seconds <= MOST_OVERLAP_SECONDS:
        raise Invalid("key_overlap", field="/overlapSeconds", most=MOST_OVERLAP_SECONDS)
    if member.ring.turning(chosen, member.now()):
        raise WrongState("key_rotation_running", purpose=purpose)
    old = member.ring.signer(chosen, member.now())
    new = await asyncio.to_thread(_create, house, participant, chosen)
    endorsement = pinned.endorse(old, participant, new.kid, chosen, int(member.now()))
    made = OwnKey(chosen, new.public, 0.0, overlap_seconds, endorsement=endorsement, signer=new)
    shown = await house.store.write(partial(_replace, participant, old.kid, made, by))
    await house.load()
    return shown


def _replace(participant: str, old: str, made: OwnKey, by: str, unit: Unit) -> Shown:
    """Store a new key in the place of an old one; its `used` is the overlap in seconds until now."""
    overlap, purpose = made.used, made.purpose
    new = replace(made, since=unit.now, used=unit.now + overlap)
    open_ = [row for row in unit.keys.of(participant, participant) if row.purpose == purpose and row.until is None]
    if [row.kid for row in open_] != [old] or (open_[0].used or 0.0) > unit.now:
        raise WrongState("key_rotation_running", purpose=purpose)
    unit.keys.close(open_[0], until=new.used, listed=new.used + max(overlap, GRACE_SECONDS))
    kid = new.public.thumbprint
    held = HeldKey(participant, participant, purpose, kid, new.since, new.public.jwk, used=new.used)
    unit.keys.add(replace(held, endorsement=new.endorsement))
    unit.record(
        participant, "keys.rotated", participant, purpose=purpose, old=old, new=kid, used=new.used, by=by,
    )  # fmt: skip
    return Shown(new, "next" if new.used > unit.now else "current")


def _create(house: House, participant: str, purpose: Purpose) -> Signer:
    """Make a key in a file that its thumbprint names: written under another name first, as only then is it known."""
    folder = keyring.key_folder(house.home, participant)
    passing = folder / f"{purpose}-new.pem"
    try:
        passing.unlink(missing_ok=True)
        new = keyfile.create_key(passing)
        passing.rename(keyring.key_path(folder, purpose, new.kid))
    except OSError as error:
        raise ConfigError("key_file_unwritable", path=str(passing), why=error.strerror) from None
    return new


def _state(key: OwnKey, current: OwnKey, now: float) -> Literal["next", "current", "previous", "retired"]:
    if key is current:
        return "current"
    if key.used > now:
        return "next"
    return "previous" if key.listed is not None and key.listed > now else "retired"
