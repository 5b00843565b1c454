"""Our certificate files, wrong in every way: a start is refused with the file named; a running connector goes on."""

from __future__ import annotations

import logging
import shutil
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from connector import clock, config, texts
from connector.app import Application
from connector.errors import ConfigError
from connector.identity import authority, keyfile, pairfile
from connector.identity.pairfile import PairFiles
from connector.net import certificates
from connector.services import doctor
from tests.acceptance.towns import found

if TYPE_CHECKING:
    from pathlib import Path

NOW = clock.now()
DAY = 86400.0
GOOD = authority.issue(None, ["localhost"], NOW)


def encrypted(folder: Path) -> None:
    pem = GOOD.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    (folder / "own.key").write_bytes(pem)


def replaced(folder: Path, **options: Any) -> None:
    authority.write(folder, "own", authority.issue(None, ["localhost"], **options), replace=True)


def other_key(folder: Path) -> None:
    authority.write(folder, "other", authority.issue(None, ["localhost"], NOW))
    shutil.move(folder / "other.key", folder / "own.key")


def ended_between(folder: Path) -> None:
    above = authority.authority("between", NOW - 40 * DAY, days=30)
    made = authority.issue(above, ["localhost"], NOW)
    authority.write(folder, "own", made, replace=True)
    (folder / "own.pem").write_text(made.pem + above.pem)


