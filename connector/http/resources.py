"""What the management API gives: resources as models, and how each is made of what the services give.

Every resource has `id`; times are xsd:dateTimes in UTC. Contracts and transfers are shown as `services.views` has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Generic, Literal, TypeVar

from cryptography import x509
from pydantic import BaseModel, ConfigDict

from connector import clock, texts
from connector.identity import participant as places
from connector.identity import trust
from connector.net import certificates
from connector.protocol import catalog
from connector.services import check as checking
from connector.services import duties, keys, participants, peers, publish
from connector.store.offers import Offer as OfferRow
from connector.store.offers import Policy as PolicyRow
from connector.store.parties import Operator as OperatorRow
from connector.store.parties import Peer as PeerRow

T = TypeVar("T")
_TITLES = ("dct:title", "http://purl.org/dc/terms/title", "dcterms:title", "title")


class Resource(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


class Items(Resource, Generic[T]):
    """A part of a list. `next` is the cursor of the next part, or null."""

    items: list[T]
    next: str | None


# Operators and participants


class Operator(Resource):
    """A holder of a token. `token` is there once, in the answer that made it; a repeated answer has null."""

    id: str
    name: str
    scope: Literal["read", "write", "approve"]
    created: str
    created_by: str
    token: str | None = None


class Participant(Resource):
    """An organisation that we are. `keys` are the fingerprints (RFC 7638) that its neighbours compare."""

    id: str
    name: str
    root: str
    base: str
    keys: list[dict[str, str]]
    created: str


class Key(Resource):
    """A public key of ours; `id` is its fingerprint (RFC 7638).

    `state` is `next` (announced in the DID document, not used yet), `current` (it signs), `previous` (signs no more, but peers
    still accept it) or `retired`. `used` is from when it signs, `until` from when its successor does.
    """

    id: str
    purpose: Literal["token", "seal"]
    state: Literal["next", "current", "previous", "retired"]
    since: str
    used: str
    until: str | None


# Peers


class PeerSight(Resource):
    """A peer as it shows itself now; nothing is stored. `certificates` is what its server shows over https."""

    id: str
    auth: str
    base: str
    keys: list[dict[str, str]]
    fingerprints: list[str]
    certificates: list[dict[str, str]]
    document: dict[str, Any] | None


class Peer(Resource):
    """A peer. `state` is `pinned`, or `key-changed`: then nothing is taken from it or sent to it.

    `trust` is `token`, `certificate` (its key must be one of `certificates`), or `authority` (one of `certificates` must vouch
    for `trust_name`).
    `seals` tells whether it is known to seal its contracts; then one without its seal is refused.
    """

    id: str
    state: Literal["pinned", "key-changed"]
    auth: str
    base: str
    keys: list[dict[str, str]]
    trust: Literal["token", "certificate", "authority"]
    trust_name: str | None
    certificates: list[dict[str, str]]
    document: dict[str, Any] | None
    created: str
    created_by: str
    checked: str
    seals: bool
    attested: dict[str, Any] | None


# Publishing


class Policy(Resource):
    """A policy; `id` is the digest of its content."""

    id: str
    name: str
    document: dict[str, Any]
    created: str
    created_by: str


class Offer(Resource):
    """An offer of ours. `policy`, `access` and `limit` are ids of policies; `document` is what the catalogue shows.

    `files` names, for each of the three, the file in the home's `policies/` folder that it came from.
    """

    id: str
    dataset: str
    policy: str
    access: str | None
    approval: str | None
    seal: str | None
    limit: str | None
    files: dict[str, str]
    document: dict[str, Any]
    created: str
    created_by: str


class Dataset(Resource):
    """A published dataset with its offers."""

    id: str
    title: str
    description: dict[str, Any]
    source: dict[str, Any]
    offers: list[Offer]
    created: str
    created_by: str


class CatalogEntry(Resource):
    """A dataset of a peer's catalogue. `offers` are the ids that can be asked for; `document` is the entry as it came."""

    id: str
    title: str
    offers: list[str]
    document: dict[str, Any]


# Watching


class Check(Resource):
    """Something an operator should look at, in the language of the request."""

    id: str
    ok: bool
    code: str
    text: str
    next: str
    values: dict[str, str | int | float | bool | None]


# Duties


class Duty(Resource):
    """A duty of an agreement, with its sentence in the language of the request.

    `duty` is its `uid` or its JSON pointer in the agreement; `ours` tells whether we have to do it; `told` whether the other
    party knows that it was done: `pending`, `told`, `refused`, or null where it is recorded here alone.
    """

    id: str
    contract: str
    peer: str
    duty: str
    kind: str
    action: str
    text: str
    ours: bool
    state: Literal["not-set", "fulfilled", "violated"]
    trigger: str
    since: str | None
    due: str | None
    overdue: bool
    evidence: str | None
    evidence_bytes: int | None
    note: str | None
    by: str | None
    at: str | None
    told: Literal["pending", "told", "refused"] | None


