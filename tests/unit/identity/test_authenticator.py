"""The seam: a request's sender is claimed, looked up, and then proved or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConfigError, Unauthenticated
from connector.identity import keys, tokens
from connector.identity.authenticator import MOCK, PINNED, Authenticator, Identity, PinnedAuthenticator, claimed
from connector.identity.mock import MockAuthenticator
from connector.identity.pinned import PeerKey, PeerKeys

RECORDED = Path(__file__).parents[2] / "data" / "edc-wire"
TOWN, VILLAGE = "did:web:town.example", "did:web:village.example"
NOW = 1_800_000_000.0
KEY = keys.generate()
KEYS = PeerKeys(VILLAGE, {f"{VILLAGE}#{KEY.kid}": PeerKey(KEY.public, frozenset({"token"}))})
VILLAGES = PinnedAuthenticator(VILLAGE, KEY)
TOWNS = PinnedAuthenticator(TOWN, keys.generate())
MOCKS = MockAuthenticator(TOWN, listeners=["127.0.0.1", "localhost", "[::1]", "::1"])


def mock_peer(name: str) -> PeerKeys:
    return PeerKeys(name, {})


def test_a_header_of_one_participant_is_verified_by_another() -> None:
    header = VILLAGES.authorization(TOWN, now=NOW, jti="one")
    assert header.startswith("Bearer ")
    assert TOWNS.identify(header) == VILLAGE
    assert TOWNS.verify(header, KEYS, audience=TOWN, now=NOW) == Identity(
        VILLAGE, "one", NOW + tokens.LIFETIME_SECONDS + tokens.LEEWAY_SECONDS
    )


def test_the_scheme_is_read_in_any_case() -> None:
    header = VILLAGES.authorization(TOWN, now=NOW, jti="one").replace("Bearer ", "bEARER   ")
    assert TOWNS.verify(header, KEYS, audience=TOWN, now=NOW).peer_id == VILLAGE


def test_a2_08_header_for_somebody_else_is_refused() -> None:
    header = VILLAGES.authorization(TOWN, now=NOW, jti="one")
    with pytest.raises(Unauthenticated, match="token_audience"):
        TOWNS.verify(header, KEYS, audience=f"{TOWN}:va", now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Basic dTpw",
        tokens.mint(KEY, VILLAGE, TOWN, NOW, "one"),
        "Token " + tokens.mint(KEY, VILLAGE, TOWN, NOW, "one"),
        '{"clientId": "did:web:village.example"}',
        "Bearer " + tokens.mint(KEY, VILLAGE, TOWN, NOW, "one") + " " * 16384,
        "Bearer " + "a" * 2**20,
    ],
    ids=["none", "empty", "scheme-only", "basic", "raw", "other-scheme", "mock", "padded", "megabyte"],
)
def test_a2_14_what_is_no_bearer_token_names_nobody(header: str | None) -> None:
    assert TOWNS.identify(header) is None
    with pytest.raises(Unauthenticated, match="token_missing"):
        TOWNS.verify(header, KEYS, audience=TOWN, now=NOW)


def test_a_claim_comes_with_the_name_of_the_authenticator_that_read_it() -> None:
    ways: dict[str, Authenticator] = {PINNED: TOWNS, MOCK: MOCKS}
    assert claimed(ways, VILLAGES.authorization(TOWN, now=NOW, jti="one")) == (PINNED, VILLAGE)
    assert claimed(ways, '{"clientId": "consumer"}') == (MOCK, "consumer")
    assert claimed(ways, "Basic dTpw") is None
    assert claimed({PINNED: TOWNS}, '{"clientId": "consumer"}') is None


def recorded() -> list[Any]:
    """Return every recorded EDC request with the header of its iam-mock."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDED.glob("*.json"))]
    return [
        pytest.param(header, id=f"{exchange['seq']:02}")
        for exchange in found
        if (header := exchange["request"]["headers"].get("Authorization", "")).startswith("{")
    ]


@pytest.mark.parametrize("header", recorded())
def test_the_header_of_every_recorded_edc_request_is_read(header: str) -> None:
    name = json.loads(header)["clientId"]
    assert name in {"consumer", "provider", "stranger"}
    assert MOCKS.identify(header) == name
    assert MOCKS.verify(header, mock_peer(name), audience=TOWN, now=NOW) == Identity(name, None, NOW)
    with pytest.raises(Unauthenticated, match="token_issuer"):
        MOCKS.verify(header, mock_peer("somebody-else"), audience=TOWN, now=NOW)


def test_the_recordings_are_there() -> None:
    assert len(recorded()) > 15


def test_our_mock_header_is_what_edc_reads() -> None:
    header = MOCKS.authorization("provider", now=NOW, jti="unused")
    assert json.loads(header) == {"clientId": TOWN, "audience": "provider", "region": "eu"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "{",
        "[]",
        ' {"clientId": "a"}',
        '{"clientId": 7}',
        '{"clientId": ""}',
        '{"clientId": "a\\nb"}',
        '{"clientid": "a"}',
        '{"clientId": "a", "clientId": "b"}',
        '{"clientId": "' + "a" * 257 + '"}',
        '{"clientId": "a", "x": "' + "a" * 16384 + '"}',
        '{"clientId": "a", "x": [[[[[[]]]]]]}',
        '{"clientId": "\udc80"}',
    ],
)
def test_a_mock_header_is_read_strictly(header: str | None) -> None:
    assert MOCKS.identify(header) is None
    with pytest.raises(Unauthenticated, match="token_issuer"):
        MOCKS.verify(header, mock_peer("a"), audience=TOWN, now=NOW)


@pytest.mark.parametrize(
    "listeners",
    [[], ["0.0.0.0"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.1", "::"], ["town.example"], [""]],  # noqa: S104
)
def test_the_mock_refuses_to_be_reachable(listeners: list[str]) -> None:
    with pytest.raises(ConfigError, match="mock_needs_loopback"):
        MockAuthenticator(TOWN, listeners=listeners)
