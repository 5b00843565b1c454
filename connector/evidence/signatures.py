"""Checks of a bundle's signatures: who made it, who sealed what, whose keys they were and when, whose journal it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from connector.canonical import of_bytes
from connector.evidence import bundle, seal
from connector.evidence.consistency import last
from connector.evidence.contents import ROLES, Contents, Sent
from connector.evidence.finding import Finding, judged
from connector.evidence.heads import Signed, follows
from connector.evidence.seal import Expected, Seal
from connector.identity import jws
from connector.identity.jws import Parsed
from connector.identity.periods import KeyPeriod
from connector.protocol.context import SEAL
from connector.protocol.machine import CONSUMER, PROVIDER
from connector.protocol.negotiation import AGREEMENT, VERIFICATION

_MOVES = {seal.AGREEMENT: AGREEMENT, seal.VERIFICATION: VERIFICATION}
_SEALERS = {seal.AGREEMENT: PROVIDER, seal.VERIFICATION: CONSUMER}


def made(whole: Contents) -> Iterator[Finding]:
    """Check that the party that made the bundle signed all of it."""
    about = whole.about
    key = None
    try:
        parsed = jws.parse(whole.files.get(bundle.SIGNATURE, b"").decode("ascii"), limit=seal.MOST_CHARACTERS)
    except ValueError:
        parsed = None
    payload = bundle.signed_payload(whole.files[bundle.MANIFEST], about.made_by, about.made_at)
    if parsed is not None and parsed.payload == payload and parsed.header.get("typ") == bundle.SIGNATURE_TYP:
        key = signer(parsed, whole.keys[about.role], about.made)
    wrong = [] if key else [bundle.SIGNATURE]
    yield judged("made", wrong, party=about.made_by, kid=key.kid if key else "", at=about.made_at)


def signer(parsed: Parsed, periods: Collection[KeyPeriod], at: float) -> KeyPeriod | None:
    """Return the seal key that made a signature at a time at which it was the party's, or None."""
    kid = parsed.header.get("kid")
    named = [each for each in periods if each.purpose == "seal" and each.kid == kid]
    fitting = (each for each in named if each.covers(at, seal.TOLERANCE_SECONDS) and parsed.verified_by(each.key))
    return next(fitting, None)


def seals(whole: Contents) -> Iterator[Finding]:
    """Check each seal: its signature and key, and that it says what the bundle's files say."""
    for kind in (seal.AGREEMENT, seal.VERIFICATION):
        found = whole.seals.get(kind)
        sent = last(whole, _MOVES[kind])
        if found is None:
            continue
        wrong = ["messages.json"] if sent is None else _wrong(whole, found, sent)
        party = whole.about.party(_SEALERS[kind])
        yield judged(f"seal.{kind}", wrong, party=party, kid=found.kid)


def _wrong(whole: Contents, found: Seal, sent: Sent) -> list[str]:
    fault = seal.key_fault(found, whole.keys[_SEALERS[found.kind]])
    expected = _expected(whole, found, sent)
    wrong = ([fault] if fault else []) + list(seal.faults(found, expected))
    stated = None if whole.policy is None else of_bytes(whole.files["policy.json"])
    if found.kind == seal.AGREEMENT and stated is not None and found.policy != stated:
        wrong.append("policy")
    carried = sent.body.get(SEAL)
    return wrong if carried == found.text else [*wrong, sent.file]


def _expected(whole: Contents, found: Seal, sent: Sent) -> Expected:
    """Return what a seal in a message has to say; its time lies between the step before it and its message's arrival."""
    before = [each.digest for each in whole.applied[: whole.applied.index(sent)]]
    first = whole.seals.get(seal.AGREEMENT)
    countersigns = found.kind == seal.VERIFICATION and first is not None
    agreed = str(whole.agreement.get("timestamp", ""))
    return Expected(
        found.kind, whole.agreement, whole.about.provider, whole.about.consumer,
        of_bytes(whole.files["offer.json"]), before,
        earliest=(first.at if countersigns and first else _seconds(agreed)) - seal.TOLERANCE_SECONDS,
        latest=sent.at + seal.TOLERANCE_SECONDS,
        policy=first.policy if first else None,
        agreement_seal=first.digest if countersigns and first else None,
    )  # fmt: skip


def sides(whole: Contents) -> Iterator[Finding]:
    """Say who has sealed, and what that leaves unproven; a bundle that claims more than it holds is wrong."""
    both = len(whole.seals) == len(_MOVES)
    if not whole.seals:
        yield Finding("sides", ok=False, code="verify_sides_none")
        return
    if whole.about.sided != (bundle.TWO_SIDED if both else bundle.ONE_SIDED):
        yield judged("sides", ["bundle.json"])
        return
    if both:
        yield judged("sides", [])
        return
    kind = next(iter(whole.seals))
    other = CONSUMER if kind == seal.AGREEMENT else PROVIDER
    values = {"party": whole.about.party(_SEALERS[kind]), "other": whole.about.party(other)}
    code = "verify_sides_one" if whole.about.role == _SEALERS[kind] else "verify_sides_theirs"
    yield Finding("sides", ok=True, code=code, values=values)


def keys(whole: Contents) -> Iterator[Finding]:
    """Check that each party's DID document shows the keys that the bundle says it uses."""
    for role in ROLES:
        document = whole.documents[role]
        shown = {(purpose, each.key) for each in document.methods for purpose in each.purposes}
        listed = {each.key for each in document.methods}
        wrong = [each.kid for each in whole.keys[role] if each.until is None and (each.purpose, each.key) not in shown]
        gone = [each.kid for each in whole.keys[role] if each.until is not None and each.key not in listed]
        kids = ", ".join(each.kid for each in whole.keys[role] if each.purpose == "seal") or "–"
        yield judged(f"keys.{role}", wrong, party=whole.about.party(role), kids=kids, gone=len(gone))


def heads(whole: Contents) -> Iterator[Finding]:
    """Check the journal's signed heads: the maker's, by its keys, one after the other."""
    wrong = [str(each.head.number) for each in whole.heads if not _head_holds(whole, each)]
    pairs = zip(whole.heads, whole.heads[1:], strict=False)
    wrong += [str(later.head.number) for earlier, later in pairs if not _head_follows(earlier, later)]
    yield judged("heads", wrong or ([] if whole.heads else ["journal/heads.json"]), count=len(whole.heads))


def _head_holds(whole: Contents, found: Signed) -> bool:
    at = _seconds(found.head.at)
    return (
        found.head.participant == whole.about.made_by
        and signer(found.parsed, whole.keys[whole.about.role], at) is not None
    )


def _head_follows(earlier: Signed, later: Signed) -> bool:
    step = later.head.number - earlier.head.number
    return step > 1 or (step == 1 and follows(earlier.head, earlier.digest, later.head))


def trust(whole: Contents, trusted: Collection[str]) -> Iterator[Finding]:
    """Check that the fingerprints a reader knows from elsewhere have signed here."""
    if trusted:
        signed = {each.kid for each in whole.seals.values()} | {each.kid for each in whole.heads}
        yield judged("trust", sorted(set(trusted) - signed), count=len(trusted))


def _seconds(text: str) -> float:
    """Return a time in seconds since 1970; what is no time, or has no zone, is before all times."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return float("-inf")
    return moment.timestamp() if moment.tzinfo else float("-inf")
