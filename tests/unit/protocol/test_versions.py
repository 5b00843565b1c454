"""The version document: ours is the specification's, and a peer's leads nowhere but to the peer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Unreachable
from connector.identity.participant import place
from connector.protocol import versions
from tests.schemas import faults
from tests.unit.protocol.documents import JSON, example

ROOT = "https://town.example/connector"
URL = ROOT + versions.WELL_KNOWN


def _offers(*paths: Any, version: Any = "2025-1") -> dict[str, Any]:
    return {"protocolVersions": [{"version": version, "path": path, "binding": "HTTPS"} for path in paths]}


@pytest.mark.parametrize(
    "did", ["did:web:town.example", "did:web:town.example:schools:west", "did:web:localhost%3A8080"]
)
def test_our_document_is_valid_and_leads_a_peer_to_our_endpoints(did: str) -> None:
    ours, here = versions.document(did), place(did)
    assert faults("ProtocolVersion", ours) == []
    assert ours["protocolVersions"][0]["serviceId"] == did
    assert versions.base_url(here.version_url, ours) == here.base


def test_the_official_example_leads_to_its_first_entry_of_our_version() -> None:
    assert versions.base_url(URL, example("common/example/protocol-version.json")) == ROOT + "/some/path/2025-1"


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/dsp/2025-1", ROOT + "/dsp/2025-1"),
        ("dsp/2025-1/", ROOT + "/dsp/2025-1"),
        ("/did:web:town.example/dsp", ROOT + "/did:web:town.example/dsp"),
        ("/", ROOT),
        ("", ROOT),
    ],
)
def test_a_path_is_joined_to_the_root_that_the_document_was_read_at(path: str, base: str) -> None:
    assert versions.base_url(URL, _offers(path)) == base


def test_an_entry_that_cannot_be_used_does_not_hide_the_next() -> None:
    assert versions.base_url(URL, _offers("https://else.example/dsp", None, "/dsp")) == ROOT + "/dsp"


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a-list"),
        pytest.param({}, id="no-versions"),
        pytest.param({"protocolVersions": "2025-1"}, id="versions-as-text"),
        pytest.param({"protocolVersions": ["2025-1"]}, id="an-entry-as-text"),
        pytest.param(_offers("/dsp", version="2024-1"), id="an-older-version"),
        pytest.param(_offers("/dsp", version=2025), id="a-version-as-number"),
        pytest.param(_offers(7), id="a-path-as-number"),
        pytest.param(_offers("https://else.example/dsp"), id="another-host"),
        pytest.param(_offers("//else.example/dsp"), id="another-host-without-scheme"),
        pytest.param(_offers("//["), id="no-url-at-all"),
        pytest.param(_offers("/../../admin"), id="a-way-out-of-the-root"),
    ],
)
def test_a_document_without_a_usable_entry_says_that_the_version_is_not_offered(response: Any) -> None:
    with pytest.raises(Unreachable) as caught:
        versions.base_url(URL, response)
    assert caught.value.code == "version_not_offered"
    assert caught.value.values == {"version": "2025-1"}


@given(JSON | st.builds(_offers, JSON | st.text(alphabet="/.:[]@?#\\htps%\n"), JSON))
def test_whatever_a_peer_answers_we_speak_to_its_own_root_or_not_at_all(response: Any) -> None:
    base = _base(response)
    assert base is None or (base + "/").startswith(ROOT + "/")


def _base(response: Any) -> str | None:
    try:
        return versions.base_url(URL, response)
    except Unreachable:
        return None
