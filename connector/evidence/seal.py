"""Seals: what the two parties sign when they make a contract, so that it can be verified without either's software.

A seal is a compact JWS (`alg`, `kid`, `typ`; RFC 7515) over the RFC 8785 bytes of one object: the agreement as it stands in the
agreement message, both parties, the digest of the offer it was made from, the digest of the provider's policy file (the
provider's statement), and the digests of the exact bytes of every applied message before this one, in order. The consumer's
counter-seal covers the same and, by its digest, the provider's JWS. Design and reasons: docs/adr, "The seal of a contract".
Threat table: A.2 rows 26 and 27.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NoReturn

from connector import loader
from connector.canonical import canonical, of_bytes
from connector.errors import ConnectorError
from connector.identity import jws
from connector.identity.keys import Signer
from connector.identity.periods import KeyPeriod

TYP: Final = "seal+jws"
Kind = Literal["agreement", "verification"]
AGREEMENT: Final[Kind] = "agreement"
VERIFICATION: Final[Kind] = "verification"
TOLERANCE_SECONDS: Final = 300.0
MOST_CHARACTERS: Final = 192 * 1024
_MEMBERS: Final = frozenset({"type", "agreement", "provider", "consumer", "offer", "policy", "messages", "at"})
_OF: Final[Mapping[str, frozenset[str]]] = {AGREEMENT: _MEMBERS, VERIFICATION: _MEMBERS | {"agreementSeal"}}
_ALGORITHMS: Final = frozenset({"ES256", "EdDSA"})
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal that was read; its signature counts only after `key_fault` has found none.

    Attributes:
        kind: `agreement` (the provider's) or `verification` (the consumer's counter-seal).
        agreement: the agreement object. provider, consumer: the parties' ids.
        offer: digest of the offer on the table, as its last message carried it.
        policy: digest of the provider's policy file; None in a counter-seal where the provider stated none.
        messages: digests of the applied messages before this one, in order.
        at: when it was sealed, in seconds since 1970; its sealer's clock.
        agreement_seal: digest of the provider's JWS text; None in a provider's seal, or where the provider sent none.
        kid: thumbprint of the key. text: the compact JWS.
    """

    kind: Kind
    agreement: Mapping[str, Any]
    provider: str
    consumer: str
    offer: str
    policy: str | None
    messages: tuple[str, ...]
    at: float
    agreement_seal: str | None
    kid: str
    text: str
    signed: jws.Parsed

    @property
    def digest(self) -> str:
        """The digest of the JWS text, which a counter-seal repeats."""
        return of_bytes(self.text.encode())


@dataclass(frozen=True, slots=True)
class Expected:
    """What a seal has to say. `earliest` and `latest` bound its time, in seconds since 1970.

    `policy` is compared in a counter-seal only: in the provider's seal it is the provider's own statement.
    """

    kind: Kind
    agreement: Mapping[str, Any]
    provider: str
    consumer: str
    offer: str
    messages: Sequence[str]
    earliest: float
    latest: float
    policy: str | None = None
    agreement_seal: str | None = None


def build(expected: Expected, *, at: str) -> dict[str, Any]:
    """Return the payload of a seal that says what is expected of it, at a time (xsd:dateTime in UTC with `Z`)."""
    payload = {
        "type": expected.kind, "agreement": expected.agreement, "provider": expected.provider,
        "consumer": expected.consumer, "offer": expected.offer, "policy": expected.policy,
        "messages": list(expected.messages), "at": at,
    }  # fmt: skip
    return payload | ({"agreementSeal": expected.agreement_seal} if expected.kind == VERIFICATION else {})


def sign(signer: Signer, payload: Mapping[str, Any]) -> str:
    """Return the seal over a payload that `build` made.

    Raises:
        ValueError: the agreement has no canonical form.
    """
    return jws.sign(signer, canonical(payload), typ=TYP, kid=signer.kid)


def read(text: Any) -> Seal:
    """Return a seal taken apart strictly: one text for one content, no member more or less.

    Raises:
        ValueError: anything else; the reason is not for a peer's eyes.
    """
    if not isinstance(text, str):
        _refuse("not a text")
    signed = jws.parse(text, limit=MOST_CHARACTERS)
    if signed.header.keys() != jws.HEADER_MEMBERS or signed.header["typ"] != TYP:
        _refuse("not a seal's header")
    if signed.header["alg"] not in _ALGORITHMS:
        _refuse("an algorithm that is not understood")
    payload = _payload(signed.payload)
    return Seal(
        payload["type"], payload["agreement"], payload["provider"], payload["consumer"], payload["offer"],
        payload["policy"], tuple(payload["messages"]), seconds(payload["at"]), payload.get("agreementSeal"),
        signed.header["kid"], text, signed,
    )  # fmt: skip


def faults(seal: Seal, expected: Expected) -> tuple[str, ...]:
    """Return the members in which a seal does not say what it has to; its signature is `key_fault`'s.

    The codes are the payload's member names: `type`, `agreement`, `provider`, `consumer`, `offer`, `policy`, `messages`, `at`,
    `agreementSeal`.
    """
    pairs: dict[str, bool] = {
        "type": seal.kind == expected.kind,
        "agreement": _same(seal.agreement, expected.agreement),
        "provider": seal.provider == expected.provider,
        "consumer": seal.consumer == expected.consumer,
        "offer": seal.offer == expected.offer,
        "policy": expected.kind == AGREEMENT or seal.policy == expected.policy,
        "messages": seal.messages == tuple(expected.messages),
        "at": expected.earliest <= seal.at <= expected.latest,
        "agreementSeal": seal.agreement_seal == expected.agreement_seal,
    }
    return tuple(name for name, holds in pairs.items() if not holds)


def key_fault(seal: Seal, periods: Iterable[KeyPeriod]) -> str | None:
    """Return why the signature does not count, or None when it does.

    `periods` are the sealing party's keys: `key_unknown` (none of them, or not one for seals), `signature` (not made with it),
    `key_time` (made at a time at which that key was not the party's: not yet, or not any more).
    """
    named = [period for period in periods if period.purpose == "seal" and period.kid == seal.kid]
    if not named:
        return "key_unknown"
    if not seal.signed.verified_by(named[0].key):
        return "signature"
    return None if any(period.covers(seal.at, TOLERANCE_SECONDS) for period in named) else "key_time"


def seconds(at: str) -> float:
    """Return a time as a seal states it (UTC, `Z`) in seconds since 1970. Raises ValueError."""
    if not _TIME.fullmatch(at):
        _refuse("not a time in UTC")
    return datetime.fromisoformat(at).timestamp()


def _payload(data: bytes) -> dict[str, Any]:
    try:
        payload = loader.load_object(data, limit=MOST_CHARACTERS)
        plain = canonical(payload) == data
    except ConnectorError as error:
        raise ValueError(error.code) from None
    if not plain or payload.keys() != _OF.get(str(payload.get("type"))):
        _refuse("not a seal's payload")
    texts = all(isinstance(payload[name], str) and payload[name] for name in ("provider", "consumer", "at"))
    digests = [payload["offer"], *(payload["messages"] if isinstance(payload["messages"], list) else [None])]
    stated = [value for name in ("policy", "agreementSeal") if (value := payload.get(name)) is not None]
    if not (texts and isinstance(payload["agreement"], dict) and all(map(_is_digest, digests + stated))):
        _refuse("a member of another type")
    return payload


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _same(found: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Compare canonically: 1 and 1.0 are the same number, true and 1 are not the same value."""
    return canonical(found) == canonical(expected)


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)