# From what services give


def operator(found: tuple[OperatorRow, str] | OperatorRow) -> Operator:
    """Show an operator, with the token where it has just been made."""
    row, token = found if isinstance(found, tuple) else (found, "")
    return Operator(
        id=row.name, name=row.name, scope=row.scope, created=clock.iso(row.created), created_by=row.created_by,
        token=token or None,
    )  # fmt: skip


def participant(found: participants.Own) -> Participant:
    """Show a participant of ours."""
    keys = [{"purpose": "token", "thumbprint": found.token}, {"purpose": "seal", "thumbprint": found.seal}]
    row = found.row
    base = row.root + places.DSP_PATH
    return Participant(id=row.id, name=row.name, root=row.root, base=base, keys=keys, created=clock.iso(row.created))


def key(found: keys.Shown) -> Key:
    """Show a key of ours."""
    held = found.key
    until = clock.iso(held.until) if held.until is not None else None
    return Key(
        id=held.public.thumbprint, purpose=held.purpose, state=found.state, since=clock.iso(held.since),
        used=clock.iso(held.used), until=until,
    )  # fmt: skip


def sighting(found: peers.Sighting) -> PeerSight:
    """Show a peer that was looked at."""
    document = None if found.document is None else dict(found.document.raw)
    return PeerSight(
        id=found.did, auth=found.auth, base=found.base, keys=found.keys, fingerprints=sorted(found.fingerprints),
        certificates=_certificates([found.certificate] if found.certificate else []), document=document,
    )  # fmt: skip


def peer(row: PeerRow) -> Peer:
    """Show a peer."""
    keys = [{"purpose": str(pin["purpose"]), "thumbprint": str(pin["thumbprint"])} for pin in row.pins]
    trusted = trust.load(row.trust)
    return Peer(
        id=row.id, state=row.state, auth=row.auth, base=row.base, keys=keys, trust=trusted.mode, trust_name=trusted.name,
        certificates=_certificates(certificates.read_pem(text)[0] for text in trusted.certificates), document=row.document,
        created=clock.iso(row.created), created_by=row.created_by, checked=clock.iso(row.checked),
        seals=row.seals is not None, attested=row.attested,
    )  # fmt: skip


def policy(row: PolicyRow) -> Policy:
    """Show a policy."""
    made = {"created": clock.iso(row.created), "created_by": row.created_by}
    return Policy(id=row.digest, name=row.name, document=row.document, **made)


def offer(row: OfferRow) -> Offer:
    """Show an offer of ours."""
    return Offer(
        id=row.id, dataset=row.dataset, policy=row.policy, access=row.access, approval=row.approval, seal=row.seal,
        limit=row.limit_policy, files=row.files or {}, document=row.document, created=clock.iso(row.created),
        created_by=row.created_by,
    )  # fmt: skip


def dataset(found: publish.Published) -> Dataset:
    """Show a dataset with its offers."""
    row = found.dataset
    return Dataset(
        id=row.id, title=row.title, description=row.description, source=row.source,
        offers=[offer(each) for each in found.offers], created=clock.iso(row.created), created_by=row.created_by,
    )  # fmt: skip


def catalog_entry(found: dict[str, Any], language: str) -> CatalogEntry:
    """Show a dataset of a peer's catalogue, its title in the reader's language where there is one."""
    offers = [item["@id"] for item in catalog.offers_in(found)]
    titles = next((found[name] for name in _TITLES if name in found), None)
    return CatalogEntry(id=found["@id"], title=_title(titles, language) or found["@id"], offers=offers, document=found)


def check(found: checking.Check, language: str) -> Check:
    """Show a check with its sentence, and the next step where one is needed."""
    text = texts.say(found.code, language, "text", **found.values)
    following = "" if found.ok else texts.say(found.code, language, "next", **found.values)
    return Check(id=found.id, ok=found.ok, code=found.code, text=text, next=following, values=found.values)


def _certificates(found: Iterable[x509.Certificate]) -> list[dict[str, str]]:
    """Show certificates: the fingerprint of the key (SHA-256 of the SubjectPublicKeyInfo), the names, and until when."""
    return [
        {
            "spki": certificates.spki(one),
            "names": ", ".join(certificates.names(one)) or one.subject.rfc4514_string(),
            "until": clock.iso(certificates.times(one)[1]),
        }
        for one in found
    ]


def duty(found: duties.Shown, language: str) -> Duty:
    """Show a duty."""
    return Duty.model_validate(asdict(found.view) | {"text": found.sentences[language]})


def _title(value: Any, language: str) -> str | None:
    """Return a title out of a text, a language-tagged value, or a list of them."""
    values = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str | dict)]
    tagged = [item for item in values if isinstance(item, dict) and item.get("@language") == language]
    for item in (*tagged, *values):
        text = item.get("@value") if isinstance(item, dict) else item
        if isinstance(text, str):
            return text[:500]
    return None
