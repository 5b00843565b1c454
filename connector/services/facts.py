"""What is known when a policy is evaluated: the one place that makes `Facts` from the store.

Nothing here is a peer's word for itself, but for its declared purpose: areas, kinds of recipient and everything else about a
peer is what an operator of ours vouches for (`peers attest`). What nobody vouches for stays unknown, and unknown means no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from connector.dataplane.shape import offer
from connector.ids import NS
from connector.policy.operands import OPERANDS
from connector.policy.registry import part_of
from connector.policy.terms import ODRL
from connector.policy.values import identity
from connector.policy.world import Facts, Request
from connector.protocol.machine import PROVIDER
from connector.store.contracts import Contract
from connector.store.unit import Unit

READ: Final = ODRL + "read"
PURPOSE: Final = ODRL + "purpose"
RECIPIENT: Final = ODRL + "recipient"
COUNT: Final = ODRL + "count"
COUNTED: Final = frozenset({COUNT} | {iri for iri in OPERANDS if iri.startswith((NS + "requestsPer", NS + "bytesPer"))})
"""The left operands that are counted: requests and bytes, each data request by itself."""

FIRST: Final[Mapping[str, int]] = dict.fromkeys(COUNTED, 1)
"""What is counted where nothing is read yet: the answer is about the first request of a period, so a quota that is used up
for today is no reason to end a transfer."""


def of_peer(
    unit: Unit,
    participant: str,
    peer: str,
    *,
    purpose: str | None = None,
    counted: Mapping[str, int] = FIRST,
    **known: Any,
) -> Facts:
    """Return what is known of a peer of ours: what an operator vouches for, and the purpose that it declared.

    `counted` is what has been spent, the present request included; `known` are further members of `Facts`.
    """
    row = unit.peers.get(participant, peer)
    attested: Mapping[str, Any] = (row.attested if row else None) or {}
    values: dict[str, Any] = {**attested.get("facts", {}), **counted, RECIPIENT: peer}
    if purpose is not None:
        values[PURPOSE] = purpose
    return Facts(values=values, part_of=_groups(peer, tuple(attested.get("part_of", ()))), **known)


def of_contract(unit: Unit, contract: Contract, counted: Mapping[str, int] = FIRST) -> Facts:
    """Return what is known under a contract, as its provider or (of ourselves) as its consumer."""
    return of_peer(
        unit, contract.participant, consumer_of(contract), purpose=contract.purpose, counted=counted,
        agreed_at=contract.agreed, duties=duty_states(unit, contract), due_from=due_from(unit, contract),
        transforms=transforms(unit, contract.participant, contract.dataset),
    )  # fmt: skip


def request_for(contract: Contract, now: float) -> Request:
    """Return what a data request under a contract asks for: `odrl:read` on its dataset."""
    return Request(READ, contract.dataset, consumer_of(contract), now)


def consumer_of(contract: Contract) -> str:
    """Return the party that reads under a contract."""
    return contract.peer if contract.role == PROVIDER else contract.participant


def duty_states(unit: Unit, contract: Contract) -> Mapping[str, str]:
    """Return the state of each duty of a contract, by its `uid` or JSON pointer; a duty that is not there is not fulfilled."""
    return {row.duty: row.state for row in unit.duties.of_contract(contract.id)}


def due_from(unit: Unit, contract: Contract) -> Mapping[str, float]:
    """Return the instant of the trigger of each duty of a contract, by its `uid` or JSON pointer."""
    return {row.duty: row.since for row in unit.duties.of_contract(contract.id) if row.since is not None}


def transforms(unit: Unit, participant: str, dataset: str) -> frozenset[str]:
    """Return the operands that the data plane can make true for a dataset of ours."""
    found = unit.datasets.get(participant, dataset)
    return frozenset() if found is None else offer.offered(found.source)


@lru_cache(maxsize=4096)
def _groups(peer: str, groups: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """Return the registry's hierarchies with what one peer belongs to; without any, nothing is known of it."""
    return {**part_of(), identity(peer): groups, peer: groups} if groups else part_of()
