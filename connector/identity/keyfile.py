"""Key files: readable by their owner alone, written once, read once at start."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector.errors import ConfigError
from connector.identity.keys import SECRET_BYTES, KeyPair, generate, pair

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 16 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Located:
    """Where a key is, and whether systemd keeps it there."""

    path: Path
    credential: bool = False


def located(path: Path, credentials: Path | None) -> Located:
    """Return where a key of the home is: among systemd's credentials, if one has its name, else in its own file.

    Args:
        path: in the folder `keys` of a home. The credential's name is `grants.key`, or a participant's folder, a dot, the file.
        credentials: systemd's folder, or None.
    """
    name = path.name if path.parent.name == "keys" else f"{path.parent.name}.{path.name}"
    if credentials is not None and (credentials / name).is_file():
        return Located(credentials / name, credential=True)
    return Located(path)


def create_key(path: Path) -> KeyPair:
    """Make a new ES256 key pair and write it to a new file (PEM, PKCS #8, mode 0600).

    Raises:
        ConfigError: `key_file_exists`, `key_file_unwritable`.
    """
    new = generate()
    pem = new.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(path, pem)
    return new


def load_key(path: Path, *, credential: bool = False) -> KeyPair:
    """Read an ES256 key pair.

    Args:
        path: the file.
        credential: whether systemd keeps it: its folder is then closed, and the file's own mode tells nothing (systemd.exec,
            "Credentials": access is granted by an access control list, which shows in the bits of the group).

    Raises:
        ConfigError: `key_file_unreadable`, `key_file_open_to_others`, `key_file_wrong_kind`.
    """
    pem = _read(path, credential=credential)
    try:
        private = serialization.load_pem_private_key(pem, password=None)
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return pair(private)
    except (ValueError, TypeError):
        pass
    raise ConfigError("key_file_wrong_kind", path=str(path))


def create_secret(path: Path) -> bytes:
    """Draw a secret of 32 bytes (the key of the grants' tokens) and write it to a new file, mode 0600.

    Raises:
        ConfigError: `key_file_exists`, `key_file_unwritable`.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    _write(path, secret)
    return secret


def load_secret(path: Path, *, credential: bool = False) -> bytes:
    """Read a secret of exactly 32 bytes; `credential` as in `load_key`.

    Raises:
        ConfigError: `key_file_unreadable`, `key_file_open_to_others`, `key_file_wrong_kind`.
    """
    secret = _read(path, credential=credential)
    if len(secret) != SECRET_BYTES:
        raise ConfigError("key_file_wrong_kind", path=str(path))
    return secret


def check_closed(path: Path) -> None:
    """Refuse a key file that others can open.

    Raises:
        ConfigError: `key_file_unreadable`, `key_file_open_to_others`.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError("key_file_unreadable", path=str(path), why=error.strerror) from None
    _refuse_open(path, mode)


def _refuse_open(path: Path, mode: int) -> None:
    if mode & _OTHERS:
        raise ConfigError("key_file_open_to_others", path=str(path), mode=f"{stat.S_IMODE(mode):04o}")


def _write(path: Path, data: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise ConfigError("key_file_exists", path=str(path)) from None
    except OSError as error:
        raise ConfigError("key_file_unwritable", path=str(path), why=error.strerror) from None


def _read(path: Path, *, credential: bool) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MOST_BYTES)
    except OSError as error:
        raise ConfigError("key_file_unreadable", path=str(path), why=error.strerror) from None
    if not credential:
        _refuse_open(path, mode)
    return data
