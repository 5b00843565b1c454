"""Grants: checking a data request, renewing a token. A grant opens data while its transfer is STARTED and the policy permits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.dataplane.shape.recipe import Recipe
from connector.errors import Denied, Unauthenticated, Unknown
from connector.protocol import transfer
from connector.services import facts, permission, shaping, standing
from connector.services.house import House, grant_named, grant_token
from connector.services.receive import Speaker, with_token
from connector.services.transfer import GENERATION_SECONDS
from connector.store.contracts import Grant
from connector.store.unit import Unit

MEMORY_SECONDS = 1.0
OVERLAP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Opening:
    """A grant that opens data now: what it reads, and until when this answer may be remembered.

    `recipe` is what must be done to the data before it is served.
    `counted` are the left operands of its agreement that each request is counted by (`services.quota`).
    """

    grant: Grant
    source: Mapping[str, Any]
    agreement: Mapping[str, Any]
    until: float
    recipe: Recipe | None = None
    counted: frozenset[str] = frozenset()


class Grants:
    """Checks data requests. An answer is remembered for at most a second, and not past a closing in this process."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._openings: dict[str, Opening] = {}

    def forget(self, grant: str) -> None:
        """Forget a grant that was closed or renewed."""
        self._openings.pop(grant, None)

    async def check(self, transfer_pid: str, token: str | None) -> Opening:
        """Return what a token opens now.

        Raises:
            Unauthenticated: `data_token_missing`, `data_token_invalid`.
            Denied: `grant_closed`, `grant_expired`, `policy_denies`, `shape_missing`. Unknown: `data_unknown`.
        """
        if token is None:
            raise Unauthenticated("data_token_missing")
        named = grant_named(self._house.grant_key, token)
        if named is None:
            raise Unauthenticated("data_token_invalid")
        grant, generation = named
        opening = await self._opening(grant, generation)
        if opening.grant.transfer != transfer_pid:
            raise Unauthenticated("data_token_invalid")
        _check_generation(opening.grant, generation, self._house.now())
        return opening

    async def _opening(self, grant: str, generation: int) -> Opening:
        remembered = self._openings.get(grant)
        if remembered is not None and remembered.until > self._house.now():
            return remembered
        opening = await self._house.store.read(lambda unit: self._open(unit, grant))
        if opening is None:
            opening = await self._house.store.write(lambda unit: self._started_by_reading(unit, grant, generation))
        self._openings[grant] = opening
        if len(self._openings) > 10_000:  # noqa: PLR2004 - a bound on memory, whoever reads
            self._openings.clear()
        return opening

    def _open(self, unit: Unit, grant_id: str) -> Opening | None:
        """Return what a grant opens; None where its start has not been acknowledged yet."""
        grant = unit.grants.get(grant_id)
        if grant is None:
            raise Unauthenticated("data_token_invalid")
        if grant.closed is not None:
            raise Denied("grant_closed", why=grant.closed_by)
        exchange = unit.exchanges.load(grant.participant, grant.transfer, grant.peer)
        if exchange is None or exchange.turn.wanted:
            raise Denied("grant_closed", why=transfer.SUSPENSION)
        pending = exchange.turn.pending
        if pending is not None and pending.move == transfer.START and pending.sent:
            return None
        if exchange.turn.state != transfer.STARTED or (pending is not None and pending.move != transfer.START):
            raise Denied("grant_closed", why=exchange.turn.shown)
        return self._permitted(unit, grant)

    def _started_by_reading(self, unit: Unit, grant_id: str, generation: int) -> Opening:
        """Take a data request as the acknowledgement of the start that carried its token (rule 2), not of a later one."""
        grant = unit.grants.get(grant_id)
        if grant is not None:
            _check_generation(grant, generation, unit.now)
        exchange = unit.exchanges.load(grant.participant, grant.transfer, grant.peer) if grant else None
        pending = exchange.turn.pending if exchange else None
        if exchange is not None and pending is not None and pending.move == transfer.START:
            self._house.exchanging.acknowledge(unit, exchange, pending.id, "data request")
        opening = self._open(unit, grant_id)
        if opening is None:
            raise Denied("grant_closed", why=transfer.REQUESTED)
        return opening

    def _permitted(self, unit: Unit, grant: Grant) -> Opening:
        contract = unit.contracts.get(grant.contract)
        dataset = unit.datasets.get(grant.participant, grant.dataset)
        if contract is None or contract.agreement is None or dataset is None:
            raise Unknown("data_unknown")
        request = facts.request_for(contract, unit.now)
        known = facts.of_contract(unit, contract)
        verdict = standing.verdict(unit, contract)
        if not verdict.permits:
            raise permission.refusal(verdict)
        recipe = shaping.required(contract.agreement, request, known, dataset.source)
        until = unit.now + MEMORY_SECONDS
        read = permission.read(contract.agreement)
        counted = read.counted if read else frozenset()
        return Opening(grant, dataset.source, contract.agreement, min(until, verdict.until or until), recipe, counted)


def _check_generation(grant: Grant, generation: int, now: float) -> None:
    """Hold a renewable grant's token to its ten minutes; the one before a renewal stays good for a minute."""
    current = generation == grant.generation
    previous = generation == grant.generation - 1 and (grant.previous_until or 0.0) > now
    if not current and not previous:
        raise Denied("grant_expired")
    if current and grant.renewable and now >= grant.since + GENERATION_SECONDS:
        raise Denied("grant_expired")


async def renew(house: House, speaker: Speaker, transfer_pid: str) -> dict[str, Any]:
    """Return the next token of a transfer's grant to the peer that holds it.

    Raises:
        Unknown: `process_unknown`. Denied: `grant_closed`; `policy_denies`, which also suspends or ends the transfer.
    """
    refused: list[permission.Verdict] = []

    def work(unit: Unit) -> Grant:
        refused.clear()
        grant = unit.grants.of_transfer(transfer_pid)
        if grant is None or (grant.participant, grant.peer) != (speaker.member.id, speaker.caller.peer):
            raise Unknown("process_unknown")
        exchange = unit.exchanges.load(grant.participant, transfer_pid, grant.peer)
        if grant.closed is not None or exchange is None or exchange.turn.state != transfer.STARTED:
            raise Denied("grant_closed", why=grant.closed_by)
        verdict = standing.of_grant(unit, grant)
        if not verdict.permits:
            refused.append(verdict)
            standing.refuse(house.exchanging, unit, grant, verdict)
            return grant
        unit.grants.change(
            grant.id, generation=grant.generation + 1, since=unit.now, previous_until=unit.now + OVERLAP_SECONDS
        )
        unit.record(
            grant.participant, "grant.renewed", transfer_pid,
            grant=grant.id, generation=grant.generation + 1, by="peer", peer=grant.peer,
        )  # fmt: skip
        unit.after_commit(lambda: house.office.renewed(grant.id))
        return replace(grant, generation=grant.generation + 1)

    grant = await with_token(house, speaker, work)
    if refused:
        raise permission.refusal(refused[0])
    token = grant_token(house.grant_key, grant.id, grant.generation)
    return {"authorization": token, "authType": "bearer", "expiresIn": int(GENERATION_SECONDS)}
