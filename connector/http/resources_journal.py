"""What the management API answers about the journal: records, signed heads, what its check found."""

from __future__ import annotations

from typing import Any

from connector import clock, texts
from connector.evidence.reconcile import Difference
from connector.http.resources import Resource
from connector.services import branches, heads, journal, reconcile, retention, witness
from connector.store.heads import SealedHead
from connector.store.verification import Verdict


class JournalRecord(Resource):
    """A record of the journal; `id` is its number. `payload` is null where it has been removed."""

    id: str
    number: int
    at: str
    kind: str
    subject: str
    by: str | None
    payload: dict[str, Any] | None
    payload_digest: str
    hash: str
    contract: str | None
    peer: str | None
    dataset: str | None


class JournalExport(Resource):
    """A record with everything that its check needs; `payload` is its exact text, null (as `salt`) where it was removed."""

    id: str
    number: int
    at: str
    kind: str
    subject: str
    payload_digest: str
    previous: str
    hash: str
    salt: str | None
    payload: str | None


class JournalSealedHead(Resource):
    """A signed head (`id` is its number) over the records from `first` to `last`."""

    id: str
    number: int
    first: int
    last: int
    at: str
    digest: str
    jws: str


class JournalFault(Resource):
    """Where a journal does not hold: the record's number, or of a signed head its number and its first record's; a code."""

    number: int
    code: str
    head: int | None
    text: str


class JournalWitness(Resource):
    """What a peer holds of our signed heads: `same`, `other`, `more`, `foreign` or `silent`, in words too."""

    peer: str
    ok: bool
    found: str
    heads: int
    number: int
    held: str | None
    text: str


class JournalVerdict(Resource):
    """What the check of a participant's chain found; `id` is the participant.

    `witnessed` tells whether a peer could be asked at all, null where none was to be; without one there is no `ok`.
    """

    id: str
    ok: bool
    records: int
    hash: str
    removed: int
    heads: int
    covered: int
    witnessed: bool | None
    faults: list[JournalFault]
    peers: list[JournalWitness] | None


class JournalSigning(Resource):
    """The last signed head of a participant's journal (`id`): its number, the last record under it, new heads of peers."""

    id: str
    head: int
    covered: int
    received: int


class JournalRemoval(Resource):
    """What was removed of a participant's journal (`id`): how many payloads, of records before a time."""

    id: str
    count: int
    before: str


def record(entry: journal.Entry) -> JournalRecord:
    """Show a record of the journal."""
    return JournalRecord(
        id=str(entry.number), number=entry.number, at=entry.at, kind=entry.kind, subject=entry.subject, by=entry.by,
        payload=entry.payload, payload_digest=entry.payload_digest, hash=entry.hash,
        contract=entry.contract, peer=entry.peer, dataset=entry.dataset,
    )  # fmt: skip


def exported(row: dict[str, Any]) -> JournalExport:
    """Show a record with everything that its check needs."""
    return JournalExport(
        id=str(row["number"]), **{name: row[name] for name in JournalExport.model_fields if name != "id"}
    )


def head(row: SealedHead) -> JournalSealedHead:
    """Show a signed head."""
    return JournalSealedHead(
        id=str(row.number), number=row.number, first=row.first, last=row.last, at=clock.iso(row.at),
        digest=row.digest, jws=row.jws,
    )  # fmt: skip


def verdict(checked: tuple[Verdict, list[witness.Witness] | None], language: str) -> JournalVerdict:
    """Show what the check of a journal found."""
    found, asked = checked
    peers = None if asked is None else [_witness(each, language) for each in asked]
    witnessed = None if peers is None else any(each.found != "silent" for each in peers)
    whole = found.whole and witnessed is not False and all(each.ok for each in peers or ())
    faults = [_fault(fault.number, fault.code, None, language) for fault in found.faults]
    faults += [_fault(fault.record, fault.code, fault.head, language) for fault in found.head_faults]
    return JournalVerdict(
        id=found.participant, ok=whole, records=found.records, hash=found.hash,
        removed=found.removed, heads=found.heads, covered=found.covered, witnessed=witnessed, faults=faults, peers=peers,
    )  # fmt: skip


def _witness(found: witness.Witness, language: str) -> JournalWitness:
    said = texts.say(
        f"journal_witness_{found.found}",
        language,
        peer=found.peer, heads=found.heads, number=found.number, reason=found.reason,
    )  # fmt: skip
    return JournalWitness(
        peer=found.peer, ok=found.found in ("same", "silent"), found=found.found, heads=found.heads,
        number=found.number, held=found.held, text=said,
    )  # fmt: skip


class ContractDifference(Resource):
    """What does not fit together in both parties' records of a contract: a code, both sides, in words."""

    code: str
    about: str
    ours: str
    theirs: str
    text: str


class Reconciliation(Resource):
    """Both parties' records of a contract (`id`), compared."""

    id: str
    ok: bool
    peer: str
    differences: list[ContractDifference]


def reconciliation(found: reconcile.Reconciliation, language: str) -> Reconciliation:
    """Show what differs between both parties' records."""
    told = [_difference(each, found.peer, language) for each in found.differences]
    return Reconciliation(id=found.contract, ok=not told, peer=found.peer, differences=told)


def _difference(found: Difference, peer: str, language: str) -> ContractDifference:
    nothing = texts.say("reconcile_nothing", language)
    ours, theirs = found.ours or nothing, found.theirs or nothing
    said = texts.say(
        f"reconcile_{found.code}", language, peer=peer, about=found.about, ours=ours, theirs=theirs
    )  # fmt: skip
    return ContractDifference(code=found.code, about=found.about, ours=found.ours, theirs=found.theirs, text=said)


def signing(made: heads.Signing) -> JournalSigning:
    """Show the last signed head."""
    return JournalSigning(id=made.participant, head=made.head, covered=made.covered, received=made.received)


def removal(made: retention.Removed) -> JournalRemoval:
    """Show what was removed."""
    return JournalRemoval(id=made.participant, count=made.count, before=made.before)


class JournalAcceptance(Resource):
    """What a peer (`id`) goes on from: the number of its last head, and how many that we held are set aside."""

    id: str
    head: int
    set_aside: int


def acceptance(made: branches.Accepted) -> JournalAcceptance:
    """Show what was accepted of a peer's heads."""
    return JournalAcceptance(id=made.peer, head=made.head, set_aside=made.set_aside)


def _fault(number: int, code: str, head: int | None, language: str) -> JournalFault:
    said = texts.say(f"journal_fault_{code.replace('-', '_')}", language, number=number, head=head)
    return JournalFault(number=number, code=code, head=head, text=said)
