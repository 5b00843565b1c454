"""The public listener's TLS against those who show the wrong certificate, or none, with a token that is right (A.2 row 11)."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from connector import clock, ids
from connector.identity import authority
from connector.identity.authority import Issued
from connector.identity.trust import Trust
from connector.net import certificates
from connector.services import peers
from tests.acceptance.secure import LOCAL, Secure, secure_town, secure_towns
from tests.acceptance.towns import BY, eventually
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.acceptance.towns import Town

Pair = tuple[Secure, Secure]
DAY = 86400.0


@pytest.fixture
async def towns(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Pair]:
    """Ekby, which is attacked, and Sjöby, whose certificate key it has pinned."""
    async with secure_towns(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        await ekby.add(sjoby)
        yield ekby, sjoby


@dataclass(slots=True)
class Line:
    """A connection, spoken to in plain HTTP."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, path: str, token: str | None = None, **headers: str) -> tuple[int, str | None]:
        """Return the status and the code of an answer."""
        method = "POST" if path.endswith("/termination") else "GET"
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Length: 2"]
        lines += [f"Authorization: {token}"] if token else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", "{}"]).encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        body = json.loads(await self.reader.readexactly(length))
        return int(head.split()[1]), body.get("code")

    @property
    def shown(self) -> bytes:
        found: bytes = self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return found


@asynccontextmanager
async def connected(
    town: Secure, made: Issued | None = None, *, folder: Path | None = None, **limits: Any
) -> AsyncIterator[Line]:
    """Connect to a town, showing a certificate or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if made is not None and folder is not None:
        context.load_cert_chain(*authority.write(folder, "shown", made, replace=True))
    for name, value in limits.items():
        context.set_ciphers(value) if name == "ciphers" else setattr(context, name, value)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", town.town.listen, ssl=context, server_hostname="localhost"
    )
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def token(of: Town, to: str) -> str:
    member = of.house.member(of.did)
    return member.authenticators["pinned"].authorization(to, now=clock.now(), jti=ids.new())


async def asked(ekby: Secure, sjoby: Secure, made: Issued | None, folder: Path) -> tuple[int, str | None]:
    """Ask Ekby for its catalogue with Sjöby's token and some certificate."""
    async with connected(ekby, made, folder=folder) as line:
        return await line.ask("/dsp/2025-1/catalog/request", token(sjoby.town, ekby.did))


