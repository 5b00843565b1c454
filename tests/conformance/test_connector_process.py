from __future__ import annotations

import pytest

from connector.errors import Unauthenticated
from connector.identity import keys
from connector.identity.pinned import PeerKeys
from connector.services.decide import NOTHING, Situation
from tests.conformance import connector_process, doors, settings

DID = "did:web:localhost%3A9101"
KIT = PeerKeys(settings.KIT_PARTICIPANT, {})


def test_the_request_that_the_kit_ordered_is_no_move_of_the_script() -> None:
    found = Situation("negotiation", "consumer", "OFFERED", "applied", "offer", 100.0, dataset="ACNC0101", moves=1)
    decision = connector_process.decide(found)
    assert (decision.move, decision.not_before) == ("accepted", 100.4)


def test_a_transfer_is_played_by_its_agreement() -> None:
    found = Situation(
        "transfer", "provider", "STARTED", "effect", "start", 100.0, dataset="ATP", agreement="ATP0101", moves=1
    )
    assert connector_process.decide(found).move == "termination"


def test_a_script_that_has_nothing_to_say_decides_nothing() -> None:
    found = Situation("negotiation", "provider", "REQUESTED", "applied", "request", 100.0, dataset="ACN0202")
    assert connector_process.decide(found) == NOTHING


def test_the_kit_is_known_by_its_header_alone() -> None:
    authenticator = doors.KitAuthenticator(DID, keys.generate(), "value")
    assert authenticator.identify("value") == settings.KIT_PARTICIPANT
    assert authenticator.verify("value", KIT, audience=DID, now=1.0).jti is None
    for other in (None, "", "Value", "value ", "värde"):
        assert authenticator.identify(other) is None
        with pytest.raises(Unauthenticated):
            authenticator.verify(other, KIT, audience=DID, now=1.0)


def test_the_kit_is_spoken_to_with_the_products_token() -> None:
    header = doors.KitAuthenticator(DID, keys.generate(), "value").authorization("TCK_PARTICIPANT", now=1.0, jti="j")
    assert header.startswith("Bearer ey")
