"""Duties as operators and peers handle them: looking, fulfilling with evidence, telling the other party, hearing from it.

Evidence of up to `KEPT_BYTES` is kept in `HOME/evidence/` under its digest; of more, the digest and the size are. The other
party gets digest, size and note, never the file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from connector import clock
from connector.errors import BadMessage, ConnectorError, Missing, Unknown, WrongState
from connector.identity import document as did_document
from connector.net import backoff
from connector.policy.explain.sentences import explain
from connector.protocol import context, negotiation
from connector.services import cursors, pages
from connector.services.house import House, Known
from connector.services.permission import read
from connector.services.receive import Speaker, with_token
from connector.services.speak import speak
from connector.services.views import DutyView, duty_view
from connector.store.contracts import Contract
from connector.store.duties import FULFILLED, PENDING, REFUSED, TOLD, Duty
from connector.store.exchanges import Exchange
from connector.store.unit import Unit

KEPT_BYTES: Final = 512 * 1024
NOTE_CHARACTERS: Final = 1000
FOLDER: Final = "evidence"
_HOLD_SECONDS: Final = 60.0
_AGAIN: Final = frozenset({408, 425, 429})
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES: Final = 2**53
_NOT_FOUND: Final = 404
_CLIENT_ERRORS: Final = range(400, 500)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that a duty was done: the digest (SHA-256, hex) and size of a file, and the file where it is small."""

    sha256: str
    size: int
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A duty with what operators want to know of it: whether it is ours to do, and its sentence by language."""

    view: DutyView
    sentences: Mapping[str, str]


def evidence_of(content: bytes) -> Evidence:
    """Return evidence that is at hand."""
    return Evidence(hashlib.sha256(content).hexdigest(), len(content), content)


async def listing(
    house: House, participant: str, cursor: str | None = None, limit: int = 100, contract: str | None = None
) -> tuple[list[Duty], str | None]:
    """Return duties of ours and of our peers, of one contract where it is named, the first made first.

    Raises:
        Invalid: `cursor_invalid`.
    """
    house.member(participant)
    after = cursors.read(cursor)
    rows = await house.store.read(lambda unit: unit.duties.page(participant, contract, after, limit + 1))
    return pages.part(rows, lambda row: (row.created, row.id), limit)


async def show(house: House, participant: str, duty: str) -> Duty:
    """Return a duty. Raises Missing `duty_unknown`."""
    house.member(participant)
    return await house.store.read(lambda unit: _load(unit, participant, duty))


async def fulfil(house: House, participant: str, duty: str, evidence: Evidence, note: str = "", *, by: str) -> Shown:
    """Record that a duty was done, and tell the other party where it is ours and the other understands.

    An operator may also record what a peer did that cannot tell us; then nobody is told.

    Raises:
        Missing: `duty_unknown`. WrongState: `duty_done`.
    """
    row = await show(house, participant, duty)
    tells = await _tells(house, row)
    if evidence.content is not None:
        await asyncio.to_thread(_keep, house.home / FOLDER, evidence)

    def work(unit: Unit) -> Shown:
        found = _load(unit, participant, duty)
        if found.state == FULFILLED:
            raise WrongState("duty_done")
        done = _done(found, evidence, note, unit.now)
        done = replace(
            done, by=by, told=PENDING if tells else None, tell_at=unit.now + _HOLD_SECONDS if tells else None
        )
        return _shown(unit, [_save(unit, house, done)])[0]

    done = await house.store.write(work)
    if not tells:
        return done
    told = await tell(house, await show(house, participant, duty))
    return (await shown(house, [told]))[0]


async def tell(house: House, row: Duty) -> Duty:
    """Tell the other party of a fulfilment of ours, once; when it cannot be reached, later again. Returns the row after it."""
    exchange = await house.store.read(lambda unit: unit.exchanges.load(row.participant, row.contract))
    status = 0
    if exchange is not None and exchange.peer_pid is not None:
        url = f"{exchange.base}/negotiations/{exchange.peer_pid}/duties"
        try:
            reply = await speak(house, row.participant, row.peer, "POST", url, body=_message(exchange, row))
            status = reply.status
        except ConnectorError:
            status = 0
    return await house.store.write(lambda unit: _answered(unit, house, row, status))


async def receive(house: House, speaker: Speaker, pid: str, body: Mapping[str, Any]) -> Exchange:
    """Take a peer's word that it did a duty of a contract with us; the same word again changes nothing.

    Raises:
        Unknown: `process_unknown`, `duty_unknown`. BadMessage: `duty_invalid`, `duty_not_yours`.
    """

    def work(unit: Unit) -> Exchange:
        exchange = unit.exchanges.load(speaker.caller.participant, pid, speaker.caller.peer)
        if exchange is None or exchange.protocol != "negotiation" or exchange.turn.state != negotiation.FINALIZED:
            raise Unknown("process_unknown")
        name, evidence, note, at = _read(body)
        row = next((each for each in unit.duties.of_contract(pid) if each.duty == name), None)
        if row is None:
            raise Unknown("duty_unknown")
        if row.obliged == exchange.turn.role:
            raise BadMessage("duty_not_yours")
        done = replace(_done(row, evidence, note, min(at, unit.now)), by=speaker.caller.peer, told=TOLD)
        if done != row:
            _save(unit, house, done)
        return exchange

    return await with_token(house, speaker, work)


async def shown(house: House, rows: Sequence[Duty]) -> list[Shown]:
    """Return duties as they are shown, each with the sentence that the explanation of its agreement has for it."""
    return await house.store.read(lambda unit: _shown(unit, rows))


def _shown(unit: Unit, rows: Sequence[Duty]) -> list[Shown]:
    told: dict[str, dict[str, dict[str, str]]] = {}
    found = []
    for row in rows:
        contract = unit.contracts.get(row.contract)
        if row.contract not in told:
            told[row.contract] = {language: _sentences(contract, language) for language in ("sv", "en")}
        sentences = {language: texts.get(row.duty, "") for language, texts in told[row.contract].items()}
        found.append(Shown(duty_view(row, contract.role if contract else "", unit.now), sentences))
    return found


def _sentences(contract: Contract | None, language: str) -> dict[str, str]:
    found = read(contract.agreement) if contract and contract.agreement else None
    return {each.rule: each.text for each in explain(found.policy, language).sentences} if found else {}


async def _tells(house: House, row: Duty) -> bool:
    known = await house.peer(row.participant, row.peer)
    ours = await house.store.read(lambda unit: unit.contracts.get(row.contract))
    return ours is not None and row.obliged == ours.role and _understands(known)


def _understands(known: Known | None) -> bool:
    if known is None or known.row.document is None:
        return False
    return context.DUTIES in did_document.read(known.row.id, known.row.document).announces


def _done(row: Duty, evidence: Evidence, note: str, at: float) -> Duty:
    return replace(
        row, state=FULFILLED, evidence=evidence.sha256, evidence_bytes=evidence.size, note=note or None, at=at
    )


def _save(unit: Unit, house: House, row: Duty) -> Duty:
    values = ("state", "evidence", "evidence_bytes", "note", "by", "at", "told", "tell_at")
    unit.duties.change(row.id, **{name: getattr(row, name) for name in values})
    unit.record(
        row.participant, "duty.fulfilled", row.contract,
        peer=row.peer, duty=row.duty, action=row.action, obliged=row.obliged, by=row.by, evidence=row.evidence,
        evidence_bytes=row.evidence_bytes, late=row.due is not None and row.at is not None and row.at > row.due,
    )  # fmt: skip
    unit.after_commit(house.office.watch)
    return row


def _answered(unit: Unit, house: House, row: Duty, status: int) -> Duty:
    """Take what came of telling: 0 stands for no answer. A peer that has not made the contract final yet answers 404 at first."""
    found = _load(unit, row.participant, row.id)
    if found.told != PENDING:
        return found
    early = status == _NOT_FOUND and unit.now < (found.at or 0.0) + _HOLD_SECONDS
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's success class
        after = replace(found, told=TOLD, tell_at=None)
    elif status in _CLIENT_ERRORS and status not in _AGAIN and not early:
        after = replace(found, told=REFUSED, tell_at=None)
    else:
        after = _later(unit, found)
        unit.after_commit(house.office.watch)
    unit.duties.change(row.id, told=after.told, tell_at=after.tell_at, attempts=after.attempts)
    if after.told != PENDING:
        unit.record(row.participant, f"duty.{after.told}", row.contract, peer=row.peer, duty=row.duty, status=status)
    return after


def _later(unit: Unit, row: Duty) -> Duty:
    """Try again as messages are; each row has a place of its own in the spread."""
    attempts, chance = row.attempts + 1, int(row.id[:4], 16) / 0xFFFF
    when = backoff.next_attempt(attempts, row.at or unit.now, unit.now, chance)
    return replace(row, told=PENDING if when else REFUSED, tell_at=when, attempts=attempts)


def _message(exchange: Exchange, row: Duty) -> bytes:
    pids = {"providerPid": exchange.provider_pid, "consumerPid": exchange.consumer_pid}
    members = {
        context.DUTY: row.duty,
        context.FULFILLED_AT: clock.iso(row.at or 0.0),
        context.EVIDENCE: row.evidence,
        context.EVIDENCE_BYTES: row.evidence_bytes,
        context.NOTE: row.note,
    }
    return orjson.dumps(context.message(context.FULFILMENT, **pids, **members))


def _read(body: Mapping[str, Any]) -> tuple[str, Evidence, str, float]:
    name, digest, size = (body.get(each) for each in (context.DUTY, context.EVIDENCE, context.EVIDENCE_BYTES))
    note, at = body.get(context.NOTE, ""), body.get(context.FULFILLED_AT)
    if body.get("@type") != context.FULFILMENT or not isinstance(name, str):
        raise BadMessage("duty_invalid", field="/@type")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise BadMessage("duty_invalid", field=f"/{context.EVIDENCE}")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < _MOST_BYTES:
        raise BadMessage("duty_invalid", field=f"/{context.EVIDENCE_BYTES}")
    if not isinstance(note, str) or len(note) > NOTE_CHARACTERS or not note.isprintable():
        raise BadMessage("duty_invalid", field=f"/{context.NOTE}")
    try:
        moment = clock.seconds(at if isinstance(at, str) else "")
    except ValueError:
        raise BadMessage("duty_invalid", field=f"/{context.FULFILLED_AT}") from None
    return name, Evidence(digest, size), note, moment


def _keep(folder: Path, evidence: Evidence) -> None:
    """Keep a small file under its digest, readable by its owner alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / evidence.sha256
    if target.exists() or evidence.content is None:
        return
    partial = folder / f".{evidence.sha256}.{os.getpid()}"
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(evidence.content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(target)


def _load(unit: Unit, participant: str, duty: str) -> Duty:
    found = unit.duties.get(participant, duty)
    if found is None:
        raise Missing("duty_unknown")
    return found
