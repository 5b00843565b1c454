from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509 import verification

from certs import make
from connector import clock
from connector.identity import authority
from connector.net import certificates

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0


def test_the_script_makes_an_authority_and_two_pairs_for_everybody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make.main([str(tmp_path), "ekby", "va=data.va.example,10.0.0.7"]) == 0
    made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    pairs = [
        f"{name}/{kind}.{end}" for name in ("ekby", "va") for kind in ("client", "server") for end in ("key", "pem")
    ]
    assert made == ["ca.key", "ca.pem", *pairs]
    for path in tmp_path.rglob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    va = certificates.read_pem((tmp_path / "va" / "server.pem").read_text())[0]
    assert certificates.names(va) == ("data.va.example", "10.0.0.7")
    assert certificates.spki(va) in capsys.readouterr().out


def test_a_second_run_keeps_the_authority_and_renews_the_rest(tmp_path: Path) -> None:
    first = make.make(tmp_path, {"ekby": make.LOCAL}, now=NOW)
    before = (tmp_path / "ekby" / "server.pem").read_text()
    second = make.make(tmp_path, {"ekby": make.LOCAL}, now=NOW + 60)
    assert second.certificate == first.certificate
    assert (tmp_path / "ekby" / "server.pem").read_text() != before
    late = make.make(tmp_path, {"ekby": make.LOCAL}, now=NOW + 91 * 86400)
    assert late.certificate != first.certificate


@pytest.mark.parametrize("typed", [["{}"], ["{}", "../x"], ["{}", "a", "--days", "0"], ["{}", "a", "--days", "9999"]])
def test_what_cannot_be_made_is_wrong_use(tmp_path: Path, typed: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        make.main([word.format(tmp_path) for word in typed])
    assert error.value.code == 2


def test_the_certificates_pass_a_strict_verifier() -> None:
    now = clock.now()
    root = authority.authority("root", now)
    between = authority.authority("between", now, by=root)
    leaf = authority.issue(between, ["data.ekby.example"], now)
    builder = verification.PolicyBuilder().store(verification.Store([root.certificate]))
    server = builder.build_server_verifier(x509.DNSName("data.ekby.example"))
    assert len(server.verify(leaf.certificate, [between.certificate])) == 3
    assert certificates.vouched(leaf.certificate, [between.certificate], [root.certificate], now)


def test_who_vouches_for_a_client() -> None:
    now = clock.now()
    root, other = authority.authority("root", now), authority.authority("root", now)
    leaf = authority.issue(root, ["ekby"], now)
    server_only = authority.issue(root, ["ekby"], now, usages=("server",))
    forged = authority.issue(leaf, ["sjoby"], now)
    assert certificates.vouched(leaf.certificate, [], [root.certificate], now)
    assert not certificates.vouched(leaf.certificate, [], [other.certificate], now)
    assert not certificates.vouched(leaf.certificate, [], [root.certificate], now + 31 * 86400)
    assert not certificates.vouched(leaf.certificate, [], [root.certificate], now - 3600)
    assert not certificates.vouched(server_only.certificate, [], [root.certificate], now)
    assert not certificates.vouched(forged.certificate, [leaf.certificate], [root.certificate], now)


def test_names_of_a_certificate() -> None:
    made = authority.issue(None, ["*.ekby.example", "data.VA.example", "::1"], NOW).certificate
    for name in ("data.ekby.example", "DATA.va.example.", "[::1]", "0:0:0:0:0:0:0:1"):
        assert certificates.named(made, name), name
    for name in ("ekby.example", "a.data.ekby.example", "va.example", "127.0.0.1", ""):
        assert not certificates.named(made, name), name


def test_a_renewed_certificate_keeps_the_fingerprint_of_its_key() -> None:
    made = authority.issue(None, ["ekby"], NOW)
    renewed = authority.issue(None, ["ekby"], NOW + 86400, key=made.key)
    assert certificates.spki(renewed.certificate) == certificates.spki(made.certificate)
    assert certificates.spki(authority.issue(None, ["ekby"], NOW).certificate) != certificates.spki(made.certificate)


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "0" * 63, "0" * 65])
def test_what_is_no_fingerprint(text: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        certificates.spki_text(text)


def test_a_fingerprint_is_read_as_people_write_it() -> None:
    assert certificates.spki_text(" SHA256:" + ":".join(["AB"] * 32)) == "ab" * 32
