"""A page of the catalogue at dataset 100,000 against the first page."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bench import towns
from bench.figures import Figure, median, spread
from bench.scale import Scale
from connector.identity.authenticator import Identity
from connector.protocol import catalog as wire
from connector.services import catalog as services
from connector.services.exchange import Caller
from connector.services.house import House
from connector.services.receive import Speaker
from connector.store import tables
from connector.store.offers import CATALOG, Dataset, Offer
from connector.store.unit import Unit

_BATCH = 5000
_PEER = "did:web:localhost%3A1"


def catalog(folder: Path, scale: Scale) -> list[Figure]:
    """Fill a catalogue, then read its first page and the one at dataset 100,000 in turn."""
    return asyncio.run(_catalog(folder, scale))


async def _catalog(folder: Path, scale: Scale) -> list[Figure]:
    rounds = list[tuple[float, float]]()
    async with towns.alone(folder) as town:
        member = town.house.member(town.did)
        for first in range(0, scale.datasets, _BATCH):
            numbers = range(first, min(first + _BATCH, scale.datasets))
            await town.house.store.write(partial(_fill, member.id, member.base, numbers))
        speaker = Speaker(member, Caller(member.id, _PEER, ""), Identity(_PEER, None, 0.0))
        size = town.house.page_size
        deep = _cursor(scale.datasets - size)
        for _ in range(scale.rounds + 1):
            first_page = await _pages(town.house, speaker, None, scale.pages)
            rounds.append((first_page, await _pages(town.house, speaker, deep, scale.pages)))
    ratios = [deep / first for first, deep in rounds[1:]]
    how = f"CPU, pages of {size}; rounds {spread(ratios)}"
    return [
        Figure("Catalogue page at dataset 100,000 against the first", median(ratios), "", ("at most", 2), how),
        Figure("First catalogue page", median([first for first, _ in rounds[1:]]), "ms CPU", None, "stored entries"),
    ]


async def _pages(house: House, speaker: Speaker, cursor: str | None, count: int) -> float:
    """Return the CPU milliseconds of one page."""
    before = time.process_time()
    for _ in range(count):
        shown = await services.ours(house, speaker, cursor, None)
        assert shown.body.count(b'"hasPolicy"') == house.page_size
    return (time.process_time() - before) * 1000 / count


def _fill(participant: str, base: str, numbers: range, unit: Unit) -> None:
    """Insert datasets with one offer each, as publishing would store them."""
    datasets, offers = list[dict[str, Any]](), list[dict[str, Any]]()
    for number in numbers:
        name, offer = f"dataset-{number:06}", f"urn:offer:{number:06}"
        title = {"dct:title": {"@value": f"Mätserie {number}", "@language": "sv"}}
        rendered = wire.dataset(name, title, base, participant)
        source = {"kind": "file", "path": "/dev/null"}
        datasets.append(asdict(Dataset(participant, name, name, title, source, rendered, 0.0, "bench")))
        document, text = wire.offer(offer, towns.TERMS)
        offers.append(asdict(Offer(participant, offer, name, CATALOG, "", document, text, 0.0, "bench")))
    for row in datasets:
        del row["position"]
    unit.conn.execute(insert(tables.table(tables.Dataset)), datasets)
    unit.conn.execute(insert(tables.table(tables.Offer)), offers)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")
