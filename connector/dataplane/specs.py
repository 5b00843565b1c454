"""What the operator writes to name a source, checked before anything is published. Reads the file system, no network.

A spec is a JSON object: `{"kind": "file" | "directory", "path"}` or `{"kind": "http", "url", "methods", "paths",
"query", "secret_header": {"name", "file"}}`; each may declare its columns in `shape` (`shape.declared`).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connector.dataplane import paths, secret, templates
from connector.dataplane.shape import declared
from connector.errors import BadMessage, Invalid, Unreachable
from connector.net import egress

METHODS = ("GET", "HEAD")
MAX_LISTED = 100
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~\-]{1,64}")
_PARAMETER = re.compile(r"[A-Za-z0-9_.~:$\[\]\-]{1,64}")
_OURS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "want-repr-digest",
    }
)
"""Headers that the connector itself sends or that govern the connection: never the secret one."""


def parse_source(text: str) -> dict[str, Any]:
    """Return the spec that `file:PATH`, `dir:PATH`, `http:URL`, or a plain URL stands for; paths become absolute.

    Only the form is looked at: `check_source` looks at the rest where the connector runs.

    Raises:
        Invalid: `source_form`.
    """
    if re.match(r"https?://", text):
        return {"kind": "http", "url": text}
    kind, colon, rest = text.partition(":")
    if not colon or not rest:
        raise Invalid("source_form", field="source")
    if kind == "http":
        return {"kind": "http", "url": rest}
    if kind in ("file", "dir", "directory"):
        return {"kind": "file" if kind == "file" else "directory", "path": str(Path(rest).absolute())}
    raise Invalid("source_form", field="source")


def check_source(spec: Mapping[str, Any], *, loopback: bool) -> dict[str, Any]:
    """Return a spec complete and normalised: symlinks in its path resolved, lists filled in.

    Args:
        spec: as the operator gave it.
        loopback: whether the installation is a loopback one, and so may call http and loopback addresses.

    Raises:
        Invalid: `source_kind`, `source_member`, `source_missing`, `source_not_regular`, `source_not_directory`,
            `source_unreadable`, `source_path`, `source_url`, `source_methods`, `source_query`, `source_secret`,
            `source_secret_open`, `shape_declared`, `shape_column_twice`.
    """
    kinds: dict[str, tuple[frozenset[str], Callable[[], dict[str, Any]]]] = {
        "file": (frozenset({"path"}), lambda: _file(spec)),
        "directory": (frozenset({"path"}), lambda: _directory(spec)),
        "http": (frozenset({"url", "methods", "paths", "query", "secret_header"}), lambda: _http(spec, loopback)),
    }
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise Invalid("source_kind", field="kind")
    members, check = kinds[kind]
    for name in spec:
        if name not in ("kind", "shape") and name not in members:
            raise Invalid("source_member", field=name, member=name)
    shape = declared.written(declared.declaration(spec))
    return check() | ({"shape": shape} if shape else {})


def _file(spec: Mapping[str, Any]) -> dict[str, Any]:
    path = _resolved(spec)
    if not stat.S_ISREG(path.stat().st_mode):
        raise Invalid("source_not_regular", field="path", path=str(path))
    _readable(path, os.R_OK)
    return {"kind": "file", "path": str(path)}


def _directory(spec: Mapping[str, Any]) -> dict[str, Any]:
    path = _resolved(spec)
    if not path.is_dir():
        raise Invalid("source_not_directory", field="path", path=str(path))
    _readable(path, os.R_OK | os.X_OK)
    return {"kind": "directory", "path": str(path)}


def _resolved(spec: Mapping[str, Any]) -> Path:
    text = spec.get("path")
    if not isinstance(text, str) or not text.startswith("/") or "\0" in text:
        raise Invalid("source_missing", field="path", path=str(text)[:256])
    try:
        return Path(text).resolve(strict=True)
    except (OSError, RuntimeError):
        raise Invalid("source_missing", field="path", path=text) from None


def _readable(path: Path, mode: int) -> None:
    if not os.access(path, mode):
        raise Invalid("source_unreadable", field="path", path=str(path))


def _http(spec: Mapping[str, Any], loopback: bool) -> dict[str, Any]:  # noqa: FBT001 - passed on from a keyword
    url = _url(spec.get("url"), loopback=loopback)
    methods = _texts(spec, "methods", list(METHODS), "source_methods")
    if not methods or not set(methods) <= set(METHODS):
        raise Invalid("source_methods", field="methods")
    listed = _texts(spec, "paths", [], "source_path")
    for text in listed:
        templates.parse(text)
    checked = {"kind": "http", "url": url, "methods": methods, "paths": listed, "query": _query(spec, url)}
    return checked | _secret_header(spec)


def _url(url: Any, *, loopback: bool) -> str:
    try:
        if not isinstance(url, str):
            raise Invalid("source_url", field="url")
        egress.check_url(url, loopback=loopback)
        paths.segments(urlsplit(url).path)
    except (Unreachable, BadMessage):
        raise Invalid("source_url", field="url") from None
    return url


def _query(spec: Mapping[str, Any], url: str) -> list[str]:
    names = _texts(spec, "query", [], "source_query")
    fixed = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    if fixed & set(names) or not all(_PARAMETER.fullmatch(name) for name in names):
        raise Invalid("source_query", field="query")
    return names


def _secret_header(spec: Mapping[str, Any]) -> dict[str, Any]:
    header = spec.get("secret_header")
    if header is None:
        return {}
    if not isinstance(header, Mapping) or set(header) != {"name", "file"}:
        raise Invalid("source_secret", field="secret_header")
    name, file = header["name"], header["file"]
    if not isinstance(name, str) or not _TOKEN.fullmatch(name) or name.lower() in _OURS or not isinstance(file, str):
        raise Invalid("source_secret", field="secret_header")
    secret.read(Path(file))
    return {"secret_header": {"name": name, "file": str(Path(file).absolute())}}


def _texts(spec: Mapping[str, Any], member: str, default: list[str], code: str) -> list[str]:
    value = spec.get(member, default)
    if not isinstance(value, list) or len(value) > MAX_LISTED or not all(isinstance(item, str) for item in value):
        raise Invalid(code, field=member, path="")
    return list(dict.fromkeys(value))
