"""The management API's endpoints for the journal and the doctor."""

from __future__ import annotations

from typing import Any, Final

from connector.errors import Missing
from connector.http import resources, resources_journal
from connector.http.management_requests import BranchAcceptance, JournalPaging, Paging, PayloadRemoval, Verification
from connector.http.management_route import Ask, Route
from connector.services import branches, doctor, heads, journal, reconcile, retention, witness
from connector.services.check import Check
from connector.services.operators import APPROVE, READ, WRITE
from connector.store.heads import SealedHead
from connector.store.journal import Search
from connector.store.verification import Verdict

_OURS: Final = "/api/v1/participants/{participant}"
_MOST_DIGITS: Final = 18


async def _journal(ask: Ask, query: JournalPaging) -> tuple[list[journal.Entry], str | None]:
    """List the records of a participant's journal, the oldest first."""
    return await journal.page(ask.house, ask.participant, query.cursor, ask.most(query), _search(query))


async def _export(ask: Ask, query: JournalPaging) -> tuple[list[dict[str, Any]], str | None]:
    """List the records of a participant's journal with everything that is needed to check them."""
    return await journal.exported(ask.house, ask.participant, query.cursor, ask.most(query), _search(query))


async def _heads(ask: Ask, query: Paging) -> tuple[list[SealedHead], str | None]:
    """List the signed heads of a participant's journal, the oldest first."""
    return await journal.heads(ask.house, ask.participant, query.cursor, ask.most(query))


def _search(query: JournalPaging) -> Search:
    return journal.search(
        subject=query.subject, contract=query.contract, peer=query.peer, dataset=query.dataset,
        since=query.since, until=query.until,
    )  # fmt: skip


async def _verify(ask: Ask, query: Verification) -> tuple[Verdict, list[witness.Witness] | None]:
    """Check every record of a participant's journal and its signed heads, and with `peers` what the peers hold of these."""
    found = await heads.verify(ask.house, ask.participant)
    return found, await witness.compare(ask.house, ask.participant) if query.peers else None


async def _sign(ask: Ask) -> heads.Signing:
    """Sign a head over everything in a participant's journal now, and exchange heads with the peers."""
    await heads.ensure(ask.house, ask.participant)
    fetched = await witness.fetch_all(ask.house, ask.participant)
    return await heads.signing(ask.house, ask.participant, fetched)


async def _remove(ask: Ask, body: PayloadRemoval) -> retention.Removed:
    """Remove what old records say, of some kinds; the chain stays whole and the removal is a record itself."""
    return await retention.remove(
        ask.house, ask.participant, before=body.before, groups=body.kinds, reference=body.reference, by=ask.by
    )


async def _accept_branch(ask: Ask, body: BranchAcceptance) -> branches.Accepted:
    """Accept that a peer goes on from other signed heads than those that we hold, which stay as evidence."""
    return await branches.accept(ask.house, ask.participant, body.peer, reference=body.reference, by=ask.by)


async def _reconcile(ask: Ask) -> reconcile.Reconciliation:
    """Compare what both parties have recorded of a contract."""
    return await reconcile.reconcile(ask.house, ask.participant, ask.path["contract"])


async def _record(ask: Ask) -> journal.Entry:
    """Show a record of the journal."""
    text = ask.path["number"]
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise Missing("journal_unknown")
    return await journal.show(ask.house, ask.participant, int(text))


async def _doctor(ask: Ask) -> tuple[list[Check], None]:
    """Check the installation, a participant's address and its peers, and say what to do."""
    return await doctor.checks(ask.house, ask.participant), None


ROUTES: Final = (
    Route("GET", f"{_OURS}/journal", READ, _journal, resources_journal.record, many=True),
    Route("GET", f"{_OURS}/journal/verify", READ, _verify, resources_journal.verdict),
    Route("GET", f"{_OURS}/journal/export", READ, _export, resources_journal.exported, many=True),
    Route("GET", f"{_OURS}/journal/heads", READ, _heads, resources_journal.head, many=True),
    Route("POST", f"{_OURS}/journal/heads", WRITE, _sign, resources_journal.signing, status=201),
    Route("POST", f"{_OURS}/journal/removals", APPROVE, _remove, resources_journal.removal, status=201),
    Route("POST", f"{_OURS}/journal/acceptances", APPROVE, _accept_branch, resources_journal.acceptance, status=201),
    Route("GET", f"{_OURS}/journal/{{number}}", READ, _record, resources_journal.record),
    Route("GET", f"{_OURS}/contracts/{{contract}}/reconciliation", READ, _reconcile, resources_journal.reconciliation),
    Route("GET", f"{_OURS}/doctor", READ, _doctor, resources.check, many=True),
)
