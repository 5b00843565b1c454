"""Checks of a bundle that need no signature: that its parts belong together and say the same.

Sources: Dataspace Protocol 2025-1, "Contract Negotiation Protocol"; the journal's chain (`chain.py`) and heads (`heads.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connector import canonical, loader
from connector.canonical import of_bytes
from connector.errors import BadMessage, TooLarge
from connector.evidence import bundle, chain, heads
from connector.evidence.contents import FIXED, SEALS, About, Contents, Kept, Path, Sent
from connector.evidence.finding import Finding, judged
from connector.evidence.heads import Head
from connector.policy.compare import differences
from connector.protocol import messages as wire
from connector.protocol.machine import PROVIDER
from connector.protocol.negotiation import AGREEMENT, FINALIZED, NEGOTIATION, OFFER, REQUEST

_FROM_PEER: Final = "peer"


def files(found: Mapping[str, bytes], about: About) -> Iterator[Finding]:
    """Check that every file is there, unchanged, and no other."""
    ours = bundle.digests(found)
    known = {*FIXED, "policy.json", *SEALS.values()}
    strange = {name for name in ours if name not in known and not name.startswith("messages/")}
    wrong = [name for name in ours.keys() | about.files.keys() if ours.get(name) != about.files.get(name)]
    yield judged("files", sorted({*wrong, *strange}), count=len(ours))


def agreement(whole: Contents) -> Iterator[Finding]:
    """Check that the agreement is the one the provider sent, between these parties."""
    found, about = whole.agreement, whole.about
    named = {"@id": about.agreement, "assigner": about.provider, "assignee": about.consumer}
    wrong = [name for name, value in named.items() if found.get(name) != value]
    sent = last(whole, AGREEMENT)
    if sent is None or not same(sent.body.get("agreement"), found):
        wrong.append(sent.file if sent else "messages.json")
    yield judged("agreement", wrong, id=about.agreement)


def messages(whole: Contents) -> Iterator[Finding]:
    """Check every message's bytes, kind and processes, and that all of them are listed once."""
    wrong = [each.file for number, each in enumerate(whole.messages, 1) if not _fits(each, number, whole.about)]
    listed = {each.file for each in whole.messages}
    wrong += sorted({name for name in whole.files if name.startswith("messages/")} - listed)
    yield judged("messages", wrong, count=len(whole.messages))


def file_name(number: int, body: Mapping[str, Any]) -> str:
    """Return the name of a message's file: its place among the contract's messages, from 1, and its type."""
    return f"messages/{number:03}-{local(body.get('@type'))}.json"


def local(name: Any) -> str:
    """Return a term without what stands before it."""
    return str(name).rsplit("/", 1)[-1].rsplit("#", 1)[-1].rsplit(":", 1)[-1]


def _fits(sent: Sent, number: int, about: About) -> bool:
    if sent.digest != of_bytes(sent.raw) or sent.file != file_name(number, sent.body):
        return False
    suffix = next((each for each in wire.SUFFIXES["negotiation"] if _reads_as(sent, each)), None)
    own = "providerPid" if about.role == PROVIDER else "consumerPid"
    return suffix is not None and sent.body.get(own, about.contract) == about.contract


def _reads_as(sent: Sent, suffix: str) -> bool:
    try:
        return wire.read(NEGOTIATION, suffix, sent.body).move == sent.move
    except BadMessage:
        return False


def sequence(whole: Contents) -> Iterator[Finding]:
    """Check that the messages that took effect lead, one after the other, to a concluded contract.

    A step may be known from the other party's own account of its state alone (a GET): then there is no message of it.
    """
    state: str | None = None
    wrong, silent = list[str](), 0
    for sent in whole.applied:
        after = NEGOTIATION.target(state, sent.move, sent.sender)
        if after is None:
            after, silent = _unseen(whole, state, sent), silent + 1
        if after is None:
            wrong.append(sent.file)
        state = after or state
    if state != FINALIZED and not wrong:
        silent += 1
        wrong += [] if NEGOTIATION.path(state, FINALIZED, whole.about.other) else ["messages.json"]
    yield judged("sequence", wrong, count=len(whole.applied), silent=silent)


