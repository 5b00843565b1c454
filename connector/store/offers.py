"""What we publish: policies by the digest of their content, datasets, offers. Catalogue entries are stored pre-rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from connector.store.keyset import keyset
from connector.store.tables import Dataset as DatasetRow
from connector.store.tables import Offer as OfferRow
from connector.store.tables import Policy as PolicyRow
from connector.store.tables import columns, table

CATALOG = "catalog"
NEGOTIATION = "negotiation"
REQUIRED = "required"
RETIRED = "retired"
_policies, _datasets, _offers = table(PolicyRow), table(DatasetRow), table(OfferRow)

# What messages and reads of data need is made once: making a statement costs several times more than running it.
_select_policy = select(_policies).where(
    _policies.c.participant == bindparam("of_participant"), _policies.c.digest == bindparam("of_digest")
)
_select_dataset = select(_datasets).where(
    _datasets.c.participant == bindparam("of_participant"), _datasets.c.id == bindparam("of_id")
)
_select_offer = select(_offers).where(
    _offers.c.participant == bindparam("of_participant"), _offers.c.id == bindparam("of_id")
)
_given = _offers.c.participant == _policies.c.participant, _offers.c.access == _policies.c.digest
_select_access = select(_policies).where(
    _policies.c.participant == bindparam("of_participant"),
    select(_offers.c.id).where(*_given, _offers.c.origin == CATALOG).exists(),
)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document under the digest of its content; `name` is the file it last came from."""

    participant: str
    digest: str
    name: str
    document: dict[str, Any]
    created: float
    created_by: str


class Policies:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def put(self, policy: Policy) -> None:
        """Insert a policy unless that content is there already."""
        if self.get(policy.participant, policy.digest) is None:
            self._conn.execute(insert(_policies), columns(policy))

    def rename(self, participant: str, digest: str, name: str) -> None:
        """Give a policy the name of the file that it last came from."""
        chosen = (_policies.c.participant == participant) & (_policies.c.digest == digest)
        self._conn.execute(update(_policies).where(chosen).values(name=name))

    def get(self, participant: str, digest: str) -> Policy | None:
        """Return a policy by its content's digest."""
        row = self._conn.execute(_select_policy, {"of_participant": participant, "of_digest": digest}).first()
        return Policy(**row._asdict()) if row else None

    def page(self, participant: str, *, after: tuple[float, str] | None = None, limit: int = 50) -> Sequence[Policy]:
        """Return a participant's policies, the first stored first, after the cursor (created, digest)."""
        wanted = select(_policies).where(_policies.c.participant == participant)
        rows = self._conn.execute(keyset(wanted, (_policies.c.created, _policies.c.digest), after, limit))
        return [Policy(**row._asdict()) for row in rows]

    def access_in_use(self, participant: str) -> Sequence[Policy]:
        """Return the distinct access policies of catalogue offers."""
        rows = self._conn.execute(_select_access, {"of_participant": participant})
        return [Policy(**row._asdict()) for row in rows]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A published dataset.

    Attributes:
        description: `dct:`/`dcat:` members as they go into the catalogue.
        source: where its data is (`dataplane.ports`).
        rendered: the catalogue entry as JSON text without `hasPolicy` and without the closing brace.
    """

    participant: str
    id: str
    title: str
    description: dict[str, Any]
    source: dict[str, Any]
    rendered: str
    created: float
    created_by: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A catalogue entry for one peer: the dataset's position and its whole JSON text."""

    position: int
    text: str


