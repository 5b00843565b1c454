from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataplane import paths
from connector.errors import BadMessage

TRAVERSALS = [
    "..", "/..", "/../etc/passwd", "/a/../b", "/a/..", ".", "/./a", "/a/.", "/.../a", "/.hidden", "/a/.git/config",
    "//", "//evil", "/a//b", "/a//", "///",
    "/%2e%2e/etc/passwd", "/%2E%2E/a", "/.%2e/a", "/%2e", "/a/%2e./b",
    "/..%2fetc", "/%2fetc", "/a%2Fb", "/a%5cb", "/..%5c..%5cetc", "/a\\b", "\\a",
    "/%252e%252e/etc", "/%252fetc", "/a%255cb", "/%25252e%25252e", "/%%32%65", "/%2%65",
    "/%00", "/a%00.csv", "/a\x00", "/a%0d%0aSet-Cookie:%20x", "/a\r\nb", "/a%7f", "/a%0a",
    "/%c0%ae%c0%ae/etc", "/%e0%80%ae", "/%ff", "/%ed%a0%80",
    "/%ef%bc%8e%ef%bc%8e/etc", "/a%ef%bc%8fb", "/a%ef%bc%bcb", "/%e2%80%a5",
    "/..;/admin", "/..;x=1/admin", "/a b", "/å", "/a?b", "/a#b", "/%", "/%g1", '/"', "/<a>", "/a|b", "/{id}",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
def test_a2_30_a2_32_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(BadMessage, match="data_path"):
        paths.segments(path)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("", ()),
        ("/", ()),
        ("/a", ("a",)),
        ("a/b", ("a", "b")),
        ("/a/b/", ("a", "b")),
        ("/niv%C3%A5er/m%C3%A4tning%201.csv", ("nivåer", "mätning 1.csv")),
        ("/sensor:1@x", ("sensor:1@x",)),
        ("/100%25.csv", ("100%.csv",)),
        ("/a..b", ("a..b",)),
        ("/a;v=1", ("a;v=1",)),
        ("/%7Bid%7D", ("{id}",)),
    ],
)
def test_a_plain_path_is_decoded_once(path: str, parts: tuple[str, ...]) -> None:
    assert paths.segments(path) == parts


def test_a_path_has_limits() -> None:
    assert len(paths.segments("/a" * 32)) == 32
    for path in ("/a" * 33, "/" + "a" * 256, "/" + "%C3%A5" * 128, "/" + "a" * 5000):
        with pytest.raises(BadMessage):
            paths.segments(path)


@given(st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_what_is_encoded_is_decoded_to_the_same_or_refused(parts: list[str]) -> None:
    if all(map(paths.plain_name, parts)):
        assert paths.segments(paths.encoded(tuple(parts))) == tuple(parts)


@given(st.text(max_size=40))
def test_no_text_gets_past_as_a_way_out(path: str) -> None:
    try:
        parts = paths.segments(path)
    except BadMessage:
        return
    assert not any(part.startswith(".") or "/" in part or "\\" in part or "\0" in part for part in parts)
    assert "//" not in paths.encoded(parts)
