"""`connector journal`: everything that was done, in one chain per participant that shows every later change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.cli.commands import DONE, PAGING, REFUSED, Verb, option, place, switch

if TYPE_CHECKING:
    from connector.cli.output import Column, Record
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("number", lambda row: row["number"]),
    ("at", lambda row: row["at"]),
    ("kind", lambda row: row["kind"]),
    ("subject", lambda row: row["subject"]),
    ("by", lambda row: row["by"]),
)
FILTERS: Final = ("subject", "contract", "peer", "dataset", "since", "until")
_BRIEF: Final = ("id", "ok", "records", "hash", "removed", "heads", "covered")


def listing(session: Session) -> int:
    """List records in order: all, or those that the filters leave."""
    wanted = {name: session.typed(name) for name in FILTERS}
    session.list_at(COLUMNS, lambda **query: session.path("journal", **wanted, **query))
    return DONE


def show(session: Session) -> int:
    """Show a record with its content."""
    session.output.shown(session.api.get(session.path("journal", str(session.typed("number")))))
    return DONE


def verify(session: Session) -> int:
    """Check the journal and its signed heads; exit code 1 when something does not hold, or no peer could be asked."""
    verdict = _offline(session) if session.typed("offline") else _online(session)
    session.output.shown(verdict, {name: verdict[name] for name in _BRIEF})
    for fault in verdict["faults"]:
        session.output.say("cli_journal_fault", text=fault["text"])
    for peer in verdict["peers"] or ():
        session.output.say("cli_journal_fault", text=peer["text"])
    wrong = _wrong(verdict)
    unwitnessed = verdict["witnessed"] is False and not wrong
    whole = "cli_journal_unwitnessed" if unwitnessed else "cli_journal_whole"
    session.output.say("cli_journal_broken" if wrong else whole, count=wrong)
    return DONE if verdict["ok"] else REFUSED


def sign(session: Session) -> int:
    """Sign a head over everything up to now, and exchange heads with the peers."""
    session.output.shown(session.api.post(session.path("journal", "heads")))
    return DONE


def accept(session: Session) -> int:
    """Accept that a peer goes on from other heads than those that we hold."""
    body = {"peer": session.typed("peer"), "reference": session.typed("reference")}
    session.output.shown(session.api.post(session.path("journal", "acceptances"), body))
    return DONE


def remove_payloads(session: Session) -> int:
    """Remove what old records say; the chain stays whole and the removal is a record itself."""
    body = {"before": session.typed("before"), "kinds": session.typed("kinds"), "reference": session.typed("reference")}
    session.output.shown(session.api.post(session.path("journal", "removals"), body))
    return DONE


def export(session: Session) -> int:
    """Write the journal, or what the filters leave of it, to a file with everything that is needed to check it."""
    from connector.cli import journalfile  # noqa: PLC0415 - the other verbs have no need of it

    made = journalfile.write(session, {name: session.typed(name) for name in FILTERS})
    if session.output.as_json:
        session.output.value(made)
    session.output.say("cli_journal_exported", **made)
    return DONE


def _online(session: Session) -> Record:
    asked = {"peers": "true"} if session.typed("peers") else {}
    found: Record = session.api.get(session.path("journal", "verify", **asked))
    return found


def _offline(session: Session) -> dict[str, Any]:
    """Check the home's database itself; what only that needs is imported here."""
    from connector.http import resources_journal  # noqa: PLC0415
    from connector.services import offline  # noqa: PLC0415

    verdict = offline.verify(session.settings.database_url(), session.typed("member"))
    return resources_journal.verdict((verdict, None), session.output.language).model_dump()


def _wrong(verdict: Record) -> int:
    return len(verdict["faults"]) + sum(not peer["ok"] for peer in verdict["peers"] or ())


_FILTERS = (
    option("--subject", "ID"),
    option("--contract", "ID", text="journal_contract"),
    option("--peer", "DID", text="journal_peer"),
    option("--dataset", "ID", text="journal_dataset"),
    option("--since", "TIME"),
    option("--until", "TIME"),
)
VERBS = (
    Verb("list", listing, (*_FILTERS, *PAGING)),
    Verb("show", show, (place("N", "number", text="number"),)),
    Verb("verify", verify, (switch("--offline"), switch("--peers", text="journal_peers"))),
    Verb("sign", sign),
    Verb("accept", accept, (place("DID", "peer"), option("--reference", "TEXT", required=True))),
    Verb("export", export, (option("-o", "FILE", text="journal_output", dest="output", required=True), *_FILTERS)),
    Verb(
        "remove-payloads",
        remove_payloads,
        (
            option("--before", "TIME", required=True),
            option(
                "--kind", text="journal_kind", required=True, action="append", dest="kinds",
                choices=("access", "exchange", "administration"),
            ),
            option("--reference", "TEXT", required=True),
        ),
    ),
)  # fmt: skip
