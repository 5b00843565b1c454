"""The client of the private listener against servers that misbehave, and over https."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector import config
from connector.cli.api import Address, Api, address, path
from connector.cli.output import Refused
from connector.errors import ConfigError, Unreachable


class Server(HTTPServer):
    """Answers everything alike and remembers what it was asked."""

    answer: tuple[int, str, bytes] = (200, "application/json", b'{"id": 1}')

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.seen: list[tuple[str, str, str | None, bytes]] = []

    def handle_error(self, *_ignored: object) -> None:
        """A client that leaves is what is tested."""


class _Answering(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization"), body))
        status, kind, data = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - named by http.server

    def log_message(self, *_ignored: object) -> None:
        """Say nothing."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(server: Server, home: Path, certificate: Path | None = None) -> Api:
    return Api(Address("127.0.0.1", server.server_port, certificate), home, "secret", "en")


def test_questions_carry_the_token_and_escaped_paths(tmp_path: Path) -> None:
    with serving() as server:
        api = client(server, tmp_path)
        assert api.get(path("peers", "did:web:a/b?c", limit=5, cursor=None)) == {"id": 1}
        assert api.post(path("peers"), {"name": "å"}) == {"id": 1}
        server.answer = (204, "text/plain", b"")
        assert api.delete(path("peers", "x")) is None
    assert server.seen == [
        ("GET", "/api/v1/peers/did%3Aweb%3Aa%2Fb%3Fc?limit=5", "Bearer secret", b""),
        ("POST", "/api/v1/peers", "Bearer secret", '{"name": "å"}'.encode()),
        ("DELETE", "/api/v1/peers/x", "Bearer secret", b""),
    ]


def test_a_problem_is_raised_as_it_came(tmp_path: Path) -> None:
    with serving() as server:
        server.answer = (409, "application/problem+json", b'{"code": "x", "detail": "No."}')
        api = client(server, tmp_path)
        for ask in (lambda: api.get("/"), lambda: api.open("/", {})):
            with pytest.raises(Refused) as caught:
                ask()
            assert caught.value.problem == {"code": "x", "detail": "No."}


@pytest.mark.parametrize("status", [502, 503, 504])
def test_data_from_a_gateway_that_is_away_counts_as_no_connection(tmp_path: Path, status: int) -> None:
    with serving() as server:
        server.answer = (status, "text/html", b"<html>Bad gateway</html>")
        with pytest.raises(ConnectionError, match=str(status)):
            client(server, tmp_path).open("/", {})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, "text/html", b"<html>another program</html>"), "cli_answer"),
        ((500, "text/plain", b"oops"), "cli_answer"),
        ((404, "application/json", b"[]"), "cli_answer"),
        ((403, "text/plain", b""), "cli_answer"),
    ],
)
def test_another_program_on_the_port_is_recognised(tmp_path: Path, answer: tuple[int, str, bytes], code: str) -> None:
    with serving() as server:
        server.answer = answer
        with pytest.raises((Unreachable, Refused)) as caught:
            client(server, tmp_path).get("/")
    assert caught.value.code == code


def test_what_is_no_http_is_recognised(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-other\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(Unreachable, match="cli_answer"):
            Api(Address("127.0.0.1", listener.getsockname()[1]), tmp_path, "t", "en").get("/")
        thread.join()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate that no authority knows, for a name that nobody has."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(b"a comment\n" + made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


def test_a2_39_over_https_exactly_the_certificate_of_the_settings_is_trusted(tmp_path: Path) -> None:
    ours, key = certificate(tmp_path, "ours")
    other, _ = certificate(tmp_path, "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours, key)
    with serving(context) as server:
        assert client(server, tmp_path, ours).get("/") == {"id": 1}
        with pytest.raises(Unreachable, match="cli_certificate"):
            client(server, tmp_path, other).get("/")
        with pytest.raises(ConfigError, match="cli_certificate_file"):
            client(server, tmp_path, tmp_path / "none.pem").get("/")
        with pytest.raises(ConfigError, match="cli_certificate_file"):
            client(server, tmp_path, key).get("/")
    assert len(server.seen) == 1


def test_the_address_follows_from_the_settings(tmp_path: Path) -> None:
    tls = {"CONNECTOR_ADMIN_TLS_CERTIFICATE_FILE": "c.pem", "CONNECTOR_ADMIN_TLS_KEY_FILE": "k.pem"}
    everywhere = {"CONNECTOR_ADMIN_HOST": "::", "CONNECTOR_ADMIN_PORT": "7"} | tls
    assert address(config.load(tmp_path, everywhere)).url == "https://[::1]:7"
    assert address(config.load(tmp_path, {})).url == "http://127.0.0.1:9102"
