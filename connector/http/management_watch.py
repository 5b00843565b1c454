"""The management API's endpoints for the journal and the doctor."""

from __future__ import annotations

from typing import Final

from connector.errors import Missing
from connector.http import resources
from connector.http.management_requests import JournalPaging
from connector.http.management_route import Ask, Route
from connector.services import doctor, journal
from connector.services.operators import READ

_OURS: Final = "/api/v1/participants/{participant}"
_MOST_DIGITS: Final = 18


async def _journal(ask: Ask, query: JournalPaging) -> tuple[list[journal.Entry], str | None]:
    """List the records of a participant's journal, the oldest first."""
    return await journal.page(ask.house, ask.participant, query.cursor, ask.most(query), query.subject)


async def _verify(ask: Ask) -> journal.Verdict:
    """Check every link of a participant's journal."""
    return await journal.verify(ask.house, ask.participant)


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
