"""What the management API takes: bodies and query parameters, as models that refuse members they do not know.

They read requests, and the OpenAPI document is made of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MOST_ITEMS = 1000


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "not printable"
        raise ValueError(message)
    return text


Id = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_printable)]
Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]
Url = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_printable)]
Pem = Annotated[str, Field(min_length=1, max_length=64 * 1024)]
Cursor = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_printable)]


FileName = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^/\\\x00]+\.json$"), AfterValidator(_printable)
]


class Request(BaseModel):
    """A request's body: nothing but the members named here, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Query(BaseModel):
    """A request's query parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Paging(Query):
    """Which part of a list: what follows a `next` of an earlier part, and how many items at most (else `page_size`)."""

    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS)] | None = None


class OfferPaging(Paging):
    """Offers, of one dataset where it is named."""

    dataset: Id | None = None


class WhoPaging(Paging):
    """Peers, as if each declared `purpose`: an IRI of the profile's purposes, prefixed or by its bare name."""

    purpose: Id | None = None


class JournalPaging(Paging):
    """Records: of one subject, contract, peer or dataset, and of a time from `since` to before `until`, where they are given."""

    subject: Id | None = None
    contract: Id | None = None
    peer: Id | None = None
    dataset: Id | None = None
    since: Cursor | None = None
    until: Cursor | None = None


class Verification(Query):
    """Whether the peers are asked too, which of our signed heads they hold."""

    peers: bool = False


class PayloadRemoval(Request):
    """Which payloads of the journal to remove: of which groups of kinds, from before which time, on whose decision."""

    before: Cursor
    kinds: Annotated[list[Literal["access", "exchange", "administration"]], Field(min_length=1, max_length=3)]
    reference: Annotated[str, Field(min_length=1, max_length=200)]


class BranchAcceptance(Request):
    """The peer whose new heads are accepted, on whose decision."""

    peer: Id
    reference: Annotated[str, Field(min_length=1, max_length=200)]


class CatalogQuery(Query):
    """One dataset of a peer's catalogue, or the part of it after a cursor."""

    dataset: Id | None = None
    cursor: Cursor | None = None


class NewOperator(Request):
    """An operator to make."""

    name: Id
    scope: Literal["read", "write", "approve"]


class NewParticipant(Request):
    """A participant to make under this roof; `id` is its did:web id."""

    id: Id
    name: Line


class PeerTrust(Request):
    """What a peer's certificate must be: one with a pinned key, or one that an authority vouches for under a name.

    `certificate` is PEM of the peer's own (its key is pinned), `keys` are fingerprints of keys (SHA-256 of the
    SubjectPublicKeyInfo, hexadecimal), `authority` is PEM of authorities, which goes with `name`. An empty object: its token
    key alone counts.
    """

    certificate: Pem | None = None
    keys: list[Id] = Field(default=[], max_length=16)
    authority: Pem | None = None
    name: Id | None = None


class PeerLook(Request):
    """A peer to look at. `endpoint` is the base URL of its DSP endpoints where its version document is not to be asked."""

    id: Id
    endpoint: Url | None = None
    auth: Literal["pinned", "mock"] = "pinned"
    trust: PeerTrust | None = None


class NewPeer(PeerLook):
    """A peer to pin. `fingerprints` are those that a person has compared: exactly the ones that it shows."""

    fingerprints: list[Id] = Field(default=[], max_length=100)


class PeerConfirmation(Request):
    """The fingerprints of a peer's new keys that a person has compared; `trust` where its certificate is to be another."""

    fingerprints: list[Id] = Field(max_length=100)
    trust: PeerTrust | None = None


class Attestation(Request):
    """What an operator vouches for of a peer: left operands with their values, and what the peer belongs to."""

    facts: dict[Id, Annotated[list[Id], Field(min_length=1, max_length=100)]] = Field(default={}, max_length=100)
    part_of: list[Id] = Field(default=[], max_length=100)


class KeyRotation(Request):
    """A key to replace: for what it is, and for how many seconds the new one is announced before it is used (else a day)."""

    purpose: Literal["token", "seal"]
    overlapSeconds: Annotated[int, Field(ge=0, le=7_776_000)] = 86_400  # noqa: N815 - a JSON member's name


class NewPolicy(Request):
    """A policy to store: a document in DSP's offer form, and the name of the file it came from.

    `cases` is the text of the cases file beside it: a policy that fails one is refused, unless `force` (the journal says so).
    """

    name: Line
    document: dict[str, Any]
    cases: Annotated[str, Field(max_length=512 * 1024)] | None = None
    force: bool = False


class OfferTerms(Request):
    """What is offered: the ids of a contract policy and of an access policy, and `person` where one has to approve.

    `limit` is the id of a policy that says how far the owner would go. `files` names the files in the home's `policies/` folder
    whose changes make new offers. `seal` is `required` where peers that do not seal their contracts are refused.
    """

    policy: Id
    access: Id | None = None
    approval: Literal["person"] | None = None
    seal: Literal["required"] | None = None
    limit: Id | None = None
    files: dict[Literal["policy", "access", "limit"], FileName] = {}


class NewOffer(OfferTerms):
    """One more offer of a dataset."""

    dataset: Id


class NewDataset(Request):
    """A dataset to publish. `source` is a spec such as {"kind": "file", "path": ...}, or `file:PATH`, `dir:PATH`, `http:URL`.

    `description` holds further `dct:` and `dcat:` members of the catalogue entry.
    """

    id: Id
    title: Line
    source: Annotated[str, Field(min_length=1, max_length=4096)] | dict[str, Any]
    offers: list[OfferTerms] = Field(min_length=1, max_length=100)
    description: dict[str, Any] = {}


class NewContract(Request):
    """A contract to ask a peer for (`request`), or to offer it (`offer`); without `offer` the dataset's only one.

    `purpose` is for requests: what the data are wanted for, an IRI of the profile's purposes, prefixed or by its bare name.
    """

    peer: Id
    dataset: Id
    offer: Id | None = None
    kind: Literal["request", "offer"] = "request"
    purpose: Id | None = None


class Counter(Request):
    """Other rules to answer with: the id of a policy of ours."""

    policy: Id


class Reason(Request):
    """Why something is ended, for the other party to read."""

    reason: Annotated[str, Field(max_length=1000), AfterValidator(_printable)] = ""


class NewTransfer(Request):
    """A transfer to start under a contract."""

    contract: Id


class DutyPaging(Paging):
    """Duties, of one contract where it is named."""

    contract: Id | None = None


class EvidenceFile(Request):
    """Evidence: `content` in base64 (RFC 4648, section 4), or the `sha256` in hex and the `bytes` of a file kept elsewhere."""

    content: Annotated[str, Field(max_length=700_000)] | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    bytes: Annotated[int, Field(ge=0, lt=2**53)] | None = None


class Fulfilment(Request):
    """A duty that was done: what shows it, and a line about it for both parties."""

    evidence: EvidenceFile
    note: Annotated[str, Field(max_length=1000), AfterValidator(_printable)] = ""
