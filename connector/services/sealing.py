"""Seals in a negotiation, inside units of work: made with our agreement and verification, checked in the peer's.

From a peer that is known to seal (`Peer.seals`) an agreement or verification without a seal that holds is refused, and the
negotiation terminated. What a plain peer sends is not looked at: such a contract is one-sided.
"""

from __future__ import annotations

from typing import Any, Final

from connector import canonical, clock
from connector.errors import BadMessage
from connector.evidence import seal
from connector.evidence.seal import AGREEMENT, VERIFICATION, Expected, Kind
from connector.protocol.context import SEAL
from connector.protocol.machine import PROVIDER
from connector.protocol.messages import Message
from connector.services import keyring
from connector.services.office import Office
from connector.store.contracts import Contract
from connector.store.exchanges import Exchange
from connector.store.seals import ONE_SIDED, TWO_SIDED
from connector.store.seals import Seal as StoredSeal
from connector.store.unit import Unit

_KEY_CODES: Final = {
    "key_unknown": "seal_key_unknown",
    "signature": "seal_signature",
    "key_time": "seal_key_time",
}


class AgreementDiffers(BadMessage):
    """The agreement, or a seal, is not what we accepted: it is refused and the negotiation terminated."""


def made(
    unit: Unit, office: Office, exchange: Exchange, contract: Contract, kind: Kind, *, policy: str | None = None
) -> dict[str, Any]:
    """Seal a contract whose agreement is there, store the seal and return the member that carries it.

    `policy` is the digest of our policy file, as provider; a counter-seal repeats the provider's.
    """
    signer = office.seal(exchange.participant, unit.now)
    if signer is None or contract.agreement is None:
        return {}
    expected = _expected(unit, exchange, contract, contract.agreement, kind, policy)
    text = seal.sign(signer, seal.build(expected, at=clock.iso(unit.now)))
    _store(unit, exchange, seal.read(text), "seal.made", exchange.participant)
    return {SEAL: text}


def check(
    unit: Unit, exchange: Exchange, contract: Contract, message: Message, kind: Kind, agreement: dict[str, Any]
) -> None:
    """Check and store the seal of a peer that seals its contracts.

    Raises:
        AgreementDiffers: `seal_missing`, `seal_unreadable`, `seal_differs`, `seal_key_unknown`, `seal_signature`,
            `seal_key_time`; for `seal_differs` the field names the first member that is wrong.
    """
    if not seals(unit, exchange):
        return
    text = message.body.get(SEAL)
    if text is None:
        raise AgreementDiffers("seal_missing", field="/seal")
    try:
        found = seal.read(text)
    except ValueError:
        raise AgreementDiffers("seal_unreadable", field="/seal") from None
    wrong = seal.faults(found, _expected(unit, exchange, contract, agreement, kind, None))
    if wrong:
        raise AgreementDiffers("seal_differs", field=f"/seal/{wrong[0]}")
    fault = seal.key_fault(found, keyring.periods(unit, exchange.participant, exchange.peer))
    if fault is not None:
        raise AgreementDiffers(_KEY_CODES[fault], field="/seal")
    _store(unit, exchange, found, "seal.accepted", exchange.peer)


def seals(unit: Unit, exchange: Exchange) -> bool:
    """Tell whether the peer of a process is known to seal its contracts."""
    return not plain(unit, exchange.participant, exchange.peer)


def plain(unit: Unit, participant: str, peer: str) -> bool:
    """Tell whether a peer is not known to seal its contracts."""
    row = unit.peers.get(participant, peer)
    return row is None or row.seals is None


def complete(unit: Unit, exchange: Exchange) -> bool:
    """Tell whether a contract may become final: both seals are stored, or the peer is plain."""
    return sided(unit, exchange) == TWO_SIDED or not seals(unit, exchange)


def sided(unit: Unit, exchange: Exchange) -> str:
    """Return whether both seals of a contract are stored, or ours alone (at most)."""
    both = all(unit.seals.get(exchange.pid, kind) is not None for kind in (AGREEMENT, VERIFICATION))
    return TWO_SIDED if both else ONE_SIDED


def _expected(
    unit: Unit, exchange: Exchange, contract: Contract, agreement: dict[str, Any], kind: Kind, policy: str | None
) -> Expected:
    """Return what a seal of this contract has to say, from what is stored here.

    The messages before it are those that took effect, in the order in which they are stored. That is the same order at both
    sides: in a negotiation only a termination can cross another message and both take effect.
    """
    ours = exchange.turn.role == PROVIDER
    provider, consumer = (exchange.participant, exchange.peer) if ours else (exchange.peer, exchange.participant)
    before = [canonical.of_bytes(text.encode()) for text in unit.messages.applied(exchange.pid)]
    signed = None
    if kind == VERIFICATION:
        first = unit.seals.get(exchange.pid, AGREEMENT)
        signed = canonical.of_bytes(first.jws.encode()) if first else None
        policy = seal.read(first.jws).policy if first else None
    # The agreement's time is the provider's, its verification's the consumer's, whose clock may be behind.
    earliest = int(contract.asked) if kind == AGREEMENT else (contract.agreed or 0.0) - seal.TOLERANCE_SECONDS
    return Expected(
        kind, agreement, provider, consumer, canonical.digest(contract.offer), before,
        earliest, unit.now + seal.TOLERANCE_SECONDS, policy, signed,
    )  # fmt: skip


def _store(unit: Unit, exchange: Exchange, found: seal.Seal, how: str, party: str) -> None:
    unit.seals.put(StoredSeal(exchange.pid, found.kind, exchange.participant, party, found.kid, found.text, found.at))
    unit.record(
        exchange.participant, how, exchange.pid,
        type=found.kind, party=party, kid=found.kid, digest=found.digest, peer=exchange.peer,
    )  # fmt: skip