def _unseen(whole: Contents, state: str | None, sent: Sent) -> str | None:
    """Return where a message leads if the other party made a move before it of which there is no message."""
    between = (middle for middle in NEGOTIATION.adoptable if NEGOTIATION.path(state, middle, whole.about.other))
    targets = (NEGOTIATION.target(middle, sent.move, sent.sender) for middle in between)
    return next((target for target in targets if target is not None), None)


def terms(whole: Contents) -> Iterator[Finding]:
    """Check that the agreement's rules are those of the offer on the table, and of the provider's policy where it is here."""
    wrong = []
    sent = last(whole, REQUEST, OFFER)
    if sent is None or not same(sent.body.get("offer"), whole.offer):
        wrong.append("offer.json")
    wrong += [f"agreement.json{place}" for place in differences(whole.offer, whole.agreement)]
    if whole.policy is not None:
        wrong += [f"policy.json{place}" for place in differences(whole.agreement, whole.policy)]
    yield judged("terms", wrong)


def journal(whole: Contents) -> Iterator[Finding]:
    """Check the records: their hashes, their payloads, their paths to heads, and that they name the messages received."""
    wrong = [str(kept.record.number) for kept in whole.records if not _holds(kept)]
    pairs = zip(whole.records, whole.records[1:], strict=False)
    wrong += [str(later.record.number) for earlier, later in pairs if not _follows(earlier, later)]
    wrong += _unproven(whole)
    received = [canonical.digest(each.body) for each in whole.applied if each.sender != whole.about.role]
    noted = _noted(whole)
    if noted is not None and noted != received:
        wrong.append("messages.json")
    removed = sum(kept.payload is None for kept in whole.records)
    yield judged("journal", wrong, count=len(whole.records), removed=removed, left_out=whole.about.left_out)


def _holds(kept: Kept) -> bool:
    whole = kept.payload is None or chain.payload_digest(*kept.payload) == kept.record.payload_digest
    return whole and chain.link(kept.previous, kept.record).hash == kept.record.hash


def _follows(earlier: Kept, later: Kept) -> bool:
    step = later.record.number - earlier.record.number
    return step > 0 and (step > 1 or later.previous == earlier.record.hash)


def _unproven(whole: Contents) -> list[str]:
    """Return the records without exactly one path that leads to a head here, and the paths of no record."""
    signed = {each.head.number: each.head for each in whole.heads}
    paths = {each.number: each for each in whole.paths}
    wrong = ["journal/paths.json"] if [*paths] != [kept.record.number for kept in whole.records] else []
    wrong += ["journal/paths.json"] if len(paths) != len(whole.paths) else []
    return wrong + [str(kept.record.number) for kept in whole.records if not _included(kept, paths, signed)]


def _included(kept: Kept, paths: Mapping[int, Path], signed: Mapping[int, Head]) -> bool:
    path = paths.get(kept.record.number)
    head = signed.get(path.head) if path else None
    if path is None or head is None:
        return False
    place = (path.number - head.first, head.last - head.first + 1)
    return (path.index, path.size) == place and heads.included(head, path.number, kept.record.hash, path.path)


def _noted(whole: Contents) -> list[str] | None:
    """Return the digests of the messages that the journal says were received, None where a payload has been removed."""
    found = []
    for kept in whole.records:
        if (kept.record.kind, kept.record.subject) != ("negotiation.state", whole.about.contract):
            continue
        if kept.payload is None:
            return None
        payload = _read(kept.payload[1])
        if payload.get("by") == _FROM_PEER:
            found.append(str(payload.get("message")))
    return found


def _read(text: str) -> Mapping[str, Any]:
    try:
        return loader.load_object(text.encode(), limit=bundle.MOST_BYTES)
    except (BadMessage, TooLarge):
        return {}


def last(whole: Contents, *moves: str) -> Sent | None:
    """Return the last applied message with one of the moves."""
    return next((each for each in reversed(whole.applied) if each.move in moves), None)


def same(one: Any, other: Any) -> bool:
    """Compare JSON values canonically."""
    return canonical.canonical(one) == canonical.canonical(other)
