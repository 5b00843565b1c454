"""Policy files in the home's `policies/` folder are the source of truth: what changes there changes the offers made of them.

A file is taken whole or not at all: one with an error, or whose cases fail, never takes the place of what was good before. A
new text makes new offers; the old ones are retired: they take no new requests, what began with them ends with them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from connector import canonical, ids, loader
from connector.errors import ConnectorError, Unavailable
from connector.policy.lint.check import Placed, lint
from connector.protocol import catalog
from connector.services import publish, shaping
from connector.services.cases import failing
from connector.services.filestate import Fault
from connector.services.house import House
from connector.store.offers import CATALOG, Offer, Policy
from connector.store.unit import Unit

log = logging.getLogger(__name__)
FOLDER: Final = "policies"
CASES: Final = ".cases.toml"
BY: Final = "policy file"
_LIMIT_BYTES: Final = loader.OPERATOR_BYTES


@dataclass(frozen=True, slots=True)
class Read:
    """A policy file as it was found, and the cases beside it."""

    data: bytes
    cases: str | None

    @property
    def content(self) -> str:
        """The digest of all of it."""
        return hashlib.sha256(self.data + b"\0" + (self.cases or "").encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as operators see it: `published`, `unused`, `broken` or `missing`, and the offers that are made of it."""

    name: str
    state: str
    offers: list[str]
    fault: Fault | None


def names(home: Path) -> list[str]:
    """Return the names of the policy files there."""
    return sorted(file.name for file in (home / FOLDER).glob("*.json") if not file.name.startswith("."))


async def reload(house: House, changed: Iterable[str]) -> set[str]:
    """Take the files that changed, each by itself, and return those to try again later; it may be repeated."""
    again = set()
    for name in changed:
        try:
            await _reload(house, name)
        except Unavailable:
            again.add(name)
    return again


async def listing(house: House, participant: str) -> list[Shown]:
    """Return the files there, and those that offers of the participant were made of, by name."""
    house.member(participant)
    there = await asyncio.to_thread(names, house.home)
    rows = await house.store.read(lambda unit: unit.offers.list(participant))
    used: dict[str, list[str]] = {name: [] for name in there}
    for row in rows:
        for name in sorted(set((row.files or {}).values())):
            used.setdefault(name, []).append(row.id)
    return [_shown(house, name, offers, there=name in there) for name, offers in sorted(used.items())]


def _shown(house: House, name: str, offers: list[str], *, there: bool) -> Shown:
    fault = house.files.faults.get(name)
    state = "missing" if not there else "broken" if fault else "published" if offers else "unused"
    return Shown(name, state, offers, fault)


async def _reload(house: House, name: str) -> None:
    found = await asyncio.to_thread(_read, house.home / FOLDER, name)
    made = await house.store.read(lambda unit: _made_of(unit, house.members, name))
    if isinstance(found, Fault):
        await _refuse(house, name, made, found)
        return
    document = await _checked(house, name, found)
    if isinstance(document, Fault):
        await _refuse(house, name, made, document)
        return
    fault = await _replace(house, name, document, made, found.content)
    if fault is not None:
        await _refuse(house, name, made, fault)
        return
    house.files.faults.pop(name, None)


def _read(folder: Path, name: str) -> Read | Fault:
    beside = folder / (name.removesuffix(".json") + CASES)
    try:
        with (folder / name).open("rb") as file:
            data = file.read(_LIMIT_BYTES + 1)
        cases = beside.read_text(encoding="utf-8") if beside.exists() else None
    except FileNotFoundError:
        return Fault("policy_file_missing", "", {"file": name})
    except (OSError, UnicodeDecodeError) as error:
        return Fault("policy_file_unreadable", "", {"file": name, "reason": type(error).__name__})
    return Read(data, cases)


def _made_of(unit: Unit, participants: Iterable[str], name: str) -> dict[str, list[Offer]]:
    """Return the offers that were made of a file, by participant."""
    found = {
        each: [row for row in unit.offers.list(each) if name in (row.files or {}).values()] for each in participants
    }
    return {participant: offers for participant, offers in found.items() if offers}


