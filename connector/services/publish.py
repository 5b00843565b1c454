"""Publishing: policies under the digest of their content, datasets with their sources, and the offers to share them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from connector import canonical, ids, loader
from connector.dataplane import file, specs
from connector.errors import Invalid, Missing, TooLarge, WrongState
from connector.identity import participant as places
from connector.policy.parse import parse
from connector.policy.wire import check_wire, expand_terms
from connector.protocol import catalog
from connector.services import cursors, pages, shaping
from connector.services.cases import failing
from connector.services.decide import PERSON
from connector.services.exchange import cancel
from connector.services.house import House
from connector.store.offers import CATALOG, REQUIRED, Dataset, Offer, Policy
from connector.store.unit import Unit

WITHDRAWN: Final = "dataset_withdrawn"
_TITLE_CHARACTERS: Final = 500
_NAME_CHARACTERS: Final = 200
_DESCRIPTION_BYTES: Final = 64 * 1024
_OURS: Final = frozenset({"dcat:distribution", "dcat:accessService", "dct:publisher", "dct:identifier"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """An offer to make: digests of its contract policy and of its access policy, and `person` where one has to approve.

    `limit` is the digest of a policy that says how far the owner would go. `files` names, for `policy`, `access` and `limit`,
    the file in the home's `policies/` folder that it came from. `seal` is `required` where peers that do not seal are refused.
    """

    policy: str
    access: str | None = None
    approval: str | None = None
    limit: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    seal: str | None = None


@dataclass(frozen=True, slots=True)
class New:
    """A dataset to publish.

    Attributes:
        title: one line for people; it is the `dct:title` unless the description has one.
        source: where its data is: a spec (`dataplane.specs`), or its short form such as `file:PATH`.
        offers: what is offered; at least one.
        description: more `dct:` and `dcat:` members of the catalogue entry, language-tagged where wanted.
    """

    id: str
    title: str
    source: str | Mapping[str, Any]
    offers: Sequence[Wanted]
    description: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """A dataset with its catalogue offers."""

    dataset: Dataset
    offers: list[Offer]


async def put(
    house: House, participant: str, name: str, data: bytes, *, by: str, cases: str | None = None, force: bool = False
) -> Policy:
    """Store a policy document under the digest of its content.

    The same content again is the same policy: by another name it is listed under that one, and who put it is in the journal.

    Args:
        house: the installation.
        participant: whose policy it is.
        name: of the file, for people.
        data: a JSON object in DSP's offer form, without `target`; `kom:` terms are written out.
        by: the operator.
        cases: the text of the `NAME.cases.toml` beside it; they are run.
        force: store it although a case fails; the journal says so.

    Raises:
        Invalid: `policy_name`, a `policy_` code with the place in `field`, `cases_toml` or a `case_` code.
        BadMessage: not JSON. TooLarge: `policy_bytes`. WrongState: `policy_cases_failed`.
    """
    house.member(participant)
    if not 0 < len(name) <= _NAME_CHARACTERS or not name.isprintable():
        raise Invalid("policy_name", field="/name", most=_NAME_CHARACTERS)
    document = checked(house, data)
    digest, failed = canonical.digest(document), await failing(document, cases, house.now())
    if failed and not force:
        raise WrongState("policy_cases_failed", field="/cases", name=name, cases=", ".join(failed))

    def work(unit: Unit) -> Policy:
        if failed:
            unit.record(participant, "policy.forced", digest, name=name, cases=failed, by=by)
        found = unit.policies.get(participant, digest)
        if found is not None:
            return _again(unit, found, name, by)
        made = Policy(participant, digest, name, document, unit.now, by)
        unit.policies.put(made)
        unit.record(participant, "policy.stored", digest, name=name, by=by)
        return made

    return await house.store.write(work)


def _again(unit: Unit, found: Policy, name: str, by: str) -> Policy:
    """Put known content again: by another operator it leaves a record, under another name it is listed by that one."""
    if (found.name, found.created_by) == (name, by):
        return found
    unit.policies.rename(found.participant, found.digest, name)
    unit.record(found.participant, "policy.stored", found.digest, name=name, by=by)
    return replace(found, name=name)


def checked(house: House, data: bytes) -> dict[str, Any]:
    """Return the policy document in a file's bytes as it is stored. Raises as `put`."""
    limit = house.office.limits.policy_bytes
    document = expand_terms(loader.load_object(data, limit=loader.OPERATOR_BYTES))
    check_wire(document)
    parse(document)
    try:
        size = len(canonical.canonical(document))
    except ValueError:
        raise Invalid("policy_not_canonical", field="/document") from None
    if size > limit:
        raise TooLarge("policy_bytes", field="/document", limit_bytes=limit)
    return document


