"""Who could get a dataset: every peer that is known, under each of its offers, as far as can be told without asking them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector import clock
from connector.errors import Invalid, Missing
from connector.policy.explain.clauses import clause
from connector.policy.explain.sentences import explain
from connector.policy.model import Constraint, LogicalConstraint
from connector.policy.parse import parse
from connector.policy.prospect import Answer, Need, Prospect, pointers, prospect
from connector.policy.world import Facts, Request
from connector.services import declared, facts
from connector.services.house import House
from connector.store.offers import Offer, Policy
from connector.store.parties import PINNED
from connector.store.unit import Unit

_ORDER: tuple[Answer, ...] = ("yes", "only-if", "no")
_MOST_SENTENCES = 5


@dataclass(frozen=True, slots=True)
class Needed:
    """What has to be so: `kind` is purpose, time, fact, duty or prohibition; `text` says it in the reader's language."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Under:
    """What one offer means for a peer.

    Attributes:
        answer: `yes`, `no` or `only-if`: the stricter of what its access policy and its contract policy say.
        because: of a "no": the rules that refuse, in words.
        needs: of an "only if". until: of a "yes": an xsd:dateTime, or None.
        approval: `person` where one of ours has to approve besides.
    """

    offer: str
    answer: Answer
    because: list[str]
    needs: list[Needed]
    until: str | None
    approval: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A peer, and the best of what the offers mean for it; while its changed keys are not confirmed it gets nothing."""

    peer: str
    state: str
    answer: Answer
    offers: list[Under]


@dataclass(frozen=True, slots=True)
class _Known:
    offers: list[tuple[Offer, Policy | None]]
    peers: list[tuple[str, str, Facts]]
    now: float


async def who(
    house: House, participant: str, dataset: str, language: str, *, purpose: str | None = None
) -> list[Candidate]:
    """Return the peers with what each could get, by id, if it declared a purpose (in full, prefixed or by its bare name).

    Raises Missing `dataset_unknown`, Invalid `purpose_unknown`.
    """
    house.member(participant)
    wanted = declared.named(purpose)
    known = await house.store.read(lambda unit: _known(unit, participant, dataset, wanted))
    return await asyncio.to_thread(_candidates, known, dataset, language)


def _known(unit: Unit, participant: str, dataset: str, purpose: str | None) -> _Known:
    if unit.datasets.get(participant, dataset) is None:
        raise Missing("dataset_unknown")
    offers = [
        (offer, unit.policies.get(participant, offer.access) if offer.access else None)
        for offer in unit.offers.list(participant, dataset)
    ]
    shaped = facts.transforms(unit, participant, dataset)
    peers = [
        (peer.id, peer.state, facts.of_peer(unit, participant, peer.id, purpose=purpose, transforms=shaped))
        for peer in unit.peers.list(participant)
    ]
    return _Known(offers, peers, unit.now)


def _candidates(known: _Known, dataset: str, language: str) -> list[Candidate]:
    found = []
    for peer, state, facts_of_peer in known.peers:
        request = Request(facts.READ, dataset, peer, known.now)
        under = [_under(offer, access, request, facts_of_peer, language) for offer, access in known.offers]
        answers = {each.answer for each in under}
        best: Answer = next((each for each in _ORDER if each in answers), "no")
        found.append(Candidate(peer, state, best if state == PINNED else "no", under))
    return found


def _under(offer: Offer, access: Policy | None, request: Request, known: Facts, language: str) -> Under:
    documents = [offer.document] if access is None else [access.document, offer.document]
    sides = [_side(document, request, known, language) for document in documents]
    worst = max((side.answer for side, _, _ in sides), key=_ORDER.index)
    because = [text for side, said, _ in sides if side.answer == "no" for text in said]
    needs = [need for _, _, needs in sides for need in needs] if worst == "only-if" else []
    ends = [side.until for side, _, _ in sides if side.until is not None] if worst == "yes" else []
    until = clock.iso(min(ends)) if ends else None
    return Under(offer.id, worst, because, list(dict.fromkeys(needs)), until, offer.approval)


def _side(
    document: Mapping[str, Any], request: Request, known: Facts, language: str
) -> tuple[Prospect, list[str], list[Needed]]:
    try:
        policy = parse(document)
    except Invalid:
        return Prospect("no"), [], []
    found, told = prospect(policy, request, known), explain(policy, language)
    sentences = {each.rule: each.text for each in told.sentences}
    placed = pointers(policy)

    def said(pointer: str) -> str:
        thing = placed[pointer]
        if isinstance(thing, (Constraint, LogicalConstraint)):
            return clause(thing, language)
        return sentences.get(getattr(thing, "uid", "") or pointer, pointer)

    because = [said(pointer) for pointer in found.rules[:_MOST_SENTENCES]] or [told.summary]
    return found, because if found.answer == "no" else [], [_needed(need, said) for need in found.needs]


def _needed(need: Need, said: Callable[[str], str]) -> Needed:
    return Needed(need.kind, said(need.pointer))
