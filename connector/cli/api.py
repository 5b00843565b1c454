"""The one client of the private listener: JSON in and out, problem documents as errors, data as a stream.

It retries nothing: a command that failed says so, and the person decides. Over https it trusts exactly the certificate in
the settings' file, which is compared before the token is sent; names and authorities do not matter for one's own listener.
"""

from __future__ import annotations

import http.client
import json
import shlex
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from connector.cli.output import Refused
from connector.config import Config
from connector.errors import ConfigError, Unreachable

ROOT: Final = "/api/v1"
PROBLEM: Final = "application/problem+json"
SECONDS: Final = 120.0
"""How long an answer may take; some need an answer of a peer first."""
_MOST_BYTES = 64 * 1024 * 1024
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a listener on every address is reached
_ERRORS = 400
_AWAY = frozenset({502, 503, 504})
"""What stands between us and the listener answers, while it is not there."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the private listener is; `certificate` is the file with its certificate when it speaks https."""

    host: str
    port: int
    certificate: Path | None = None

    @property
    def url(self) -> str:
        """The address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"


def address(settings: Config) -> Address:
    """Return where the private listener of an installation is."""
    host = settings.admin_host.strip("[]")
    tls = settings.admin_tls()
    return Address(_EVERYWHERE.get(host, host), settings.admin_port, tls[0] if tls else None)


def path(*segments: str, **query: object) -> str:
    """Return a path of the management API: every segment escaped, every query parameter that is not None."""
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return "/".join((ROOT, *(quote(segment, safe="") for segment in segments))) + (f"?{asked}" if asked else "")


class Answer:
    """An answer under way, as `dataplane.resume` reads it: every fault of the connection is an OSError."""

    def __init__(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection) -> None:
        self._response = response
        self._connection = connection
        self.status = response.status
        self.headers = response.headers

    def read(self, amount: int, /) -> bytes:
        """Return at most so many bytes, none at the end. Raises OSError."""
        try:
            return self._response.read(amount)
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from None

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


class Api:
    """Calls the private listener as one operator, in one language."""

    def __init__(self, where: Address, home: Path, token: str, language: str) -> None:
        self.where = where
        self._home = home
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}

    def get(self, target: str) -> Any:
        """Return what is at a path. Raises Refused, Unreachable."""
        return self._call("GET", target)

    def post(self, target: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a JSON object and return the answer. Raises Refused, Unreachable."""
        return self._call("POST", target, {} if body is None else body)

    def delete(self, target: str) -> Any:
        """Remove what is at a path and return the answer, None when it is empty. Raises Refused, Unreachable."""
        return self._call("DELETE", target)

    def open(self, target: str, headers: Mapping[str, str]) -> Answer:
        """Begin to read data.

        Raises:
            Refused: the answer is a problem document.
            OSError: there is no connection, or what stands between answers for a listener that is away.
        """
        connection = self._connection()
        try:
            connection.request("GET", target, headers={**self._headers, **headers})
            response = connection.getresponse()
            problem = self._read(response) if response.headers.get_content_type() == PROBLEM else None
        except http.client.HTTPException as error:
            connection.close()
            raise ConnectionError(str(error)) from None
        except BaseException:
            connection.close()
            raise
        if problem is not None:
            connection.close()
            raise Refused(problem)
        if response.status in _AWAY:
            connection.close()
            raise ConnectionError(str(response.status))
        return Answer(response, connection)

    def not_running(self) -> Unreachable:
        """Return the error that says that nobody listens."""
        return Unreachable("cli_not_running", url=self.where.url, home=shlex.quote(str(self._home)))

    def _call(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        connection = self._connection()
        try:
            connection.request(method, target, sent, headers)
            response = connection.getresponse()
            found = self._read(response)
        except ConnectionRefusedError:
            raise self.not_running() from None
        except OSError as error:
            raise Unreachable("cli_unreachable", url=self.where.url, reason=str(error)) from None
        except http.client.HTTPException:
            raise Unreachable("cli_answer", url=self.where.url) from None
        finally:
            connection.close()
        if response.status >= _ERRORS:
            raise Refused(found if isinstance(found, dict) else {"code": "cli_answer", "status": response.status})
        return found

    def _read(self, response: http.client.HTTPResponse) -> Any:
        data = response.read(_MOST_BYTES + 1)
        if not data and response.status < _ERRORS:
            return None
        try:
            if len(data) <= _MOST_BYTES:
                return json.loads(data)
        except ValueError:
            pass
        raise Unreachable("cli_answer", url=self.where.url)

    def _connection(self) -> http.client.HTTPConnection:
        if self.where.certificate is None:
            return http.client.HTTPConnection(self.where.host, self.where.port, timeout=SECONDS)
        return _Pinned(self.where, _certificate(self.where.certificate))


class _Pinned(http.client.HTTPSConnection):
    """https to a listener with exactly one certificate."""

    def __init__(self, where: Address, certificate: bytes) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the comparison below is stricter
        super().__init__(where.host, where.port, timeout=SECONDS, context=context)
        self._pinned = certificate

    def connect(self) -> None:
        super().connect()
        if not isinstance(self.sock, ssl.SSLSocket) or self.sock.getpeercert(binary_form=True) != self._pinned:
            self.close()
            raise Unreachable("cli_certificate", url=f"https://{self.host}:{self.port}")


def _certificate(file: Path) -> bytes:
    """Return the first certificate in a PEM file, as DER."""
    try:
        first, end, _ = file.read_text(encoding="ascii").partition(ssl.PEM_FOOTER)
        return ssl.PEM_cert_to_DER_cert(first[first.index(ssl.PEM_HEADER) :] + end)
    except (OSError, ValueError):
        raise ConfigError("cli_certificate_file", field="admin_tls_certificate_file", path=str(file)) from None
