"""The management API's endpoints for policy files in the home, and for who could get a dataset."""

from __future__ import annotations

from typing import Final, Literal

from connector import texts
from connector.http.management_requests import Paging, WhoPaging
from connector.http.management_route import Ask, Route
from connector.http.resources import Resource
from connector.services import pages, policyfiles, who
from connector.services.operators import READ
from connector.services.who import Under

_OURS: Final = "/api/v1/participants/{participant}"


class PolicyFile(Resource):
    """A file in the home's `policies/` folder; `id` is its name.

    `state` is `published` (the offers that are made of it say what it says), `unused`, `missing`, or `broken`: then `code`,
    `text` and `next` say why, `line` and `column` where, and the offers keep what it said before.
    """

    id: str
    state: Literal["published", "unused", "broken", "missing"]
    offers: list[str]
    code: str | None
    text: str
    next: str
    line: int | None
    column: int | None


def policy_file(found: policyfiles.Shown, language: str) -> PolicyFile:
    """Show a policy file, with what is wrong with it in words."""
    fault = found.fault
    if fault is None:
        return PolicyFile(
            id=found.name, state=found.state, offers=found.offers, code=None, text="", next="", line=None, column=None
        )
    said = {key: texts.say(fault.code, language, key, **fault.values) for key in ("text", "next")}
    return PolicyFile(
        id=found.name, state=found.state, offers=found.offers, code=fault.code, **said,
        line=fault.line or None, column=fault.column or None,
    )  # fmt: skip


async def _files(ask: Ask, query: Paging) -> tuple[list[policyfiles.Shown], str | None]:
    """List the policy files in the home, by name, and what is wrong with those that are not taken."""
    rows = await policyfiles.listing(ask.house, ask.participant)
    return pages.page(rows, lambda row: (0.0, row.name), query.cursor, ask.most(query))


class Candidate(Resource):
    """A peer and what it could get of a dataset; `id` is the peer. `answer` is the best of its `offers`.

    Of each offer: `answer` (`yes`, `no`, `only-if`), `because` (the rules that refuse), `needs` (`kind`: purpose, time, fact,
    duty or prohibition, with `text`), `until`, and `approval` where a person of ours has to approve besides.
    """

    id: str
    state: str
    answer: Literal["yes", "no", "only-if"]
    offers: list[Under]


def candidate(found: who.Candidate) -> Candidate:
    """Show what a peer could get."""
    return Candidate(id=found.peer, state=found.state, answer=found.answer, offers=found.offers)


async def _who(ask: Ask, query: WhoPaging) -> tuple[list[who.Candidate], str | None]:
    """Tell for every known peer whether it could get a dataset, for a purpose where one is named: yes, no and why, or only if."""
    rows = await who.who(ask.house, ask.participant, ask.path["dataset"], ask.language, purpose=query.purpose)
    return pages.page(rows, lambda row: (0.0, row.peer), query.cursor, ask.most(query))


ROUTES: Final = (
    Route("GET", f"{_OURS}/policy-files", READ, _files, policy_file, many=True),
    Route("GET", f"{_OURS}/datasets/{{dataset}}/who", READ, _who, candidate, many=True),
)