async def policies(
    house: House, participant: str, cursor: str | None = None, limit: int = 100
) -> tuple[list[Policy], str | None]:
    """Return a participant's policies, the first stored first. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    after = cursors.read(cursor)
    rows = await house.store.read(lambda unit: unit.policies.page(participant, after=after, limit=limit + 1))
    return pages.part(rows, lambda row: (row.created, row.digest), limit)


async def policy(house: House, participant: str, digest: str) -> Policy:
    """Return a policy. Raises Missing `policy_unknown`."""
    house.member(participant)
    return await house.store.read(lambda unit: _policy(unit, participant, digest))


async def add_dataset(house: House, participant: str, new: New, *, by: str) -> Published:
    """Publish a dataset with one or more offers.

    Raises:
        Invalid: `dataset_id`, `dataset_title`, `dataset_member`, `offer_needed`, a `source_` code, `offer_approval`,
            a `shape_` code: the terms reshape the data, and that cannot be done.
        Missing: `policy_unknown`. WrongState: `dataset_exists`. TooLarge: `dataset_description`.
    """
    member, dataset = house.member(participant), new.id
    if not ids.acceptable(dataset):
        raise Invalid("dataset_id", field="/id", most=ids.MAX_LENGTH)
    if not new.offers:
        raise Invalid("offer_needed", field="/offers")
    members = _description(new.title, new.description)
    spec = await _source(participant, new.source)
    rendered = catalog.dataset(dataset, members, member.base, participant)
    made = [await make(house, participant, dataset, wanted, by) for wanted in new.offers]
    for offer in made:
        await shaping.check(offer.document, spec)

    def work(unit: Unit) -> Published:
        if unit.datasets.get(participant, dataset) is not None:
            raise WrongState("dataset_exists")
        row = Dataset(participant, dataset, new.title.strip(), members, spec, rendered, unit.now, by)
        unit.datasets.add(row)
        unit.record(participant, "dataset.published", dataset, title=row.title, source=spec["kind"], by=by)
        return Published(row, [add(unit, offer) for offer in made])

    return await house.store.write(work)


async def datasets(
    house: House, participant: str, cursor: str | None = None, limit: int = 100
) -> tuple[list[Published], str | None]:
    """Return datasets in order of publication. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    after = cursors.position(cursor)

    def work(unit: Unit) -> list[Published]:
        rows = unit.datasets.page(participant, after, limit + 1)
        return [_published(unit, row) for row in rows]

    found = await house.store.read(work)
    last = found[limit - 1].dataset if len(found) > limit else None
    return found[:limit], cursors.write(float(last.position or 0), last.id) if last else None


async def dataset(house: House, participant: str, dataset: str) -> Published:
    """Return a dataset. Raises Missing `dataset_unknown`."""
    house.member(participant)
    return await house.store.read(lambda unit: _published(unit, _dataset(unit, participant, dataset)))


async def remove_dataset(house: House, participant: str, dataset: str, *, by: str) -> Published:
    """Take a dataset out of the catalogue, with its offers; its transfers are terminated in the same transaction.

    Raises:
        Missing: `dataset_unknown`.
    """
    house.member(participant)

    def work(unit: Unit) -> Published:
        found = _published(unit, _dataset(unit, participant, dataset))
        for grant in unit.grants.open_of(participant):
            exchange = (
                unit.exchanges.load(participant, grant.transfer, grant.peer) if grant.dataset == dataset else None
            )
            if exchange is not None:
                cancel(house.exchanging, unit, exchange, by=by, code=WITHDRAWN, reasons=())
        unit.datasets.remove(participant, dataset)
        unit.record(participant, "dataset.removed", dataset, by=by, offers=[offer.id for offer in found.offers])
        return found

    return await house.store.write(work)