async def _checked(house: House, name: str, found: Read) -> dict[str, Any] | Fault:
    """Return the document as it is stored, or why it is not taken: what `put` refuses, errors of lint, failing cases."""
    errors = await asyncio.to_thread(_errors, found.data, house.now())
    if errors:
        first = errors[0]
        values = {**first.finding.values, "file": name}
        return Fault(first.finding.code, found.content, values, first.line, first.column)
    try:
        document = publish.checked(house, found.data)
        failed = await failing(document, found.cases, house.now())
    except ConnectorError as error:
        return Fault(error.code, found.content, {**error.values, "file": name})
    if failed:
        return Fault("policy_cases_failed", found.content, {"name": name, "cases": ", ".join(failed)})
    return document


def _errors(data: bytes, now: float) -> list[Placed]:
    return [each for each in lint(data, now, lambda _name: None) if each.finding.severity == "error"]


async def _refuse(house: House, name: str, made: Mapping[str, Sequence[Offer]], fault: Fault) -> None:
    """Remember why a file is not taken; where offers are made of it, the journal says so, once for each content."""
    known = house.files.faults.get(name)
    if made and known != fault:
        log.warning("policy file is not taken: file=%s code=%s line=%s", name, fault.code, fault.line)
        await house.store.write(lambda unit: _record_refusal(unit, name, made, fault))
    if made or fault.content:
        house.files.faults[name] = fault
    else:
        house.files.faults.pop(name, None)


def _record_refusal(unit: Unit, name: str, made: Iterable[str], fault: Fault) -> None:
    told = {"code": fault.code, "content": fault.content, "line": fault.line}
    for participant in made:
        unit.record(participant, "policy.refused", name, **told, by=BY)


async def _replace(
    house: House, name: str, document: dict[str, Any], made: Mapping[str, Sequence[Offer]], content: str
) -> Fault | None:
    """Make new offers in the place of those whose text the file has changed: all of them in one transaction, or none."""
    digest = canonical.digest(document)
    stale = [offer for offers in made.values() for offer in offers if _pinned(offer, name) != {digest}]
    if not stale:
        return None
    try:
        pairs = [
            (old, await _next(house, old, Policy(old.participant, digest, name, document, 0.0, BY))) for old in stale
        ]
    except ConnectorError as error:
        return Fault(error.code, content, {**error.values, "file": name})

    def work(unit: Unit) -> None:
        for participant in made:
            mine = [(old, new) for old, new in pairs if old.participant == participant and _still(unit, old)]
            _put_in_place(unit, Policy(participant, digest, name, document, unit.now, BY), mine)

    await house.store.write(work)
    log.info("policy file taken: file=%s policy=%s offers=%s", name, digest, len(pairs))
    return None


def _put_in_place(unit: Unit, policy: Policy, pairs: Sequence[tuple[Offer, Offer]]) -> None:
    if not pairs:
        return
    unit.policies.put(policy)
    for old, new in pairs:
        unit.offers.retire(old.participant, old.id)
        publish.add(unit, new)
    unit.record(
        policy.participant, "policy.reloaded", policy.name, policy=policy.digest, by=BY,
        offers=[{"old": old.id, "new": new.id} for old, new in pairs],
    )  # fmt: skip


def _pinned(offer: Offer, name: str) -> set[str | None]:
    """Return the digests that the offer has of what a file held; more than one where they differ."""
    digests = {"policy": offer.policy, "access": offer.access, "limit": offer.limit_policy}
    found = {digests.get(role) for role, file in (offer.files or {}).items() if file == name}
    return found if len(found) == 1 else {None}


def _still(unit: Unit, offer: Offer) -> bool:
    row = unit.offers.get(offer.participant, offer.id)
    return row is not None and row.origin == CATALOG


async def _next(house: House, offer: Offer, policy: Policy) -> Offer:
    """Return the offer that takes the place of one. Raises what publishing raises."""
    digests = {"policy": offer.policy, "access": offer.access, "limit_policy": offer.limit_policy}
    for role, file in (offer.files or {}).items():
        if file == policy.name:
            digests["limit_policy" if role == "limit" else role] = policy.digest
    fresh = ids.new()
    rules = offer.document
    if digests["policy"] == policy.digest:
        rules = policy.document
        dataset = await house.store.read(lambda unit: unit.datasets.get(offer.participant, offer.dataset))
        if dataset is not None:
            await shaping.check(catalog.offer(fresh, rules)[0], dataset.source)
    document, rendered = catalog.offer(fresh, rules)
    return replace(
        offer, id=fresh, document=document, rendered=rendered, created=house.now(), created_by=BY,
        policy=digests["policy"] or offer.policy, access=digests["access"], limit_policy=digests["limit_policy"],
    )  # fmt: skip
