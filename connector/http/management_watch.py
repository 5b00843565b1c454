"""The management API's endpoints for the journal and the doctor."""

from __future__ import annotations

from typing import Final

from connector.errors import Missing
from connector.http import resources
from connector.http.management_requests import JournalPaging
from connector.http.management_route import Ask, Route
from connector.services import doctor, heads, journal
from connector.services.operators import READ
from connector.store.verification import Verdict

_OURS: Final = "/api/v1/participants/{participant}"
_MOST_DIGITS: Final = 18


async def _journal(ask: Ask, query: JournalPaging) -> tuple[list[journal.Entry], str | None]:
    """List the records of a participant's journal, the oldest first."""
    search = journal.search(
        subject=query.subject, contract=query.contract, peer=query.peer, dataset=query.dataset,
        since=query.since, until=query.until,
    )  # fmt: skip
    return await journal.page(ask.house, ask.participant, query.cursor, ask.most(query), search)


async def _verify(ask: Ask) -> Verdict:
    """Check every record of a participant's journal and its signed heads."""
    return await heads.verify(ask.house, ask.participant)


async def _record(ask: Ask) -> journal.Entry:
    """Show a record of the journal."""
    text = ask.path["number"]
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise Missing("journal_unknown")
    return await journal.show(ask.house, ask.participant, int(text))


async def _doctor(ask: Ask) -> tuple[list[doctor.Check], None]:
    """Check the installation, a participant's address and its peers, and say what to do."""
    return await doctor.checks(ask.house, ask.participant), None


ROUTES: Final = (
    Route("GET", f"{_OURS}/journal", READ, _journal, resources.record, many=True),
    Route("GET", f"{_OURS}/journal/verify", READ, _verify, resources.verdict),
    Route("GET", f"{_OURS}/journal/{{number}}", READ, _record, resources.record),
    Route("GET", f"{_OURS}/doctor", READ, _doctor, resources.check, many=True),
)