async def add_offer(house: House, participant: str, dataset: str, wanted: Wanted, *, by: str) -> Offer:
    """Offer a dataset under one more policy.

    Raises:
        Missing: `dataset_unknown`, `policy_unknown`. Invalid: `offer_approval`, and the `shape_` codes of `add_dataset`.
    """
    house.member(participant)
    made = await make(house, participant, dataset, wanted, by)
    found = await house.store.read(lambda unit: _dataset(unit, participant, dataset))
    await shaping.check(made.document, found.source)

    def work(unit: Unit) -> Offer:
        _dataset(unit, participant, dataset)
        return add(unit, made)

    return await house.store.write(work)


async def offers(
    house: House, participant: str, cursor: str | None = None, limit: int = 100, dataset: str | None = None
) -> tuple[list[Offer], str | None]:
    """Return catalogue offers, of one dataset where it is given, the first made first. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    after = cursors.read(cursor)
    rows = await house.store.read(lambda unit: unit.offers.page(participant, dataset, after=after, limit=limit + 1))
    return pages.part(rows, lambda row: (row.created, row.id), limit)


async def remove_offer(house: House, participant: str, offer: str, *, by: str) -> Offer:
    """Withdraw an offer from the catalogue; contracts made from it stay. Raises Missing `offer_unknown`."""
    house.member(participant)

    def work(unit: Unit) -> Offer:
        found = unit.offers.get(participant, offer)
        if found is None or found.origin != CATALOG:
            raise Missing("offer_unknown")
        unit.offers.remove(participant, offer)
        unit.record(participant, "offer.removed", offer, dataset=found.dataset, by=by)
        return found

    return await house.store.write(work)


def _description(title: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if not 0 < len(title.strip()) <= _TITLE_CHARACTERS or not title.isprintable():
        raise Invalid("dataset_title", field="/title", most=_TITLE_CHARACTERS)
    for name in given:
        if not name.startswith(("dct:", "dcat:")) or name in _OURS:
            raise Invalid("dataset_member", field="/description", member=name[:64])
    members = {"dct:title": title.strip(), **given}
    if len(orjson.dumps(members)) > _DESCRIPTION_BYTES:
        raise TooLarge("dataset_description", field="/description", limit_bytes=_DESCRIPTION_BYTES)
    return members


async def _source(participant: str, source: str | Mapping[str, Any]) -> dict[str, Any]:
    spec = specs.parse_source(source) if isinstance(source, str) else source
    loopback = places.place(participant).loopback
    checked = await asyncio.to_thread(specs.check_source, spec, loopback=loopback)
    return await file.measured(checked) if checked["kind"] == "file" else checked


async def make(house: House, participant: str, dataset: str, wanted: Wanted, by: str) -> Offer:
    """Make an offer of a stored policy, not stored yet."""
    if wanted.approval not in (None, PERSON):
        raise Invalid("offer_approval", field="/approval", allowed=PERSON)
    if wanted.seal not in (None, REQUIRED):
        raise Invalid("offer_seal", field="/seal", allowed=REQUIRED)

    def work(unit: Unit) -> Policy:
        for more in (wanted.access, wanted.limit):
            if more is not None:
                _policy(unit, participant, more)
        return _policy(unit, participant, wanted.policy)

    rules = await house.store.read(work)
    fresh = ids.new()
    document, rendered = catalog.offer(fresh, rules.document)
    return Offer(
        participant, fresh, dataset, CATALOG, wanted.policy, document, rendered, house.now(), by,
        access=wanted.access, approval=wanted.approval, limit_policy=wanted.limit, files=dict(wanted.files) or None,
        seal=wanted.seal,
    )  # fmt: skip


def add(unit: Unit, offer: Offer) -> Offer:
    """Put an offer that `make` made into the catalogue."""
    offer = replace(offer, created=unit.now)
    unit.offers.add(offer)
    unit.record(
        offer.participant, "offer.published", offer.id,
        dataset=offer.dataset, policy=offer.policy, access=offer.access, approval=offer.approval,
        limit=offer.limit_policy, seal=offer.seal, by=offer.created_by,
    )  # fmt: skip
    return offer


def _policy(unit: Unit, participant: str, digest: str) -> Policy:
    found = unit.policies.get(participant, digest)
    if found is None:
        raise Missing("policy_unknown")
    return found


def _dataset(unit: Unit, participant: str, dataset: str) -> Dataset:
    found = unit.datasets.get(participant, dataset)
    if found is None:
        raise Missing("dataset_unknown")
    return found


def _published(unit: Unit, dataset: Dataset) -> Published:
    return Published(dataset, list(unit.offers.list(dataset.participant, dataset.id)))
