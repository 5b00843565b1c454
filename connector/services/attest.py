"""What an operator vouches for of a peer, so that policies can ask for it: areas, kinds of recipient, classes, agreements.

A peer's own word is taken for none of this. Everything is replaced as a whole, recorded, and looked at again at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connector.errors import Invalid, Missing
from connector.policy.operands import DATE_TIME, IN_FORCE_DATE, OPERANDS, PARTICIPANT, TIME_SINCE_AGREEMENT
from connector.policy.terms import absolute, expand, vocabulary
from connector.policy.values import all_typed, read_value
from connector.services.facts import PURPOSE, RECIPIENT
from connector.services.house import House
from connector.store.parties import REMOVED, Peer
from connector.store.unit import Unit

_NOT_HERE: Final = frozenset({DATE_TIME, IN_FORCE_DATE, PARTICIPANT, TIME_SINCE_AGREEMENT, PURPOSE, RECIPIENT})
"""What the connector knows by itself; kinds of recipient and areas are groups."""


async def attest(
    house: House, participant: str, peer: str, *, facts: Mapping[str, Sequence[str]], part_of: Sequence[str], by: str
) -> Peer:
    """Vouch for what a peer is: nothing else is known of it from then on.

    Args:
        house: the installation.
        participant: ours, for whose policies it holds.
        peer: the peer's id.
        facts: left operands, prefixed or in full, and their values.
        part_of: the areas, kinds of recipient and groups that the peer belongs to.
        by: the operator who vouches.

    Raises:
        Missing: `peer_unknown`. Invalid: `attest_operand`, `attest_value`, `attest_group`.
    """
    house.member(participant)
    found = {"facts": dict(_fact(name, values) for name, values in facts.items()), "part_of": [*map(_group, part_of)]}

    def work(unit: Unit) -> Peer:
        row = unit.peers.get(participant, peer)
        if row is None or row.state == REMOVED:
            raise Missing("peer_unknown")
        unit.peers.change(participant, peer, attested=found)
        unit.record(participant, "peer.attested", peer, by=by, **found)
        unit.after_commit(lambda: house.forget(participant, peer))
        unit.after_commit(house.office.watch)
        changed = unit.peers.get(participant, peer)
        assert changed is not None  # noqa: S101 - changed above
        return changed

    return await house.store.write(work)


def _fact(name: str, values: Sequence[str]) -> tuple[str, list[str]]:
    operand = OPERANDS.get(vocabulary(name))
    if operand is None or operand.role not in ("context", "declared") or operand.iri in _NOT_HERE:
        raise Invalid("attest_operand", field="facts", operand=name)
    full = [expand(value) if operand.kind == "iri" else value for value in values]
    typed: Any = all_typed([read_value(value) for value in full], operand.kind)
    if not typed:
        raise Invalid("attest_value", field="facts", operand=name)
    return operand.iri, full


def _group(name: str) -> str:
    full = expand(name)
    if not absolute(full):
        raise Invalid("attest_group", field="part_of", group=name)
    return full
