from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from connector.dataplane import secret, specs
from connector.errors import Invalid

URL = "http://127.0.0.1:9000/v1"


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("file:/srv/levels.csv", {"kind": "file", "path": "/srv/levels.csv"}),
        ("dir:/srv", {"kind": "directory", "path": "/srv"}),
        ("directory:/srv", {"kind": "directory", "path": "/srv"}),
        ("http:https://api.example/levels", {"kind": "http", "url": "https://api.example/levels"}),
        ("https://api.example/levels", {"kind": "http", "url": "https://api.example/levels"}),
        ("http://127.0.0.1:9000/x", {"kind": "http", "url": "http://127.0.0.1:9000/x"}),
        ("http:http://127.0.0.1:9000/x", {"kind": "http", "url": "http://127.0.0.1:9000/x"}),
    ],
)
def test_the_short_forms(text: str, spec: dict[str, Any]) -> None:
    assert specs.parse_source(text) == spec


def test_a_relative_path_is_made_absolute_where_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert specs.parse_source("file:a:b.csv") == {"kind": "file", "path": str(tmp_path / "a:b.csv")}


@pytest.mark.parametrize("text", ["", "levels.csv", "file:", "ftp:x", "sql:SELECT", ":x"])
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="source_form"):
        specs.parse_source(text)


def test_a_file_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "levels.csv").write_text("x")
    (tmp_path / "link.csv").symlink_to("levels.csv")
    expected = {"kind": "file", "path": str(tmp_path / "levels.csv")}
    assert specs.check_source({"kind": "file", "path": str(tmp_path / "link.csv")}, loopback=False) == expected
    spec = {"kind": "directory", "path": str(tmp_path)}
    assert specs.check_source(spec, loopback=False) == spec


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({}, "source_kind"),
        ({"kind": "sql"}, "source_kind"),
        ({"kind": ["file"]}, "source_kind"),
        ({"kind": "file"}, "source_missing"),
        ({"kind": "file", "path": "relative"}, "source_missing"),
        ({"kind": "file", "path": "/no\0such"}, "source_missing"),
        ({"kind": "file", "path": "/no/such/file"}, "source_missing"),
        ({"kind": "file", "path": 5}, "source_missing"),
        ({"kind": "file", "path": "/"}, "source_not_regular"),
        ({"kind": "file", "path": "/dev/null"}, "source_not_regular"),
        ({"kind": "directory", "path": "/dev/null"}, "source_not_directory"),
        ({"kind": "file", "path": "/etc/passwd", "mode": "rw"}, "source_member"),
        ({"kind": "http", "url": "ftp://127.0.0.1/"}, "source_url"),
        ({"kind": "http", "url": "http://user@127.0.0.1/"}, "source_url"),
        ({"kind": "http", "url": URL + "/../x"}, "source_url"),
        ({"kind": "http", "url": URL + "/a%2fb"}, "source_url"),
        ({"kind": "http", "url": URL + "#x"}, "source_url"),
        ({"kind": "http", "url": None}, "source_url"),
        ({"kind": "http"}, "source_url"),
        ({"kind": "http", "url": URL, "methods": ["POST"]}, "source_methods"),
        ({"kind": "http", "url": URL, "methods": []}, "source_methods"),
        ({"kind": "http", "url": URL, "methods": "GET"}, "source_methods"),
        ({"kind": "http", "url": URL, "paths": "/a"}, "source_path"),
        ({"kind": "http", "url": URL, "paths": ["/../admin"]}, "source_path"),
        ({"kind": "http", "url": URL, "paths": ["/a//b"]}, "source_path"),
        ({"kind": "http", "url": URL, "paths": ["/a{id}"]}, "source_path"),
        ({"kind": "http", "url": URL, "paths": ["/{}"]}, "source_path"),
        ({"kind": "http", "url": URL, "query": ["a&b"]}, "source_query"),
        ({"kind": "http", "url": URL + "?station=7", "query": ["station"]}, "source_query"),
        ({"kind": "http", "url": URL, "query": [1]}, "source_query"),
        ({"kind": "http", "url": URL, "secret_header": "x"}, "source_secret"),
        ({"kind": "http", "url": URL, "secret_header": {"name": "X-Api-Key", "file": "/no/such"}}, "source_secret"),
        ({"kind": "http", "url": URL, "secret_header": {"name": "X-Key", "file": 5}}, "source_secret"),
        ({"kind": "http", "url": URL, "secret_header": {"name": "Host", "file": "/etc/passwd"}}, "source_secret"),
        ({"kind": "http", "url": URL, "secret_header": {"name": "a b", "file": "/etc/passwd"}}, "source_secret"),
        ({"kind": "http", "url": URL, "secret_header": {"name": "a"}}, "source_secret"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_reason(spec: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        specs.check_source(spec, loopback=True)
    assert caught.value.code == code


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("x")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Invalid, match="source_unreadable"):
        specs.check_source({"kind": "file", "path": str(tmp_path / "x")}, loopback=True)


def test_http_without_loopback_is_https() -> None:
    with pytest.raises(Invalid, match="source_url"):
        specs.check_source({"kind": "http", "url": URL}, loopback=False)
    spec = specs.check_source({"kind": "http", "url": "https://api.example/v1"}, loopback=False)
    assert spec == {
        "kind": "http",
        "url": "https://api.example/v1",
        "methods": ["GET", "HEAD"],
        "paths": [],
        "query": [],
    }


def test_a_whole_http_spec(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret value\n")
    key.chmod(0o600)
    given = {
        "kind": "http",
        "url": "http://127.0.0.1:9000/?format=csv",
        "methods": ["GET"],
        "paths": ["/", "/v1/levels", "/v1/wells/{id}", "/niv%C3%A5er"],
        "query": ["from", "to", "from"],
        "secret_header": {"name": "X-Api-Key", "file": str(key)},
    }
    checked = specs.check_source(given, loopback=True)
    assert checked == given | {"query": ["from", "to"]}
    assert "secret value" not in str(checked)


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"x" * 5000, b"\xff", b" x", b"a\rb", b"a\0b"])
def test_a_file_that_holds_no_header_value_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Invalid, match="source_secret"):
        secret.read(path)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("secret")
    path.chmod(0o640)
    with pytest.raises(Invalid, match="source_secret_open"):
        secret.read(path)
    path.chmod(0o400)
    assert secret.read(path) == "secret"
