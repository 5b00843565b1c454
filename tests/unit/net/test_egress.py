"""The pure half of the address guard: spellings of URLs and ranges of numbers."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Unreachable
from connector.net.egress import Reach, allowed, check_url, loopback_host, within

DENIED_TO_ALL = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "127.0.0.2",
    "127.255.255.255",
    "169.254.169.254",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::1%eth0",
    "fd00::1%eth0",
    "not an address",
    "",
]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12:3456::1"]
PUBLIC = ["8.8.8.8", "1.1.1.1", "193.0.6.139", "172.32.0.1", "2606:4700::1111", "2a00:801::1"]


@pytest.mark.parametrize("loopback", [True, False])
@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("address", DENIED_TO_ALL)
def test_a2_02_reserved_address_is_refused_whoever_names_it(address: str, reach: Reach, *, loopback: bool) -> None:
    assert not allowed(address, reach, loopback=loopback)


@pytest.mark.parametrize("address", PRIVATE)
def test_a2_02_private_network_is_for_the_operators_addresses_only(address: str) -> None:
    assert not allowed(address, Reach.PEER, loopback=True)
    assert allowed(address, Reach.OPERATOR, loopback=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_may_be_called(address: str) -> None:
    assert allowed(address, Reach.PEER, loopback=False)
    assert allowed(address, Reach.OPERATOR, loopback=False)


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a2_02_loopback_is_for_loopback_installations_only(address: str, reach: Reach) -> None:
    assert allowed(address, reach, loopback=True)
    assert not allowed(address, reach, loopback=False)


@given(st.ip_addresses())
def test_a2_02_no_ipv4_address_hides_in_an_allowed_ipv6_one(
    number: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if number.version == 6 and allowed(str(number), Reach.PEER, loopback=False):
        assert number.ipv4_mapped is None
        assert number.sixtofour is None
        assert number.teredo is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LocalHost", True),
        ("127.0.0.1", True),
        ("[::1]", True),
        ("::1", True),
        ("127.0.0.2", False),
        ("localhost.example", False),
        ("localhost.", False),
        ("0.0.0.0", False),  # noqa: S104 - not loopback
        ("[::]", False),
        ("", False),
    ],
)
def test_three_hosts_mean_this_machine(host: str, *, expected: bool) -> None:
    assert loopback_host(host) is expected


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "https://example.org/",
        "https://example.org:8443/a/b?c=d&e=%20f",
        "https://xn--strngns-6wae.se/dsp",
        "https://[2a00:801::1]:8443/x",
        "https://under_score.example/",
        "https://example.org/?page=2",
        "https://example.org/a/../b//%2E%2e/%2f",
    ],
)
@pytest.mark.parametrize("loopback", [True, False])
def test_https_url_is_called_exactly_as_spelled(url: str, *, loopback: bool) -> None:
    assert str(check_url(url, loopback=loopback)) == url


@pytest.mark.parametrize("url", ["http://localhost:9101/x", "http://127.0.0.1/", "http://[::1]:9101/"])
def test_http_is_for_loopback_hosts_of_loopback_installations(url: str) -> None:
    assert str(check_url(url, loopback=True)) == url
    with pytest.raises(Unreachable) as caught:
        check_url(url, loopback=False)
    assert caught.value.values == {"reason": "loopback"}


def test_a_url_is_at_most_2048_characters() -> None:
    check_url("https://example.org/".ljust(2048, "a"), loopback=False)
    with pytest.raises(Unreachable):
        check_url("https://example.org/".ljust(2049, "a"), loopback=False)


@pytest.mark.parametrize("character", [chr(code) for code in (*range(33), 127, 0xA0, 0x2028, 0xFF0F, 0x200B)])
def test_no_control_or_foreign_character_gets_into_a_url(character: str) -> None:
    for url in (
        f"https://exa{character}mple.org/",
        f"https://example.org/{character}",
        f"https://example.org{character}",
    ):
        with pytest.raises(Unreachable):
            check_url(url, loopback=False)


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.org/{text}", f"https://example.org{text}"):
        with contextlib.suppress(Unreachable):
            checked = check_url(url, loopback=False)
            assert checked.scheme == "https"
            assert checked.user is None
            assert not loopback_host(checked.raw_host or "localhost")


BASE = "https://town.example/connector"


@pytest.mark.parametrize(
    "url", [BASE, f"{BASE}/", f"{BASE}/dsp", f"{BASE}/dsp/2025-1/", "https://town.example:443/connector/x"]
)
def test_a2_01_address_under_the_base_is_within(url: str) -> None:
    assert within(url, BASE)
    assert within(url, f"{BASE}/")


@pytest.mark.parametrize(
    "url",
    [
        "https://town.example/",
        "https://town.example/connectors",
        "https://town.example/connector.evil",
        "https://town.example/CONNECTOR",
        "https://town.example.evil/connector",
        "https://evil.example/connector",
        "https://town.example:444/connector",
        "http://town.example/connector",
        "https://user@town.example/connector",
        "https://town.example@evil.example/connector",
        "https://town.example/connector/../admin",
        "https://town.example/connector/./x",
        "https://town.example/connector/%2e%2e/admin",
        "https://town.example/connector%2f..%2fadmin",
        "https://town.example/connector/%5c..",
        "https://town.example/connector//evil",
        "https://town.example/connector?x=1",
        "https://town.example/connector?",
        "https://town.example/connector#x",
        "https:\\\\town.example/connector",
        "/connector",
        "",
    ],
)
def test_a2_01_address_elsewhere_is_not_within(url: str) -> None:
    assert not within(url, BASE)


def test_a_link_to_a_next_page_may_have_a_query() -> None:
    assert within(f"{BASE}/catalog?after=%2F..%2F&x=//y", BASE, query=True)
    assert not within(f"{BASE}/catalog?after=1", BASE)
    assert not within("https://town.example/connectors?after=/connector/", BASE, query=True)
    assert not within("https://town.example/connector/../x?after=1", BASE, query=True)


@given(st.text(max_size=30))
def test_a2_01_whatever_follows_the_host_stays_there(tail: str) -> None:
    url = f"https://town.example{tail}"
    if within(url, BASE):
        checked = check_url(url, loopback=False)
        assert checked.host == "town.example"
        assert checked.path.startswith("/connector")
