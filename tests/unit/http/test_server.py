from __future__ import annotations

import asyncio
import datetime as dt
import resource
import ssl
import time
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector import config
from connector.errors import ConfigError
from connector.http import server
from connector.http.connection import Limits
from tests.unit.http.serving import serving

SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_the_settings_become_limits(tmp_path: Path) -> None:
    settings = {"CONNECTOR_HEADER_SECONDS": "1", "CONNECTOR_CONNECTIONS_TOTAL": "7", "CONNECTOR_TRUSTED_PROXIES": "::1"}
    limits = server.limits_of(config.load(tmp_path, settings))
    assert (limits.header_seconds, limits.connections_total, limits.body_seconds) == (1, 7, 30)
    assert [str(network) for network in limits.trusted] == ["::1/128"]
    assert server.limits_of(config.load(tmp_path, {})) == Limits()


async def test_a_listener_stops_at_once_when_nobody_works() -> None:
    async with serving() as place:
        clients = [
            await place.connect(data) for data in (b"", b"GET /", b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\n")
        ]
        clients.append(await place.connect(b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await place.listener.stop()
        assert time.monotonic() - began < 0.5
        assert all([await client.closed(1) for client in clients])


async def test_a_listener_gives_running_requests_a_little_time_then_cuts_them() -> None:
    async with serving(Limits(stop_seconds=0.1)) as place:
        client = await place.connect(SLOW)
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await place.listener.stop()
        assert 0.1 <= time.monotonic() - began < 1
        assert await client.closed(1)
        assert place.cut == ["slow"]


async def test_a_client_that_leaves_does_not_cut_the_work_it_asked_for() -> None:
    async with serving(Limits(stop_seconds=0.1)) as place:
        client = await place.connect(SLOW)
        await asyncio.sleep(0.05)
        await client.close()
        await asyncio.sleep(0.05)
        assert place.cut == []


async def test_a_taken_port_is_an_error_of_the_system() -> None:
    async with serving() as place:
        with pytest.raises(OSError, match="in use"):
            await server.start_listener(web.Application(), "127.0.0.1", place.listener.port)


def test_files_are_allowed_for_both_listeners(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, values: asked.append(values))
    for limits in ((1024, 4096), (1024, 2000), (1024, resource.RLIM_INFINITY), (100_000, 100_000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _kind, values=limits: values)
        server.allow_connections(1000)
    assert asked == [(2256, 4096), (2000, 2000), (2256, resource.RLIM_INFINITY)]
    assert [record.getMessage() for record in caplog.records] == [
        "few open files are allowed: allowed=2000 wanted=2256"
    ]


def certificate(folder: Path) -> ssl.SSLContext | None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "all.pem").write_bytes(key.private_bytes(*form) + pem)
    files = {"CONNECTOR_ADMIN_TLS_CERTIFICATE_FILE": "all.pem", "CONNECTOR_ADMIN_TLS_KEY_FILE": "all.pem"}
    return server.admin_tls(config.load(folder, files))


def test_https_needs_usable_files(tmp_path: Path) -> None:
    assert server.admin_tls(config.load(tmp_path, {})) is None
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    certificate(tmp_path)
    (tmp_path / "locked.pem").write_bytes(encrypted)
    for name in ("missing.pem", "locked.pem"):
        files = {"CONNECTOR_ADMIN_TLS_CERTIFICATE_FILE": "all.pem", "CONNECTOR_ADMIN_TLS_KEY_FILE": name}
        with pytest.raises(ConfigError, match="config_tls_unusable"):
            server.admin_tls(config.load(tmp_path, files))


async def test_a2_39_the_private_listener_speaks_https_and_drops_a_handshake_that_stalls(tmp_path: Path) -> None:
    app = web.Application()
    listener = await server.start_listener(app, "127.0.0.1", 0, certificate(tmp_path), Limits(header_seconds=0.2))
    trusting = ssl.create_default_context(cafile=str(tmp_path / "all.pem"))
    trusting.check_hostname = False
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=trusting)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 404")
    plain, other = await asyncio.open_connection("127.0.0.1", listener.port)
    async with asyncio.timeout(1):
        assert await plain.read() == b""
    for stream in (writer, other):
        stream.close()
    await listener.stop()