async def test_the_right_certificate_with_the_right_token_is_served(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    assert await asked(ekby, sjoby, sjoby.shown, tmp_path) == (200, None)


async def test_documents_for_anybody_are_served_without_a_certificate(towns: Pair) -> None:
    ekby, _ = towns
    async with connected(ekby) as line:
        for path in ("/.well-known/did.json", "/.well-known/dspace-version"):
            assert (await line.ask(path))[0] == 200


async def test_a2_11_a_token_without_its_certificate_is_refused(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    assert await asked(ekby, sjoby, None, tmp_path) == (401, "client_certificate_missing")


async def test_a_token_without_its_certificate_learns_nothing_of_a_process(towns: Pair) -> None:
    ekby, sjoby = towns
    async with connected(ekby) as line:
        path = f"/dsp/2025-1/negotiations/{ids.new()}/termination"
        assert await line.ask(path, token(sjoby.town, ekby.did)) == (401, "client_certificate_missing")
        assert await line.ask(path, "Bearer nonsense") == (404, "process_unknown")


@pytest.mark.parametrize("mode", ["certificate", "token"])
async def test_a2_11_the_certificate_of_another_peer_is_refused(
    towns: Pair, tmp_path: Path, sqlite_template: Path, mode: str
) -> None:
    ekby, sjoby = towns
    if mode == "token":
        await change(ekby, sjoby, Trust())
    async with secure_town(tmp_path, sqlite_template, "tredby") as tredby:
        foreign = Trust("certificate", frozenset({tredby.spki}), (tredby.shown.pem,))
        row = await peers.get(ekby.town.house, ekby.did, sjoby.did)
        await ekby.town.house.store.write(lambda unit: unit.peers.add(_third(row, foreign)))
        await ekby.town.house.load()
        assert await asked(ekby, sjoby, tredby.shown, tmp_path) == (401, "client_certificate_foreign")


def _third(row: Any, chosen: Trust) -> Any:
    from dataclasses import replace  # noqa: PLC0415 - used here only

    from connector.identity import trust  # noqa: PLC0415 - as above

    return replace(row, id="did:web:tredby.example", trust=trust.dump(chosen))


def wrong(sjoby: Secure) -> dict[str, Issued]:
    now = clock.now()
    return {
        "self-signed": authority.issue(None, LOCAL, now),
        "another authority": authority.issue(authority.authority("sjoby", now), LOCAL, now),
        "expired": authority.issue(sjoby.above, LOCAL, now - 40 * DAY, key=sjoby.shown.key),
        "not yet valid": authority.issue(sjoby.above, LOCAL, now + DAY, key=sjoby.shown.key),
    }


@pytest.mark.parametrize("case", ["self-signed", "another authority", "expired", "not yet valid"])
@pytest.mark.parametrize("mode", ["certificate", "authority"])
async def test_a_wrong_certificate_ends_the_handshake(towns: Pair, tmp_path: Path, case: str, mode: str) -> None:
    ekby, sjoby = towns
    if mode == "authority":
        await change(ekby, sjoby, sjoby.by_authority())
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await asked(ekby, sjoby, wrong(sjoby)[case], tmp_path)


async def change(ekby: Secure, sjoby: Secure, wanted: Trust) -> None:
    seen = await peers.preview(ekby.town.house, ekby.did, sjoby.did, trust=sjoby.by_certificate())
    if wanted == Trust():  # nobody but the operator's own choice makes Sjöby's private authority believed
        await ekby.town.house.store.write(lambda unit: unit.peers.change(ekby.did, sjoby.did, trust=None))
        ekby.town.house.forget(ekby.did, sjoby.did)
        await ekby.town.house.load()
        return
    named: dict[str, Any] = {"fingerprints": seen.fingerprints, "by": BY, "trust": wanted}
    await peers.confirm(ekby.town.house, ekby.did, sjoby.did, **named)


async def test_an_authority_vouches_for_a_name_and_no_other(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    await change(ekby, sjoby, sjoby.by_authority())
    now = clock.now()
    other_key = authority.issue(sjoby.above, LOCAL, now)
    assert await asked(ekby, sjoby, other_key, tmp_path) == (200, None)
    elsewhere = authority.issue(sjoby.above, ["elsewhere.example"], now)
    assert await asked(ekby, sjoby, elsewhere, tmp_path) == (401, "client_certificate_foreign")


async def test_a_pin_that_is_taken_back_counts_on_open_connections_too(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    async with connected(ekby, sjoby.shown, folder=tmp_path) as line:
        path = "/dsp/2025-1/catalog/request"
        assert await line.ask(path, token(sjoby.town, ekby.did)) == (200, None)
        other = authority.issue(None, LOCAL, clock.now())
        sjoby.show(other)
        await change_to(ekby, sjoby)
        assert await line.ask(path, token(sjoby.town, ekby.did)) == (401, "client_certificate_foreign")
        await peers.remove(ekby.town.house, ekby.did, sjoby.did, by=BY)
        assert await line.ask(path, token(sjoby.town, ekby.did)) == (401, "peer_unpinned")


async def change_to(ekby: Secure, sjoby: Secure) -> None:
    wanted = sjoby.by_certificate()
    seen = await peers.preview(ekby.town.house, ekby.did, sjoby.did, trust=wanted)
    named: dict[str, Any] = {"fingerprints": seen.fingerprints, "by": BY, "trust": wanted}
    await peers.confirm(ekby.town.house, ekby.did, sjoby.did, **named)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
async def test_an_old_version_of_tls_is_refused(towns: Pair) -> None:
    ekby, _ = towns
    old: dict[str, Any] = {
        "minimum_version": ssl.TLSVersion.TLSv1,
        "maximum_version": ssl.TLSVersion.TLSv1_1,
        "ciphers": "ALL:@SECLEVEL=0",
    }
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with connected(ekby, **old):
            pass
    async with connected(ekby, maximum_version=ssl.TLSVersion.TLSv1_2) as line:
        assert (await line.ask("/.well-known/did.json"))[0] == 200


async def test_a_new_certificate_is_shown_without_a_restart_and_a_broken_one_never(towns: Pair) -> None:
    ekby, _ = towns
    async with connected(ekby) as kept:
        first = kept.shown
        new = authority.issue(ekby.above, LOCAL, clock.now())
        ekby.show(new)
        async with connected(ekby) as line:
            assert line.shown == certificates.der(new.certificate) != first
        (ekby.files / "server.key").write_text("broken")
        (ekby.files / "server.pem").write_text("broken")
        async with connected(ekby) as line:
            assert line.shown == certificates.der(new.certificate)
            assert (await line.ask("/.well-known/did.json"))[0] == 200
        assert (await kept.ask("/.well-known/did.json"))[0] == 200


async def test_a_certificate_renewed_with_its_key_is_followed_by_itself(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    renewed = authority.issue(sjoby.above, LOCAL, clock.now(), key=sjoby.shown.key)
    sjoby.show(renewed)
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await asked(ekby, sjoby, renewed, tmp_path)

    async def known() -> bool:
        row = await peers.get(ekby.town.house, ekby.did, sjoby.did)
        return row.trust is not None and row.trust["certificates"] == [renewed.pem]

    assert await eventually(known)
    assert await asked(ekby, sjoby, renewed, tmp_path) == (200, None)


# Behind a proxy


def forwarded(made: Issued) -> str:
    return f":{base64.b64encode(certificates.der(made.certificate)).decode()}:"


@pytest.fixture
async def behind(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[tuple[Town, Town, Issued]]:
    """Ekby behind a proxy on 127.0.0.1, Sjöby, and the certificate by which Ekby knows it."""
    made = authority.issue(None, LOCAL, clock.now())
    async with running(tmp_path, sqlite_template, "ekby", "sjoby", client_certificate_proxies="127.0.0.1") as (
        ekby,
        sjoby,
    ):
        await ekby.pin(sjoby.did)
        await _demand(ekby, sjoby, made)
        yield ekby, sjoby, made


async def _demand(ekby: Town, sjoby: Town, made: Issued) -> None:
    stored = {"mode": "certificate", "keys": [certificates.spki(made.certificate)], "certificates": [], "name": None}
    await ekby.house.store.write(lambda unit: unit.peers.change(ekby.did, sjoby.did, trust=stored))
    ekby.house.forget(ekby.did, sjoby.did)
    await ekby.house.load()


async def through(ekby: Town, sjoby: Town, **headers: str) -> tuple[int, str | None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", ekby.listen)
    try:
        return await Line(reader, writer).ask("/dsp/2025-1/catalog/request", token(sjoby, ekby.did), **headers)
    finally:
        writer.close()


async def test_what_a_configured_proxy_forwards_is_believed(behind: tuple[Town, Town, Issued]) -> None:
    ekby, sjoby, made = behind
    assert await through(ekby, sjoby, Client_Cert=forwarded(made)) == (200, None)
    assert await through(ekby, sjoby, Client_Cert=quote(made.pem)) == (200, None)
    assert await through(ekby, sjoby) == (401, "client_certificate_missing")
    other = authority.issue(None, LOCAL, clock.now())
    assert await through(ekby, sjoby, Client_Cert=forwarded(other)) == (401, "client_certificate_foreign")
    ended = authority.issue(None, LOCAL, clock.now() - 40 * DAY, key=made.key)
    assert await through(ekby, sjoby, Client_Cert=forwarded(ended)) == (401, "client_certificate_expired")


@pytest.mark.parametrize(
    "text", ["x", "::", ":!!:", ":AAAA:", "-----BEGIN%20CERTIFICATE-----", ":" + "A" * 20000 + ":"]
)
async def test_what_a_proxy_forwards_but_nobody_can_read(behind: tuple[Town, Town, Issued], text: str) -> None:
    ekby, sjoby, _ = behind
    status, code = await through(ekby, sjoby, Client_Cert=text)
    assert (status, code) in ((401, "client_certificate_unreadable"), (400, "http_malformed"))


async def test_a2_21_a_forwarded_certificate_from_elsewhere_is_not_believed(towns: Pair) -> None:
    ekby, sjoby = towns
    async with connected(ekby) as line:
        answer = await line.ask(
            "/dsp/2025-1/catalog/request", token(sjoby.town, ekby.did), Client_Cert=forwarded(sjoby.shown)
        )
        assert answer == (401, "client_certificate_missing")


async def test_connections_of_a_trust_that_was_changed_are_closed(towns: Pair) -> None:
    ekby, sjoby = towns
    client = ekby.town.house.client

    def open_under_the_pin() -> bool:
        return any(sjoby.spki in pool.expected.keys for pool in client._sessions)

    assert open_under_the_pin()
    await change(ekby, sjoby, sjoby.by_authority())

    async def closed() -> bool:
        return not open_under_the_pin()

    assert await eventually(closed)


async def test_a2_29_a_stolen_data_token_is_worth_nothing_without_the_certificate(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    await sjoby.add(ekby)
    (tmp_path / "levels.csv").write_text("2.5")
    await ekby.town.publish("levels", f"file:{tmp_path / 'levels.csv'}")
    contract = await sjoby.town.agree(ekby.town, "levels")
    await sjoby.town.begin(contract)
    assert await sjoby.town.read(contract) == b"2.5"
    stolen = (await sjoby.town.unit(lambda unit: unit.transfers.of_contract(contract)))[-1]
    path = "/" + str(stolen.endpoint).split("/", 3)[3]
    async with connected(ekby) as line:
        assert await line.ask(path, f"Bearer {stolen.token}") == (401, "client_certificate_missing")
