"""The evidence of a contract as one file: gathered from the store under signed heads, signed, packed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from connector import clock
from connector.errors import Missing, WrongState
from connector.evidence import compose, seal
from connector.evidence.compose import Material, Party, Told
from connector.identity.periods import KeyPeriod
from connector.protocol.machine import CONSUMER, PROVIDER
from connector.protocol.negotiation import FINALIZED
from connector.services import heads, keys, participants
from connector.services.house import House, Member
from connector.store.contracts import Contract
from connector.store.excerpt import excerpt
from connector.store.unit import Unit

KINDS: tuple[seal.Kind, ...] = (seal.AGREEMENT, seal.VERIFICATION)


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle's bytes and a name for the file."""

    name: str
    data: bytes


async def export(house: House, participant: str, contract: str, *, by: str) -> Exported:
    """Return the bundle of a concluded contract: see `docs/reference/bundle.md`. It is recorded who took it.

    Raises:
        Missing: `participant_unknown`, `contract_unknown`. WrongState: `bundle_not_final`, `journal_incomplete`.
    """
    member = house.member(participant)

    def record(unit: Unit) -> None:
        _final(unit, participant, contract)
        unit.record(participant, "contract.exported", contract, by=by)

    await house.store.write(record)
    await heads.ensure(house, participant)
    material = await house.store.read(lambda unit: _gathered(unit, member, contract))
    data = await asyncio.to_thread(compose.compose, material, member.seal)
    return Exported(f"contract-{contract.rsplit(':', 1)[-1]}.zip", data)


def _final(unit: Unit, participant: str, contract: str) -> Contract:
    exchange, found = unit.exchanges.load(participant, contract), unit.contracts.get(contract)
    if exchange is None or found is None:
        raise Missing("contract_unknown")
    if exchange.turn.state != FINALIZED or found.agreement is None:
        raise WrongState("bundle_not_final", state=exchange.turn.shown)
    return found


def _gathered(unit: Unit, member: Member, contract: str) -> Material:
    found = _final(unit, member.id, contract)
    ours = found.role == PROVIDER
    provider, consumer = (member.id, found.peer) if ours else (found.peer, member.id)
    seals = {kind: row.jws for kind in KINDS if (row := unit.seals.get(contract, kind)) is not None}
    said = excerpt(unit.conn, member.id, contract)
    own, peer = _own(unit, member), _peer(unit, member.id, found.peer)
    return Material(
        contract=contract, provider=provider, consumer=consumer, made_by=member.id, made=clock.iso(unit.now),
        agreement=found.agreement or {}, offer=found.offer, policy=_policy(unit, member.id, seals) if ours else None,
        seals=seals, messages=_messages(unit, contract),
        parties={PROVIDER: own, CONSUMER: peer} if ours else {PROVIDER: peer, CONSUMER: own},
        records=said.records, heads=said.heads, paths=said.paths, left_out=said.left_out,
    )  # fmt: skip


def _policy(unit: Unit, participant: str, seals: dict[seal.Kind, str]) -> dict[str, Any] | None:
    """Return our policy file that our seal names by its digest."""
    digest = seal.read(seals[seal.AGREEMENT]).policy if seal.AGREEMENT in seals else None
    row = unit.policies.get(participant, digest) if digest else None
    return None if row is None else row.document


def _messages(unit: Unit, contract: str) -> list[Told]:
    return [
        Told(row["direction"], row["move"], row["withdrawn"] is None, row["body"], clock.iso(row["at"]))
        for row in unit.messages.of(contract)
    ]


def _own(unit: Unit, member: Member) -> Party:
    return Party(participants.did_document(member), _shown(keys.history(unit, member.id, member.id)))


def _peer(unit: Unit, participant: str, peer: str) -> Party:
    row = unit.peers.get(participant, peer)
    document = row.document if row is not None else None
    return Party(document or {"id": peer}, _shown(keys.history(unit, participant, peer)))


def _shown(periods: list[KeyPeriod]) -> list[dict[str, Any]]:
    return [
        {
            "purpose": each.purpose, "kid": each.kid, "jwk": each.jwk, "since": clock.iso(each.since),
            "until": None if each.until is None else clock.iso(each.until),
        }
        for each in periods
    ]  # fmt: skip
