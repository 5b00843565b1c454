"""Before a seal is checked: a peer whose key, or whose support for seals, is not known yet is looked at again."""

from __future__ import annotations

from connector.errors import Missing, TooMany, Unauthenticated, Unreachable
from connector.evidence import seal
from connector.protocol import negotiation
from connector.protocol.context import SEAL
from connector.protocol.messages import Message
from connector.services import keyring, peers
from connector.services.exchange import Caller
from connector.services.house import House
from connector.store.parties import PINNED

LATER_SECONDS = 60


async def acquaint(house: House, caller: Caller, message: Message) -> None:
    """Look at a peer's DID document if its seal is by a key that we have never seen, or if it seals and we did not know.

    Raises:
        TooMany: `seal_key_unseen`: its document cannot be had now; the peer shall try again.
        Unauthenticated: `peer_key_changed`: its document shows keys that a person has to confirm.
    """
    if message.move not in (negotiation.AGREEMENT, negotiation.VERIFICATION) or SEAL not in message.body:
        return
    try:
        kid = seal.read(message.body[SEAL]).kid
    except ValueError:
        return
    seals, seen = await _known(house, caller, kid)
    if seals and seen:
        return
    row = None
    if house.may_look_again(caller.participant, caller.peer):
        try:
            row = await peers.refresh(house, caller.participant, caller.peer)
        except (Unreachable, Missing):
            row = None
    if row is not None and row.state != PINNED:
        raise Unauthenticated("peer_key_changed")
    if row is None and seals:
        raise TooMany("seal_key_unseen", retry_after_seconds=LATER_SECONDS)


async def _known(house: House, caller: Caller, kid: str) -> tuple[bool, bool]:
    """Return whether a peer is known to seal, and whether that key is known as one of its, in whatever time."""
    known = await house.peer(caller.participant, caller.peer)
    if known is None or known.row.document is None:
        return True, True
    if any(pin["thumbprint"] == kid for pin in known.row.pins):
        return known.row.seals is not None, True
    periods = await house.store.read(lambda unit: keyring.periods(unit, caller.participant, caller.peer))
    return known.row.seals is not None, any(period.kid == kid for period in periods)