class Datasets:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, dataset: Dataset) -> None:
        """Insert a dataset."""
        self._conn.execute(insert(_datasets), {k: v for k, v in columns(dataset).items() if k != "position"})

    def get(self, participant: str, dataset: str) -> Dataset | None:
        """Return a dataset by its id."""
        row = self._conn.execute(_select_dataset, {"of_participant": participant, "of_id": dataset}).first()
        return Dataset(**row._asdict()) if row else None

    def page(self, participant: str, after: int = 0, limit: int = 50) -> Sequence[Dataset]:
        """Return datasets in order of publication, after the cursor (position)."""
        wanted = select(_datasets).where(_datasets.c.participant == participant, _datasets.c.position > after)
        rows = self._conn.execute(wanted.order_by(_datasets.c.position).limit(limit))
        return [Dataset(**row._asdict()) for row in rows]

    def remove(self, participant: str, dataset: str) -> None:
        """Remove a dataset and its catalogue offers; contracts keep what they agreed on."""
        self._conn.execute(delete(_offers).where(_offers.c.participant == participant, _offers.c.dataset == dataset))
        self._conn.execute(delete(_datasets).where(_datasets.c.participant == participant, _datasets.c.id == dataset))

    def entries(
        self, participant: str, permitted: Sequence[str], *, after: int = 0, limit: int, dataset: str | None = None
    ) -> list[Entry]:
        """Return catalogue entries that have an offer open to all or under one of the permitted access policies.

        `permitted` holds the digests of the access policies that permit the peer, `after` is a position, `limit` the most
        datasets; with `dataset` only that one.
        """
        visible = (_offers.c.participant == participant) & (_offers.c.origin == CATALOG)
        visible &= _offers.c.access.is_(None) | _offers.c.access.in_(permitted)
        shown = select(_offers.c.id).where(visible, _offers.c.dataset == _datasets.c.id).exists()
        chosen = select(_datasets.c.position, _datasets.c.id, _datasets.c.rendered).where(
            _datasets.c.participant == participant, _datasets.c.position > after, shown
        )
        if dataset is not None:
            chosen = chosen.where(_datasets.c.id == dataset)
        rows = self._conn.execute(chosen.order_by(_datasets.c.position).limit(limit)).all()
        offers: dict[str, list[str]] = {row.id: [] for row in rows}
        wanted = select(_offers.c.dataset, _offers.c.rendered).where(visible, _offers.c.dataset.in_(list(offers)))
        for offer in self._conn.execute(wanted.order_by(_offers.c.created, _offers.c.id)):
            offers[offer.dataset].append(offer.rendered)
        return [Entry(row.position, f'{row.rendered},"hasPolicy":[{",".join(offers[row.id])}]}}') for row in rows]


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer of ours.

    Attributes:
        origin: `catalog`, `retired` (replaced by another: what began with it may still end with it), or `negotiation` (one
            that we sent, or a counter-offer that a decision accepted).
        policy, access: digests of the contract and access policy. approval: `person` or None.
        seal: `required` (a peer that does not seal its contracts is refused) or None.
        limit_policy: digest of the policy that says how far the owner would go.
        files: for `policy`, `access` and `limit` the name of the file in the home's `policies/` folder that it came from.
        document: the Offer as a catalogue shows it (without `target`).
    """

    participant: str
    id: str
    dataset: str
    origin: str
    policy: str
    document: dict[str, Any]
    rendered: str
    created: float
    created_by: str
    access: str | None = None
    approval: str | None = None
    seal: str | None = None
    limit_policy: str | None = None
    files: dict[str, str] | None = None


class Offers:
    """The aggregate; what it has read it does not read again in the same unit."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: dict[tuple[str, str], Offer] = {}

    def add(self, offer: Offer) -> None:
        """Insert an offer."""
        self._conn.execute(insert(_offers), columns(offer))

    def get(self, participant: str, offer: str) -> Offer | None:
        """Return an offer by its id."""
        known = self._known.get((participant, offer))
        if known is not None:
            return known
        row = self._conn.execute(_select_offer, {"of_participant": participant, "of_id": offer}).first()
        if row is None:
            return None
        found = self._known[participant, offer] = Offer(**row._asdict())
        return found

    def list(self, participant: str, dataset: str | None = None) -> Sequence[Offer]:
        """Return catalogue offers, of one dataset where it is given."""
        wanted = select(_offers).where(_offers.c.participant == participant, _offers.c.origin == CATALOG)
        if dataset is not None:
            wanted = wanted.where(_offers.c.dataset == dataset)
        rows = self._conn.execute(wanted.order_by(_offers.c.created, _offers.c.id))
        return [Offer(**row._asdict()) for row in rows]

    def page(
        self, participant: str, dataset: str | None = None, *, after: tuple[float, str] | None = None, limit: int = 50
    ) -> Sequence[Offer]:
        """Return catalogue offers, of one dataset where it is given, the first made first, after the cursor (created, id)."""
        wanted = select(_offers).where(_offers.c.participant == participant, _offers.c.origin == CATALOG)
        if dataset is not None:
            wanted = wanted.where(_offers.c.dataset == dataset)
        rows = self._conn.execute(keyset(wanted, (_offers.c.created, _offers.c.id), after, limit))
        return [Offer(**row._asdict()) for row in rows]

    def retire(self, participant: str, offer: str) -> None:
        """Take an offer out of the catalogue, and keep it for what began with it."""
        self._known.pop((participant, offer), None)
        chosen = (_offers.c.participant == participant) & (_offers.c.id == offer)
        self._conn.execute(update(_offers).where(chosen).values(origin=RETIRED))

    def remove(self, participant: str, offer: str) -> None:
        """Remove an offer from the catalogue."""
        self._known.pop((participant, offer), None)
        self._conn.execute(delete(_offers).where(_offers.c.participant == participant, _offers.c.id == offer))
