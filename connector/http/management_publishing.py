"""The management API's endpoints for policies, datasets, offers, and the catalogues of peers."""

from __future__ import annotations

from typing import Any, Final

import orjson

from connector.http import resources
from connector.http.management_requests import (
    CatalogQuery,
    NewDataset,
    NewOffer,
    NewPolicy,
    OfferPaging,
    OfferTerms,
    Paging,
)
from connector.http.management_route import Ask, Route
from connector.services import catalog, publish
from connector.services.operators import READ, WRITE
from connector.services.publish import New, Published, Wanted
from connector.store.offers import Offer, Policy

_OURS: Final = "/api/v1/participants/{participant}"


async def _policies(ask: Ask, query: Paging) -> tuple[list[Policy], str | None]:
    """List the policies, the first stored first."""
    return await publish.policies(ask.house, ask.participant, query.cursor, ask.most(query))


async def _policy(ask: Ask) -> Policy:
    """Show a policy."""
    return await publish.policy(ask.house, ask.participant, ask.path["policy"])


async def _add_policy(ask: Ask, body: NewPolicy) -> Policy:
    """Store a policy under the digest of its content; the same content again is the same policy."""
    data = orjson.dumps(body.document)
    return await publish.put(ask.house, ask.participant, body.name, data, by=ask.by, cases=body.cases, force=body.force)


async def _datasets(ask: Ask, query: Paging) -> tuple[list[Published], str | None]:
    """List the datasets with their offers, in order of publication."""
    return await publish.datasets(ask.house, ask.participant, query.cursor, ask.most(query))


async def _dataset(ask: Ask) -> Published:
    """Show a dataset with its offers."""
    return await publish.dataset(ask.house, ask.participant, ask.path["dataset"])


async def _add_dataset(ask: Ask, body: NewDataset) -> Published:
    """Publish a dataset with one or more offers."""
    offers = [_wanted(terms) for terms in body.offers]
    new = New(body.id, body.title, body.source, offers, body.description)
    return await publish.add_dataset(ask.house, ask.participant, new, by=ask.by)


async def _remove_dataset(ask: Ask) -> Published:
    """Take a dataset out of the catalogue with its offers; nothing of it can be read any more."""
    return await publish.remove_dataset(ask.house, ask.participant, ask.path["dataset"], by=ask.by)


async def _offers(ask: Ask, query: OfferPaging) -> tuple[list[Offer], str | None]:
    """List the offers in the catalogue, the first made first."""
    return await publish.offers(ask.house, ask.participant, query.cursor, ask.most(query), query.dataset)


async def _add_offer(ask: Ask, body: NewOffer) -> Offer:
    """Offer a dataset under one more policy."""
    return await publish.add_offer(ask.house, ask.participant, body.dataset, _wanted(body), by=ask.by)


async def _remove_offer(ask: Ask) -> Offer:
    """Withdraw an offer from the catalogue; contracts made from it stay."""
    return await publish.remove_offer(ask.house, ask.participant, ask.path["offer"], by=ask.by)


async def _catalog(ask: Ask, query: CatalogQuery) -> tuple[list[dict[str, Any]], str | None]:
    """Ask a peer for its catalogue, a part at a time, or for one dataset of it."""
    page = await catalog.fetch(ask.house, ask.participant, ask.path["peer"], query.dataset, query.cursor)
    return page.datasets, page.next


def _wanted(terms: OfferTerms) -> Wanted:
    return Wanted(
        terms.policy,
        terms.access,
        terms.approval,
        terms.limit,
        {str(name): file for name, file in terms.files.items()},
        terms.seal,
    )


ROUTES: Final = (
    Route("GET", f"{_OURS}/policies", READ, _policies, resources.policy, many=True),
    Route("POST", f"{_OURS}/policies", WRITE, _add_policy, resources.policy, 201),
    Route("GET", f"{_OURS}/policies/{{policy}}", READ, _policy, resources.policy),
    Route("GET", f"{_OURS}/datasets", READ, _datasets, resources.dataset, many=True),
    Route("POST", f"{_OURS}/datasets", WRITE, _add_dataset, resources.dataset, 201),
    Route("GET", f"{_OURS}/datasets/{{dataset}}", READ, _dataset, resources.dataset),
    Route("DELETE", f"{_OURS}/datasets/{{dataset}}", WRITE, _remove_dataset, resources.dataset),
    Route("GET", f"{_OURS}/offers", READ, _offers, resources.offer, many=True),
    Route("POST", f"{_OURS}/offers", WRITE, _add_offer, resources.offer, 201),
    Route("DELETE", f"{_OURS}/offers/{{offer}}", WRITE, _remove_offer, resources.offer),
    Route("GET", f"{_OURS}/peers/{{peer}}/catalog", READ, _catalog, resources.catalog_entry, many=True),
)
