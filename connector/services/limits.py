"""Counter-requests and the limit that an offer's owner has set: what is asked for, beside what we offered.

Whether it is within the limit takes too long to find out inside a unit. A unit that needs it and does not find it raises
`Unproved`; whoever ran the unit finds it out and runs the unit again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import orjson

from connector.policy.limit import Deal, Standing, standing
from connector.protocol import catalog
from connector.protocol.machine import PROVIDER
from connector.store.contracts import Contract
from connector.store.offers import NEGOTIATION, Offer
from connector.store.session import Store
from connector.store.unit import Unit

T = TypeVar("T")
_MOST_KNOWN: Final = 256
_known: dict[Proof, Standing] = {}


@dataclass(frozen=True, slots=True)
class Proof:
    """A question that has one answer for ever: are these rules within that limit, between these parties."""

    written: bytes
    deal: Deal
    rules: Mapping[str, Any] = field(compare=False, repr=False)
    limit: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def known(self) -> Standing | None:
        """The answer, once it has been found."""
        return _known.get(self)

    def find(self) -> Standing:
        """Find the answer; it takes up to half a second."""
        found = standing(self.rules, self.limit, self.deal)
        while len(_known) >= _MOST_KNOWN:
            _known.pop(next(iter(_known)), None)
        _known[self] = found
        return found


class Unproved(Exception):
    """A unit cannot go on before a proof has been tried; never seen outside of `proved`."""

    def __init__(self, proof: Proof) -> None:
        super().__init__()
        self.proof = proof


async def proved(store: Store, work: Callable[[Unit], T]) -> T:
    """Run a unit that writes; where it needs a proof that has not been tried, try it meanwhile and run the unit again."""
    try:
        return await store.write(work)
    except Unproved as missing:
        await asyncio.to_thread(missing.proof.find)
    return await store.write(work)


@dataclass(frozen=True, slots=True)
class Asked:
    """A consumer's own rules on the table.

    Attributes:
        basis: the offer of our catalogue that the negotiation began with.
        ours: what we offered last: the basis, or an offer that we made in the negotiation.
        rules: what is asked for, as it would be stored: without id, dataset, `@context`.
        limited: the basis has a limit.
        proof: that it is within the limit; None where there is no limit, or where other parties or datasets are named.
    """

    basis: Offer
    ours: Offer
    rules: dict[str, Any]
    limited: bool
    proof: Proof | None

    @property
    def within(self) -> bool | None:
        """Whether it is known to be within the limit; None where there is no limit."""
        return (self.proof is not None and self.proof.known == "within") if self.limited else None


def asked(unit: Unit, contract: Contract) -> Asked | None:
    """Return what a consumer asks of us in other words than our own; None where there is nothing of the kind."""
    if contract.role != PROVIDER or contract.offer_row is not None or contract.basis is None:
        return None
    basis = unit.offers.get(contract.participant, contract.basis)
    if basis is None:
        return None
    rules = stored_form(contract.offer)
    proof = _proof(unit, contract, basis, rules)
    return Asked(basis, _ours(unit, contract, basis), rules, basis.limit_policy is not None, proof)


def demand(found: Asked | None) -> None:
    """Raise Unproved where a proof is possible that has not been tried."""
    if found is not None and found.proof is not None and found.proof.known is None:
        raise Unproved(found.proof)


def stored_form(offer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules of an offer on the table as they would be stored under an id of ours."""
    document, _ = catalog.offer("", offer)
    return {name: value for name, value in document.items() if name != "@id"}


def _ours(unit: Unit, contract: Contract, basis: Offer) -> Offer:
    row = unit.offers.get(contract.participant, str(contract.offer.get("@id")))
    return row if row and row.origin == NEGOTIATION and row.dataset == contract.dataset else basis


def _proof(unit: Unit, contract: Contract, basis: Offer, rules: dict[str, Any]) -> Proof | None:
    limit = unit.policies.get(contract.participant, basis.limit_policy) if basis.limit_policy else None
    own = {"target": contract.dataset, "assigner": contract.participant, "assignee": contract.peer}
    if limit is None or any(contract.offer.get(name, value) != value for name, value in own.items()):
        return None
    deal = Deal(contract.dataset, contract.participant, contract.peer)
    return Proof(orjson.dumps([rules, limit.document]), deal, rules, limit.document)
