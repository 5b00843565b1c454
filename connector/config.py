"""One TOML file, environment variables over it, one frozen model; unknown keys are errors that name the nearest known one.

The file is `connector.toml` in the installation's home; without it every setting has a safe default. An environment
variable `CONNECTOR_<SETTING>` wins over the file. Secrets are paths to files; sizes and durations have their unit in the
name. What a setting means is written once, in the texts catalogue (`setting_<name>`), for the file and the documentation.
"""

from __future__ import annotations

import difflib
import ipaddress
import logging
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import quote, urlsplit, urlunsplit

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from connector import texts
from connector.errors import ConfigError

log = logging.getLogger(__name__)

FILE: Final = "connector.toml"
PREFIX: Final = "CONNECTOR_"
CREDENTIAL: Final = "credential:"
_FOREIGN = re.compile(r"(SERVICE_(HOST|PORT.*)|PORT(_.*)?)")  # what Kubernetes sets for a service named "connector"
_NEAR = 0.75

Value = str | int | float | tuple[str, ...] | Path | None


def _split(value: Any) -> Any:
    """Read a list that an environment variable holds as comma-separated text."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _network(value: Any) -> str:
    return str(ipaddress.ip_network(value, strict=False))


Port = Annotated[int, Ge(0), Le(65535)]
Count = Annotated[int, Ge(1), Le(1_000_000)]
PageSize = Annotated[int, Ge(1), Le(1000)]
Days = Annotated[int, Ge(0), Le(36_500)]
Rate = Annotated[float, Ge(0.01), Le(1_000_000)]
Deadline = Annotated[float, Ge(0.05), Le(3600)]
File = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], BeforeValidator(_split)]


class Config(BaseModel):
    """All settings of one installation, checked and complete.

    `home` is where its files are, `credentials` the folder of its systemd credentials; neither is a setting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path
    credentials: Path | None = Field(default=None, repr=False)
    public_host: str = "127.0.0.1"
    public_port: Port = 9101
    admin_host: str = "127.0.0.1"
    admin_port: Port = 9102
    admin_tls_certificate_file: File = None
    admin_tls_key_file: File = None
    public_tls_certificate_file: File = None
    public_tls_key_file: File = None
    client_tls_certificate_file: File = None
    client_tls_key_file: File = None
    tls_authorities_file: File = None
    client_certificate_proxies: Networks = ()
    database: str = Field(default="sqlite:///connector.db", min_length=1, repr=False)
    database_password_file: File = None
    language: Literal["sv", "en"] = "sv"
    page_size: PageSize = 100
    peer_rate_per_second: Rate = 10
    peer_burst: Count = 50
    address_rate_per_second: Rate = 2
    address_burst: Count = 20
    connections_per_address: Count = 100
    connections_total: Count = 1000
    negotiations_per_peer: Count = 100
    negotiation_rounds: Count = 20
    trusted_proxies: Networks = ()
    header_seconds: Deadline = 10
    body_seconds: Deadline = 30
    idle_seconds: Deadline = 75
    stop_seconds: Deadline = 5
    retention_access_days: Days = 0
    retention_exchange_days: Days = 0
    retention_administration_days: Days = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def path(self, name: Path) -> Path:
        """Return a path of a setting; a relative one starts in the home, `credential:NAME` is a systemd credential."""
        if str(name).startswith(CREDENTIAL):
            return (self.credentials or self.home) / str(name).removeprefix(CREDENTIAL)
        return self.home / name

    def credential(self, path: Path) -> bool:
        """Tell whether a file is a systemd credential."""
        return self.credentials is not None and path.is_relative_to(self.credentials)

    def admin_tls(self) -> tuple[Path, Path] | None:
        """Return the certificate and key files of the private listener, if it speaks https."""
        return self._pair(self.admin_tls_certificate_file, self.admin_tls_key_file)

    def public_tls(self) -> tuple[Path, Path] | None:
        """Return the certificate and key files of the public listener, if it speaks https itself."""
        return self._pair(self.public_tls_certificate_file, self.public_tls_key_file)

    def client_tls(self) -> tuple[Path, Path] | None:
        """Return the certificate and key files that we show to peers: the public listener's unless there are others."""
        return self._pair(self.client_tls_certificate_file, self.client_tls_key_file) or self.public_tls()

    def _pair(self, certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
        return None if certificate is None or key is None else (self.path(certificate), self.path(key))

    def retention(self) -> dict[str, int]:
        """Return after how many days payloads of the journal are removed, by group of kinds; 0 for never."""
        return {
            "access": self.retention_access_days,
            "exchange": self.retention_exchange_days,
            "administration": self.retention_administration_days,
        }

    def database_url(self) -> str:
        """Return the database's address: SQLite's relative path made absolute, PostgreSQL's password filled in.

        Reads `database_password_file` when it is set.

        Raises:
            ConfigError: `config_secret_missing`.
        """
        if self.database.startswith("sqlite:///"):
            return f"sqlite:///{(self.home / self.database.removeprefix('sqlite:///')).absolute()}"
        if self.database_password_file is None:
            return self.database
        parts = urlsplit(self.database)
        user, _, place = parts.netloc.rpartition("@")
        password = quote(_secret(self.path(self.database_password_file), "database_password_file"), safe="")
        return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{password}@{place}"))


SETTINGS: Final = tuple(name for name in Config.model_fields if name not in ("home", "credentials"))
_PAIRS: Final = tuple(
    (f"{name}_tls_certificate_file", f"{name}_tls_key_file") for name in ("admin", "public", "client")
)


def load(home: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration of the installation in `home`: defaults, then its file, then the environment.

    Raises:
        ConfigError: `config_file`, `config_unknown`, `config_unknown_near`, `config_value`, `config_database`,
            `config_tls_pair`.
    """
    values = {**_from_file(home / FILE), **_from_environment(environ)}
    try:
        config = Config(home=home, credentials=_folder(environ), **values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise ConfigError("config_value", field=name, setting=name, allowed=allowed(name)) from None
    if not config.database.startswith(("sqlite:///", "postgresql://")):
        raise ConfigError("config_database", field="database")
    for certificate, key in _PAIRS:
        if (getattr(config, certificate) is None) != (getattr(config, key) is None):
            raise ConfigError("config_tls_pair", field=key, one=certificate, other=key)
    return config


def check_listeners(config: Config, *, loopback: bool, operators: int) -> None:
    """Refuse addresses that would show a listener to those who may not see it.

    Args:
        config: the configuration.
        loopback: whether one of our participants lives on a loopback address, and so speaks `http`.
        operators: how many operator tokens exist.

    Raises:
        ConfigError: `config_loopback`, `config_admin_https`, `config_admin_token`.
    """
    for setting in ("public_host", "admin_host"):
        if loopback and not is_loopback(getattr(config, setting)):
            raise ConfigError("config_loopback", field=setting, setting=setting)
    if is_loopback(config.admin_host):
        return
    if config.admin_tls() is None:
        raise ConfigError("config_admin_https", field="admin_host")
    if operators < 1:
        raise ConfigError("config_admin_token", field="admin_host")


def is_loopback(host: str) -> bool:
    """Tell whether a listener on this host is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def write_first(home: Path, *, language: str = "sv", **given: Value) -> Path:
    """Write the first `connector.toml` (mode 0600): what is given as settings, every other one as a comment.

    Raises:
        ConfigError: `config_exists`, `config_unknown`, `config_unknown_near`.
    """
    given = {"language": language, **given}
    _known(given)
    lines = [f"# {texts.say('config_header', language)}"]
    for name in SETTINGS:
        value = given[name] if given.get(name) is not None else Config.model_fields[name].default
        mark = "" if given.get(name) is not None else "# "
        lines += ["", f"# {texts.say(f'setting_{name}', language)}", f"{mark}{name} = {_toml(value)}"]
    path = home / FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError("config_exists", path=str(path)) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def allowed(name: str) -> str:
    """Return what a setting accepts, in signs that need no translation: `1 … 65535`, `sv | en`, or its default."""
    field = Config.model_fields.get(name)
    if field is None:
        return ""
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return " | ".join(choices)
    low, high = (next((item for item in field.metadata if isinstance(item, kind)), None) for kind in (Ge, Le))
    if isinstance(low, Ge) and isinstance(high, Le):
        return f"{low.ge} … {high.le}"
    return _toml(field.default)


def _folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder in which systemd gives a service its credentials (systemd.exec, "Credentials")."""
    named = environ.get("CREDENTIALS_DIRECTORY")
    return Path(named) if named else None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("config_file", field=str(path), path=str(path), reason=str(error)) from None
    _known(values)
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX)
        if name == variable or not text or _FOREIGN.fullmatch(name):
            continue
        if name.lower() in SETTINGS:
            values[name.lower()] = text
        elif near := _nearest(name.lower()):
            raise ConfigError("config_unknown_near", field=variable, name=variable, near=PREFIX + near.upper())
        else:
            log.warning("environment variable is no setting: name=%s", variable)
    return values


def _known(values: Mapping[str, object]) -> None:
    for name in values:
        if name in SETTINGS:
            continue
        if near := _nearest(name):
            raise ConfigError("config_unknown_near", field=name, name=name, near=near)
        raise ConfigError("config_unknown", field=name, name=name)


def _nearest(name: str) -> str | None:
    return next(iter(difflib.get_close_matches(name, SETTINGS, n=1, cutoff=_NEAR)), None)


def _toml(value: object) -> str:
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    text = "" if value is None else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _secret(path: Path, setting: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError("config_secret_missing", field=setting, path=str(path)) from None
