"""What peers may do: prove who they are, make processes, send messages, read states.

Every authenticated request spends its token: in the transaction of its effect, or in a unit of its own when it has none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import exc

from connector.errors import BadMessage, ConnectorError, Missing, PeerError, Unauthenticated, Unknown, Unreachable
from connector.identity.authenticator import Identity, claimed
from connector.protocol import messages
from connector.protocol.machine import Table
from connector.services import peers
from connector.services.acquaint import acquaint
from connector.services.exchange import Caller, cancel
from connector.services.house import House, Known, Member
from connector.services.limits import proved
from connector.services.sealing import AgreementDiffers
from connector.store.exchanges import Exchange
from connector.store.parties import PINNED, REMOVED
from connector.store.unit import Unit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Speaker:
    """A peer that proved who it is, to one of ours."""

    member: Member
    caller: Caller
    identity: Identity


async def admit(house: House, member: Member, authorization: str | None) -> Speaker:
    """Return the pinned peer that sent a request.

    A token by a key that we have not seen makes us look at the peer's DID document again, at most once a minute: a key that a
    pinned one names joins, anything else needs a person.

    Raises:
        Unauthenticated: `peer_unpinned`, `peer_key_changed`, or what the verifier says.
    """
    found = claimed(member.authenticators, authorization)
    if found is None:
        raise Unauthenticated("token_missing")
    way, peer = found
    try:
        return _verified(house, member, authorization, await _known(house, member, way, peer))
    except Unauthenticated as error:
        if error.code != "token_key_unknown" or not house.may_look_again(member.id, peer):
            raise
        with contextlib.suppress(Unreachable, Missing):
            await peers.refresh(house, member.id, peer)
    return _verified(house, member, authorization, await _known(house, member, way, peer))


async def _known(house: House, member: Member, way: str, peer: str) -> Known:
    known = await house.peer(member.id, peer)
    if known is None or known.row.auth != way or known.row.state == REMOVED:
        raise Unauthenticated("peer_unpinned")
    if known.row.state != PINNED:
        raise Unauthenticated("peer_key_changed")
    return known


def _verified(house: House, member: Member, authorization: str | None, known: Known) -> Speaker:
    authenticator = member.authenticators[known.row.auth]
    identity = authenticator.verify(authorization, known.keys, audience=member.id, now=house.now())
    return Speaker(member, Caller(member.id, identity.peer_id, known.row.base), identity)


def spend(unit: Unit, speaker: Speaker) -> None:
    """Use a token up. Raises Unauthenticated `token_replayed` when it was used before (A.2 row 9)."""
    if speaker.identity.jti is None:
        return
    try:
        unit.spent.spend(speaker.member.id, speaker.identity.peer_id, speaker.identity.jti, speaker.identity.expires)
    except exc.IntegrityError:
        raise Unauthenticated("token_replayed") from None


async def with_token(
    house: House,
    speaker: Speaker,
    work: Callable[[Unit], T],
    refused: Callable[[ConnectorError, Unit], None] | None = None,
) -> T:
    """Run a unit that spends the token with its effect; when it is refused, the token is spent all the same.

    Whatever the peer wants, it is there again: what waits for it goes at once.
    """

    def unit_of_work(unit: Unit) -> T:
        spend(unit, speaker)
        unit.after_commit(lambda: house.office.heard(speaker.caller.participant, speaker.caller.peer))
        return work(unit)

    try:
        return await proved(house.store, unit_of_work)
    except Unauthenticated:
        raise
    except Exception as error:
        await spend_alone(house, speaker)
        if refused is not None and isinstance(error, BadMessage):
            await house.store.write(partial(refused, error))
        raise


def _refused(speaker: Speaker, pid: str, message: messages.Message, error: ConnectorError, unit: Unit) -> None:
    """Leave the record of a message that was not applied, where it is one of a process of the peer's."""
    exchange = unit.exchanges.load(speaker.caller.participant, pid, speaker.caller.peer)
    if exchange is not None and exchange.protocol == message.protocol:
        unit.record(
            exchange.participant, f"{exchange.protocol}.refused", pid,
            move=message.move, message=message.digest, code=error.code, state=exchange.turn.shown, peer=exchange.peer,
        )  # fmt: skip


async def spend_alone(house: House, speaker: Speaker) -> None:
    """Spend the token of a request without effect. Raises Unauthenticated `token_replayed`."""
    if speaker.identity.jti is not None:
        await house.store.write(lambda unit: spend(unit, speaker))


async def begin(
    house: House, speaker: Speaker, table: Table, suffix: str, body: Mapping[str, Any], raw: str
) -> tuple[Exchange, bool]:
    """Take a first message: return the process and whether it is new. Raises as `Exchanging.begin`."""
    try:
        message = messages.read(table, suffix, body, raw)
    except BadMessage:
        await spend_alone(house, speaker)
        raise

    def work(unit: Unit) -> tuple[Exchange, bool]:
        _still_pinned(unit, speaker)
        return house.exchanging.begin(unit, speaker.caller, message)

    return await with_token(house, speaker, work)


async def receive(
    house: House, speaker: Speaker, table: Table, suffix: str, pid: str, body: Mapping[str, Any], raw: str
) -> Exchange:
    """Take a message of a process. Raises as `Exchanging.receive`; an agreement that differs is terminated as well."""
    try:
        message = messages.read(table, suffix, body, raw)
    except BadMessage:
        # Whoever has no part in the process learns nothing but 404, whatever the message says.
        await state(house, speaker, table, pid)
        raise
    await _acquainted(house, speaker, message)
    try:
        return await with_token(
            house,
            speaker,
            lambda unit: house.exchanging.receive(unit, speaker.caller, pid, message),
            partial(_refused, speaker, pid, message),
        )
    except AgreementDiffers as error:
        await house.store.write(partial(_terminate, house, speaker, pid, error))
        raise


async def _acquainted(house: House, speaker: Speaker, message: messages.Message) -> None:
    try:
        await acquaint(house, speaker.caller, message)
    except PeerError:
        await spend_alone(house, speaker)
        raise


async def state(house: House, speaker: Speaker, table: Table, pid: str) -> Exchange:
    """Return a process that the peer takes part in. Raises Unknown `process_unknown`."""

    def work(unit: Unit) -> Exchange:
        exchange = unit.exchanges.load(speaker.caller.participant, pid, speaker.caller.peer)
        if exchange is None or exchange.protocol != table.name:
            raise Unknown("process_unknown")
        return exchange

    return await with_token(house, speaker, work)


def _still_pinned(unit: Unit, speaker: Speaker) -> None:
    """Refuse a first message of a peer that was removed, or whose keys changed, while its request was on its way in."""
    row = unit.peers.get(speaker.caller.participant, speaker.caller.peer)
    if row is None or row.state != PINNED:
        raise Unauthenticated("peer_unpinned")


def _terminate(house: House, speaker: Speaker, pid: str, error: AgreementDiffers, unit: Unit) -> None:
    exchange = unit.exchanges.load(speaker.caller.participant, pid, speaker.caller.peer)
    if exchange is not None:
        reasons = (f"{error.code} {error.field}",)
        if error.code != "agreement_differs":
            unit.record(
                exchange.participant, "seal.refused", pid, code=error.code, field=error.field, peer=exchange.peer
            )
        cancel(house.exchanging, unit, exchange, by="automation", code=error.code, reasons=reasons)
