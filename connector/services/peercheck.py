"""`peers check`: everything between us and a peer, one finding at a time, and from both sides where the peer lets us ask.

A peer of our own kind fetches our version document when we ask it to, at our pinned root alone, and says what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector import clock, loader
from connector.errors import ConnectorError, Missing, TooMany, Unreachable, Value
from connector.identity import participant as places
from connector.identity import pinned
from connector.identity import trust as trusts
from connector.identity.document import Document
from connector.identity.trust import Trust
from connector.net import certificates, egress, probe
from connector.net.egress import Reach
from connector.net.probe import Looked
from connector.net.tls import Expected
from connector.peer.call import expect
from connector.protocol import context, versions
from connector.services import doctor, receive
from connector.services.check import Check
from connector.services.house import House
from connector.services.receive import Speaker
from connector.services.speak import speak
from connector.store.parties import KEY_CHANGED, REMOVED, Peer

CALLBACK_PATH: Final = "/callback-check"
CLOCK_SECONDS: Final = 60.0
NEAR_DAYS: Final = 14
_AGAIN_SECONDS: Final = 5.0
_ANSWER_BYTES: Final = 64 * 1024
_SECONDS: Final = 5.0
_OK: Final = 200
_DAY: Final = 86400.0


async def check(house: House, participant: str, did: str) -> list[Check]:
    """Check the way to a peer, which need not have been added yet; what depends on a step that failed is left out.

    Raises:
        Missing: `participant_unknown`. Invalid: `did_invalid`. Unreachable: `url_refused`.
    """
    house.member(participant)
    row = await house.store.read(lambda unit: unit.peers.get(participant, did))
    row = None if row is None or row.state == REMOVED else row
    trust = trusts.load(row.trust if row else None)
    base = row.base if row else places.place(did, secure=house.client.secure).base
    looked = await probe.look(house.client, base, reach=Reach.OPERATOR)
    found = _ways(house, looked, trust, secure=base.startswith("https:"))
    if looked.failure is not None:
        return found
    return found + await _documents(house, participant, did, row, trust.expected(show=False))


def _ways(house: House, looked: Looked, trust: Trust, *, secure: bool) -> list[Check]:
    values: dict[str, Value] = {"host": looked.host, "port": looked.port}
    if looked.stage == "dns":
        return [Check("dns", ok=False, code="check_dns_failed", values=values)]
    found = [Check("dns", ok=True, code="check_dns_ok", values=values | {"addresses": ", ".join(looked.addresses)})]
    if looked.stage == "route":
        return [*found, Check("route", ok=False, code=str(looked.failure), values=values)]
    found.append(Check("route", ok=True, code="check_route_ok", values=values | {"address": looked.address}))
    if not secure:
        return [*found, Check("tls", ok=not trust.demands, code="check_tls_none", values=values)]
    if looked.stage == "tls":
        return [*found, Check("tls", ok=False, code=str(looked.failure), values=values)]
    found.append(Check("tls", ok=True, code="check_tls_ok", values=values | {"version": looked.version}))
    return [*found, _certificate(house, looked, trust)]


def _certificate(house: House, looked: Looked, trust: Trust) -> Check:
    """Judge what the server shows: its times, and the pin where there is one. Authorities are judged by the next call."""
    shown, now = looked.chain[0], house.now()
    end = min(certificates.times(one)[1] for one in looked.chain)
    values: dict[str, Value] = {
        "host": looked.host, "until": clock.iso(end), "days": int((end - now) / _DAY), "spki": certificates.spki(shown),
        "names": ", ".join(certificates.names(shown)), "chain": len(looked.chain),
    }  # fmt: skip
    if not all(certificates.valid_at(one, now) for one in looked.chain):
        return Check("certificate", ok=False, code="peer_certificate_expired", values=values)
    if trust.keys and certificates.spki(shown) not in trust.keys:
        return Check("certificate", ok=False, code="peer_certificate_key", values=values)
    begin = certificates.times(shown)[0]
    if end - now < min(NEAR_DAYS * _DAY, (end - begin) / 3):
        return Check("certificate", ok=False, code="check_certificate_near", values=values)
    return Check("certificate", ok=True, code="check_certificate_ok", values=values)


async def _documents(house: House, participant: str, did: str, row: Peer | None, expected: Expected) -> list[Check]:
    try:
        seen = await doctor.visit(house, did, expected)
    except ConnectorError as error:
        url = places.place(did, secure=house.client.secure).document_url
        return [Check("did", ok=False, code="check_did_failed", values={"url": url, "reason": error.code})]
    found = [
        Check("did", ok=True, code="check_did_ok", values={"keys": len(seen.document.methods)}),
        _clock(seen.ahead),
    ]
    found.append(_keys(row, seen.document))
    found.append(await _version(house, row, seen.document, expected))
    if row is not None:
        found.append(await _callback(house, participant, row, seen.document))
    return found


def _clock(ahead: float | None) -> Check:
    if ahead is None:
        return Check("clock", ok=True, code="check_clock_unknown")
    good = abs(ahead) <= CLOCK_SECONDS
    return Check(
        "clock", ok=good, code="check_clock_ok" if good else "check_clock_off", values={"seconds": round(ahead)}
    )


def _keys(row: Peer | None, document: Document) -> Check:
    if row is None:
        return Check("keys", ok=True, code="check_keys_unpinned", values={"peer": document.did})
    changed = isinstance(pinned.compare(pinned.load(row.pins), document), pinned.Changed)
    bad = changed or row.state == KEY_CHANGED
    code = "check_keys_changed" if bad else "check_keys_ok"
    return Check("keys", ok=not bad, code=code, values={"peer": row.id})


async def _version(house: House, row: Peer | None, document: Document, expected: Expected) -> Check:
    """Read where the peer speaks DSP now, and compare it with what was stored."""
    place = places.place(document.did, secure=house.client.secure)
    url = document.version_url or place.version_url
    try:
        if not egress.within(url, place.root):
            raise Unreachable("peer_version_foreign")
        answer = await house.client.request("GET", url, reach=Reach.OPERATOR, expected=expected, limit=_ANSWER_BYTES)
        if answer.status != _OK:
            raise Unreachable("peer_version_missing", status=answer.status)
        base = versions.base_url(url, loader.loads(answer.body))
    except ConnectorError as error:
        return Check("version", ok=False, code="check_version_failed", values={"url": url, "reason": error.code})
    if row is not None and row.base.rstrip("/") != base.rstrip("/"):
        return Check("version", ok=False, code="check_version_moved", values={"base": base, "stored": row.base})
    return Check("version", ok=True, code="check_version_ok", values={"base": base})


async def _callback(house: House, participant: str, row: Peer, document: Document) -> Check:
    """Ask the peer to come to us."""
    if context.CALLBACK not in document.announces:
        return Check("callback", ok=True, code="check_callback_unasked", values={"peer": row.id})
    try:
        reply = await speak(house, participant, row.id, "POST", row.base + CALLBACK_PATH)
        said: Any = expect(reply)
    except ConnectorError as error:
        status = error.values.get("status")
        reason = error.code if status is None else f"{error.code} {status}"
        return Check("callback", ok=False, code="check_callback_refused", values={"peer": row.id, "reason": reason})
    url = house.member(participant).row.root
    if isinstance(said, Mapping) and said.get("reachable") is True:
        return Check("callback", ok=True, code="check_callback_ok", values={"peer": row.id, "url": url})
    saw = said.get("code") if isinstance(said, Mapping) else None
    told = saw if isinstance(saw, str) and saw.isidentifier() and len(saw) <= 64 else "-"  # noqa: PLR2004 - our codes are shorter
    return Check(
        "callback", ok=False, code="check_callback_failed", values={"peer": row.id, "url": url, "reason": told}
    )


async def visit_back(house: House, speaker: Speaker) -> dict[str, Any]:
    """Fetch the version document of a peer that asks for it, at the root of its pinned id and nowhere else.

    Raises:
        TooMany: once in five seconds per peer. Unauthenticated: `token_replayed`.
    """
    await receive.spend_alone(house, speaker)
    participant, did = speaker.caller.participant, speaker.caller.peer
    if not house.may_look_again(participant, f"callback {did}", seconds=_AGAIN_SECONDS):
        raise TooMany("http_too_many", retry_after_seconds=int(_AGAIN_SECONDS))
    known = await house.peer(participant, did)
    if known is None:
        raise Missing("peer_unknown")
    try:
        url = places.place(did, secure=known.row.base.startswith("https:")).version_url
        answer = await house.client.request(
            "GET", url, reach=Reach.OPERATOR, expected=known.trust.expected(show=False), limit=_ANSWER_BYTES,
            timeout_seconds=_SECONDS,
        )  # fmt: skip
        if answer.status != _OK:
            raise Unreachable("peer_version_missing", status=answer.status)
        versions.base_url(url, loader.loads(answer.body))
    except ConnectorError as error:
        return {"reachable": False, "code": error.code}
    return {"reachable": True}
