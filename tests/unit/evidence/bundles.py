"""Bundles made by hand: two parties with keys, their messages, seals and journal, without any of the services."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from connector import canonical
from connector.evidence import bundle, chain, compose, heads, seal
from connector.evidence.chain import Record
from connector.evidence.compose import Material, Party, Told
from connector.evidence.contents import Kept, Path
from connector.evidence.seal import Expected
from connector.identity import keys, participant
from connector.identity.keys import KeyPair
from connector.ids import NS

PROVIDER, CONSUMER = "did:web:provider.example", "did:web:consumer.example"
CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
RULES: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "leftOperand": "odrl:dateTime",
                    "operator": "lt",
                    "rightOperand": {"@value": "2027-01-01T00:00:00Z", "@type": "xsd:dateTime"},
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}],
}
OFFER: dict[str, Any] = {"@id": "urn:offer:1", "@type": "Offer", "target": "levels", **RULES}
PAIRS: Mapping[str, KeyPair] = {PROVIDER: keys.generate(), CONSUMER: keys.generate()}
TOKENS: Mapping[str, KeyPair] = {PROVIDER: keys.generate(), CONSUMER: keys.generate()}
ATTACKER = keys.generate()
SINCE = "2026-01-01T00:00:00.000Z"
PIDS = {"providerPid": "urn:uuid:provider-pid", "consumerPid": "urn:uuid:consumer-pid"}


def at(second: int) -> str:
    return f"2026-08-14T06:35:{second:02}.000Z"


@dataclass(slots=True)
class Case:
    """What a contract is made of, before it is sealed; change it and `material()` seals what it then says."""

    made_by: str = PROVIDER
    sealed_by: tuple[str, ...] = (PROVIDER, CONSUMER)
    linked: bool = True
    offer: dict[str, Any] = field(
        default_factory=lambda: {"@id": "urn:offer:1", "@type": "Offer", "target": "levels", **deepcopy(RULES)}
    )
    policy: dict[str, Any] | None = field(default_factory=lambda: {"@type": "Offer", **deepcopy(RULES)})
    removed: frozenset[int] = frozenset()
    silent: frozenset[str] = frozenset()
    pairs: Mapping[str, KeyPair] = field(default_factory=lambda: PAIRS)

    @property
    def agreement(self) -> dict[str, Any]:
        named = {"@id": "urn:agreement:1", "@type": "Agreement", "target": "levels", "assigner": PROVIDER}
        rules = {name: value for name, value in self.offer.items() if name not in ("@id", "@type", "target")}
        return {**named, "assignee": CONSUMER, "timestamp": at(2), **rules}

    def material(self) -> Material:
        """Return what the bundle is made of."""
        told, seals = self._told()
        kept, signed, paths = self._journal(told)
        own = PIDS["providerPid" if self.made_by == PROVIDER else "consumerPid"]
        return Material(
            contract=own, provider=PROVIDER, consumer=CONSUMER, made_by=self.made_by, made=at(50),
            agreement=self.agreement, offer=self.offer, policy=self.policy, seals=seals, messages=told,
            parties={"provider": self._party(PROVIDER), "consumer": self._party(CONSUMER)},
            records=kept, heads=[signed], paths=paths,
        )  # fmt: skip

    def packed(self) -> bytes:
        return compose.compose(self.material(), self.pairs[self.made_by])

    def _party(self, did: str) -> Party:
        pairs = [("token", TOKENS[did]), ("seal", self.pairs[did])]
        document = participant.document(did, token=[TOKENS[did].public], seal=[self.pairs[did].public])
        return Party(
            document,
            [
                {"purpose": purpose, "kid": each.kid, "jwk": each.public.jwk, "since": SINCE, "until": None}
                for purpose, each in pairs
            ],
        )

    def _told(self) -> tuple[list[Told], dict[seal.Kind, str]]:
        seals: dict[seal.Kind, str] = {}
        told: list[Told] = []
        for number, (sender, move, body) in enumerate(self._moves(), 1):
            made = self._sealed(move, told, seals)
            message = {"@context": CONTEXT, "@id": f"urn:message:{number}", **PIDS, **body, **made}
            text = json.dumps(message, ensure_ascii=False)
            applied = move != "offer" and move not in self.silent
            told.append(Told("out" if sender == self.made_by else "in", move, applied, text, at(number)))
        return [each for each in told if each.move not in self.silent], seals

    def _moves(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        event = "ContractNegotiationEventMessage"
        yield CONSUMER, "request", {"@type": "ContractRequestMessage", "offer": self.offer}
        yield PROVIDER, "offer", {"@type": "ContractOfferMessage", "offer": self.offer}
        yield PROVIDER, "agreement", {"@type": "ContractAgreementMessage", "agreement": self.agreement}
        yield CONSUMER, "verification", {"@type": "ContractAgreementVerificationMessage"}
        yield PROVIDER, "finalized", {"@type": event, "eventType": "FINALIZED"}

    def _sealed(self, move: str, told: list[Told], seals: dict[seal.Kind, str]) -> dict[str, str]:
        party = {"agreement": PROVIDER, "verification": CONSUMER}.get(move)
        if party is None or party not in self.sealed_by:
            return {}
        kind: seal.Kind = seal.AGREEMENT if move == "agreement" else seal.VERIFICATION
        first = seals.get(seal.AGREEMENT)
        stated = canonical.digest(self.policy) if self.policy and PROVIDER in self.sealed_by else None
        expected = Expected(
            kind, self.agreement, PROVIDER, CONSUMER, canonical.digest(self.offer),
            [canonical.of_bytes(each.text.encode()) for each in told if each.applied], 0, 0, policy=stated,
            agreement_seal=canonical.of_bytes(first.encode()) if first and self.linked and kind == seal.VERIFICATION else None,
        )  # fmt: skip
        seals[kind] = seal.sign(self.pairs[party], seal.build(expected, at=at(3)))
        return {NS + "seal": seals[kind]}

    def _journal(self, told: list[Told]) -> tuple[list[Kept], str, list[Path]]:
        """Return the records of this contract, among others of the same chain, under one head."""
        own = PIDS["providerPid" if self.made_by == PROVIDER else "consumerPid"]
        states = [(each, canonical.digest(json.loads(each.text))) for each in told if each.applied]
        notes = [("policy.stored", "sha256:x", {"by": "admin"})]
        notes += [
            (
                "negotiation.state",
                own,
                {"by": "peer", "move": each.move, "message": digest} if each.direction == "in" else {"by": "us"},
            )
            for each, digest in states
        ]
        notes += [("grant.opened", "urn:transfer:1", {"é": "ö"}), ("dataset.published", "other", {})]
        kept, previous = list[Kept](), chain.GENESIS
        for number, (kind, subject, payload) in enumerate(notes, 1):
            salted = (f"salt-{number}", json.dumps(payload))
            bare = Record(number, at(number), kind, subject, chain.payload_digest(*salted))
            record = chain.link(previous, bare)
            kept.append(Kept(record, previous, None if number in self.removed else salted))
            previous = record.hash
        hashes = [each.record.hash for each in kept]
        head = heads.following(None, hashes, participant=self.made_by, at=at(40))
        excerpt = [each for each in kept if each.record.subject in (own, "urn:transfer:1")]
        paths = [
            Path(
                each.record.number,
                1,
                each.record.number - 1,
                len(kept),
                tuple(heads.path(hashes, each.record.number - 1)),
            )
            for each in excerpt
        ]
        return excerpt, heads.sign(self.pairs[self.made_by], head), paths


def rewritten(packed: bytes, **files: bytes | None) -> dict[str, bytes]:
    """Return a bundle's files with some replaced (`a__b_json` for `a/b.json`), None for gone."""
    found = bundle.unpack(packed)
    for name, data in files.items():
        real = name.replace("__", "/").replace("_", ".")
        found.pop(real, None)
        if data is not None:
            found[real] = data
    return found


def redigested(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files with the digests of `bundle.json` made to fit, as an attacker does."""
    about = json.loads(files[bundle.MANIFEST]) | {"files": bundle.digests(files)}
    return {**files, bundle.MANIFEST: canonical.canonical(about)}


def resigned(files: Mapping[str, bytes], by: KeyPair) -> bytes:
    """Return files as a bundle signed by somebody: with the maker's key, what a lying maker can do."""
    about = json.loads(files[bundle.MANIFEST])
    return compose.sign(files, by, about["madeBy"], about["made"])
