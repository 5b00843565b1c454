"""TLS from the command line: `init --tls`, two real connectors that pin each other's certificates, and `peers check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connector import clock
from connector.identity import authority
from tests.unit.cli.running import Done, Town, free_ports, run, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.identity.authority import Issued

pytestmark = pytest.mark.slow
LOCAL = ("localhost", "127.0.0.1")


def init(home: Path, *arguments: str | Path) -> tuple[Town, Done]:
    public, admin = free_ports(2)
    did = f"did:web:localhost%3A{public}"
    ports = ("--public-port", str(public), "--admin-port", str(admin))
    return Town(home, did, public, admin), run(
        "init", home, "--did", did, "--name", home.name, *ports, "--json", *arguments
    )


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Town]]:
    folder = tmp_path_factory.mktemp("tls")
    (ekby, one), (sjoby, other) = (init(folder / name, "--tls", "dev") for name in ("ekby", "sjoby"))
    assert (one.code, other.code) == (0, 0), one.err + other.err
    with serving(ekby, sjoby):
        assert (
            ekby.run("peers", "add", sjoby.did, "--certificate", sjoby.home / "tls" / "server.pem", "--yes").code == 0
        )
        spki = json.loads(one.raw)["certificate"]["spki"]
        assert sjoby.run("peers", "add", ekby.did, "--spki", spki, "--yes").code == 0
        yield ekby, sjoby


def test_peers_are_shown_with_their_trust_and_https(towns: tuple[Town, Town]) -> None:
    for town, other in (towns, towns[::-1]):
        shown = town.json("peers", "show", other.did)
        assert (shown["trust"], len(shown["certificates"])) == ("certificate", 1)
        assert shown["base"] == f"https://localhost:{other.public}/dsp/2025-1"


def test_a_check_goes_the_whole_way_and_says_so_in_words_and_in_json(towns: tuple[Town, Town]) -> None:
    ekby, sjoby = towns
    found = ekby.run("peers", "check", sjoby.did, "--json")
    assert (found.code, [item["ok"] for item in found.json["items"]]) == (0, [True] * 9), found.out
    told = sjoby.run("peers", "check", ekby.did)
    assert told.code == 0, told.out
    assert f"{ekby.did} reaches us at https://localhost:{sjoby.public}." in told.out


def test_a_check_that_finds_something_ends_with_1(towns: tuple[Town, Town]) -> None:
    done = towns[0].run("peers", "check", "did:web:nowhere.invalid")
    assert done.code == 1
    assert "nowhere.invalid" in done.out


def test_trust_is_changed_by_confirming(towns: tuple[Town, Town]) -> None:
    ekby, sjoby = towns
    named = ("--ca", sjoby.home / "tls" / "ca.pem", "--name", "localhost")
    assert ekby.run("peers", "confirm", sjoby.did, *named, "--yes").code == 0
    shown = ekby.json("peers", "show", sjoby.did)
    assert (shown["trust"], shown["trust_name"]) == ("authority", "localhost")
    assert (
        ekby.run("peers", "confirm", sjoby.did, "--certificate", sjoby.home / "tls" / "server.pem", "--yes").code == 0
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--ca", "{pem}"), "trust_unclear"),
        (("--name", "x"), "trust_unclear"),
        (("--certificate", "{pem}", "--ca", "{pem}", "--name", "x"), "trust_unclear"),
        (("--ca", "{pem}", "--name", "x"), "trust_authority"),
        (("--spki", "abc"), "trust_key"),
        (("--certificate", "{key}"), "trust_certificate"),
        (("--certificate", "{none}"), "cli_file_unreadable"),
        ((), "peer_certificate"),
    ],
)
def test_a_trust_that_cannot_be_meant_is_refused(towns: tuple[Town, Town], words: tuple[str, ...], code: str) -> None:
    ekby, sjoby = towns
    files = {
        "pem": sjoby.home / "tls" / "server.pem",
        "key": sjoby.home / "tls" / "server.key",
        "none": Path("/none.pem"),
    }
    named = [word.format(**files) for word in words]
    done = ekby.run("peers", "add", sjoby.did, *named, "--yes", "--json")
    assert (done.code != 0, done.problem["code"]) == (True, code)


def test_the_doctor_tells_of_the_certificate(towns: tuple[Town, Town]) -> None:
    done = towns[0].run("doctor", "--json")
    items = {item["id"]: item for item in done.json["items"]}
    assert items["certificate"]["ok"]
    assert items["address"]["ok"], items["address"]


def given(folder: Path, made: Issued) -> tuple[str | Path, ...]:
    certificate, key = authority.write(folder / "given", "own", made)
    return "--tls-cert", certificate, "--tls-key", key


def test_a_certificate_of_ones_own_is_taken(tmp_path: Path) -> None:
    files = given(tmp_path, authority.issue(None, LOCAL, clock.now()))
    _, done = init(tmp_path / "ekby", *files)
    assert done.code == 0, done.err
    assert done.json["certificate"]["file"] == str(files[1])


@pytest.mark.parametrize("case", ["expired", "one of two", "both ways", "missing"])
def test_an_init_with_a_certificate_that_cannot_be_used_leaves_nothing(tmp_path: Path, case: str) -> None:
    good = given(tmp_path, authority.issue(None, LOCAL, clock.now() - (40 if case == "expired" else 0) * 86400))
    words = {
        "one of two": good[:2],
        "both ways": (*good, "--tls", "dev"),
        "missing": (*good[:2], "--tls-key", "/none.key"),
    }
    _, done = init(tmp_path / "ekby", *words.get(case, good))
    codes = {"expired": "tls_certificate_expired", "one of two": "cli_tls_pair", "both ways": "cli_tls_both"}
    assert (done.code, done.problem["code"]) == (2, codes.get(case, "tls_file_missing"))
    assert not (tmp_path / "ekby").exists()


def test_a_start_with_a_certificate_that_has_ended_names_the_file_and_the_fix(tmp_path: Path) -> None:
    town, done = init(tmp_path / "ekby", "--tls", "dev")
    assert done.code == 0, done.err
    old = authority.issue(None, LOCAL, clock.now() - 40 * 86400)
    authority.write(town.home / "tls", "server", old, replace=True)
    done = town.run("serve")
    assert done.code == 2
    assert str(town.home / "tls" / "server.pem") in done.err
    assert "Renew it" in done.err