WRONG: dict[str, tuple[Any, str, str]] = {
    "no certificate file": (lambda folder: (folder / "own.pem").unlink(), "tls_file_missing", "own.pem"),
    "no key file": (lambda folder: (folder / "own.key").unlink(), "tls_file_missing", "own.key"),
    "a folder": (
        lambda folder: ((folder / "own.pem").unlink(), (folder / "own.pem").mkdir()),
        "tls_file_unreadable",
        "own.pem",
    ),
    "no certificate in it": (lambda folder: (folder / "own.pem").write_text("x"), "tls_certificate_wrong", "own.pem"),
    "bytes": (lambda folder: (folder / "own.pem").write_bytes(b"\xff\x00"), "tls_certificate_wrong", "own.pem"),
    "no key in it": (lambda folder: (folder / "own.key").write_text(GOOD.pem), "tls_key_wrong", "own.key"),
    "a key with a password": (encrypted, "tls_key_wrong", "own.key"),
    "another key": (other_key, "tls_pair_mismatch", "own.pem"),
    "expired": (lambda folder: replaced(folder, now=NOW - 40 * DAY), "tls_certificate_expired", "own.pem"),
    "an expired one in its chain": (ended_between, "tls_certificate_expired", "own.pem"),
    "not yet valid": (lambda folder: replaced(folder, now=NOW + DAY), "tls_certificate_early", "own.pem"),
    "a key that others can read": (
        lambda folder: (folder / "own.key").chmod(0o640),
        "key_file_open_to_others",
        "own.key",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_pair_that_cannot_be_used_is_refused_with_the_files_name_and_the_fix(tmp_path: Path, case: str) -> None:
    spoil, code, file = WRONG[case]
    certificate, key = authority.write(tmp_path, "own", GOOD)
    spoil(tmp_path)
    with pytest.raises(ConfigError) as caught:
        pairfile.read(certificate, key, NOW)
    assert (caught.value.code, caught.value.values["path"]) == (code, str(tmp_path / file))
    for language in ("sv", "en"):
        assert str(tmp_path / file) in texts.say(code, language, "text", **caught.value.values)
        assert texts.say(code, language, "next", **caught.value.values)


@pytest.mark.parametrize("case", WRONG)
def test_a_broken_new_pair_never_replaces_a_good_one(tmp_path: Path, case: str) -> None:
    spoil, code, _ = WRONG[case]
    pair = PairFiles(*authority.write(tmp_path, "own", GOOD))
    spoil(tmp_path)
    pair.refresh()
    assert pair.fault is not None
    assert (pair.fault.code, pair.generation, pair.loaded.certificate) == (code, 1, GOOD.certificate)
    pair.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_a_good_new_pair_is_taken_once(tmp_path: Path) -> None:
    pair = PairFiles(*authority.write(tmp_path, "own", GOOD))
    new = authority.issue(None, ["localhost"], NOW)
    authority.write(tmp_path, "own", new, replace=True)
    for _ in range(3):
        pair.refresh()
    assert (pair.generation, pair.loaded.certificate, pair.fault) == (2, new.certificate, None)


@pytest.mark.parametrize(("age", "warned"), [(0, False), (19, False), (21, True), (29.5, True)])
def test_a_certificate_near_its_end_starts_with_a_warning(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    age: float,
    warned: bool,  # noqa: FBT001 - a case
) -> None:
    made = authority.issue(None, ["localhost"], NOW - age * DAY, days=30)
    with caplog.at_level(logging.WARNING):
        PairFiles(*authority.write(tmp_path, "own", made))
    assert (f"file={tmp_path / 'own.pem'}" in caplog.text) is warned


@pytest.mark.parametrize("listener", ["public", "client"])
async def test_a_start_with_a_wrong_pair_is_refused(tmp_path: Path, listener: str) -> None:
    files = tmp_path / "tls"
    town = await found(tmp_path / "ekby", f"sqlite:///{tmp_path / 'ekby.db'}")
    certificate, key = authority.write(files, "own", authority.issue(None, ["localhost"], NOW - 40 * DAY))
    named = {f"CONNECTOR_{listener.upper()}_TLS_CERTIFICATE_FILE": str(certificate),
             f"CONNECTOR_{listener.upper()}_TLS_KEY_FILE": str(key)}  # fmt: skip
    with pytest.raises(ConfigError, match="tls_certificate_expired"):
        await Application(config.load(town.home, named)).start()


async def test_a_start_with_authorities_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    town = await found(tmp_path / "ekby", f"sqlite:///{tmp_path / 'ekby.db'}")
    settings = config.load(town.home, {"CONNECTOR_TLS_AUTHORITIES_FILE": str(tmp_path / "none.pem")})
    with pytest.raises(ConfigError, match="tls_authorities_wrong"):
        await Application(settings).start()


# systemd credentials


def test_a_key_in_systemds_folder_may_show_the_groups_bit(tmp_path: Path) -> None:
    home, credentials = tmp_path / "home", tmp_path / "credentials"
    certificate, key = authority.write(home, "own", GOOD)
    credentials.mkdir(mode=0o700)
    shutil.move(key, credentials / "public.key")
    (credentials / "public.key").chmod(0o440)
    (home / "connector.toml").write_text(
        'public_tls_certificate_file = "own.pem"\npublic_tls_key_file = "credential:public.key"\n'
    )
    settings = config.load(home, {"CREDENTIALS_DIRECTORY": str(credentials)})
    files = settings.public_tls()
    assert files == (certificate, credentials / "public.key")
    assert settings.credential(files[1])
    assert not settings.credential(certificate)
    assert PairFiles(*files, credential=True).loaded.spki == certificates.spki(GOOD.certificate)
    with pytest.raises(ConfigError, match="key_file_open_to_others"):
        PairFiles(*files)


def test_a_participants_key_and_the_grants_key_are_found_among_systemds_credentials(tmp_path: Path) -> None:
    keys, credentials = tmp_path / "home" / "keys", tmp_path / "credentials"
    (keys / "did_web_ekby").mkdir(parents=True)
    credentials.mkdir(mode=0o700)
    made = keyfile.create_key(credentials / "did_web_ekby.token.pem")
    secret = keyfile.create_secret(credentials / "grants.key")
    for path in credentials.iterdir():
        path.chmod(0o440)
    token = keyfile.located(keys / "did_web_ekby" / "token.pem", credentials)
    assert keyfile.load_key(token.path, credential=token.credential).public == made.public
    grants = keyfile.located(keys / "grants.key", credentials)
    assert keyfile.load_secret(grants.path, credential=grants.credential) == secret
    for folder in (None, tmp_path / "none"):
        assert keyfile.located(keys / "grants.key", folder).path == keys / "grants.key"


async def test_a_connector_starts_with_all_its_keys_among_systemds_credentials(tmp_path: Path) -> None:
    town = await found(tmp_path / "ekby", f"sqlite:///{tmp_path / 'ekby.db'}")
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    for path in sorted((town.home / "keys").rglob("*")):
        if path.is_file():
            name = path.name if path.parent.name == "keys" else f"{path.parent.name}.{path.name}"
            shutil.move(path, credentials / name)
            (credentials / name).chmod(0o440)
    application = Application(config.load(town.home, {"CREDENTIALS_DIRECTORY": str(credentials)}))
    await application.start()
    try:
        checks = {check.id: check for check in await doctor.checks(application.house, town.did)}
        assert checks["keys"].ok, checks["keys"]
        assert checks["address"].ok, checks["address"]
    finally:
        await application.stop()
