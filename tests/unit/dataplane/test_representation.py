from __future__ import annotations

import hashlib

from connector.dataplane.ranges import Span
from connector.dataplane.representation import Representation, plan, repr_digest

NOW = 1_800_000_000.0
DATA = b"0123456789"
WHAT = Representation(10, "text/csv", '"abc"', 1_700_000_000.0, None, hashlib.sha256(DATA).digest())
LAST_MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"


def test_the_whole_is_described_with_its_digest() -> None:
    answer = plan("GET", {}, WHAT, NOW)
    assert (answer.status, answer.span) == (200, Span(0, 10))
    assert answer.headers == {
        "ETag": '"abc"',
        "Last-Modified": LAST_MODIFIED,
        "Content-Type": "text/csv",
        "Accept-Ranges": "bytes",
        "Repr-Digest": "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:",
    }


def test_a_piece_carries_the_digest_of_the_whole() -> None:
    answer = plan("GET", {"range": "bytes=2-4"}, WHAT, NOW)
    assert (answer.status, answer.span) == (206, Span(2, 3))
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert answer.headers["Repr-Digest"] == repr_digest(hashlib.sha256(DATA).digest())


def test_head_is_answered_like_get_without_its_range() -> None:
    assert plan("HEAD", {"range": "bytes=2-4"}, WHAT, NOW) == plan("GET", {}, WHAT, NOW)


def test_a_condition_comes_before_the_range() -> None:
    answer = plan("GET", {"range": "bytes=99-", "if-none-match": '"abc"'}, WHAT, NOW)
    assert (answer.status, answer.span) == (304, None)
    assert answer.headers == {"ETag": '"abc"', "Last-Modified": LAST_MODIFIED}
    assert plan("GET", {"range": "bytes=2-4", "if-match": '"other"'}, WHAT, NOW).status == 412


def test_an_old_if_range_gives_the_whole() -> None:
    assert plan("GET", {"range": "bytes=2-4", "if-range": '"old"'}, WHAT, NOW).status == 200
    assert plan("GET", {"range": "bytes=99-", "if-range": '"old"'}, WHAT, NOW).status == 200
    assert plan("GET", {"range": "bytes=2-4", "if-range": '"abc"'}, WHAT, NOW).status == 206


def test_beyond_the_end_the_length_is_told() -> None:
    answer = plan("GET", {"range": "bytes=10-"}, WHAT, NOW)
    assert (answer.status, answer.span, answer.headers["Content-Range"]) == (416, None, "bytes */10")


def test_a_coded_representation_says_so_and_varies() -> None:
    coded = Representation(10, "text/csv", '"abc"', None, "gzip", None, varies=True)
    assert plan("GET", {}, coded, NOW).headers == {
        "ETag": '"abc"',
        "Content-Type": "text/csv",
        "Content-Encoding": "gzip",
        "Accept-Ranges": "bytes",
        "Vary": "Accept-Encoding",
    }
    assert plan("GET", {"if-none-match": "*"}, coded, NOW).headers["Vary"] == "Accept-Encoding"


def test_last_modified_is_never_in_the_future() -> None:
    ahead = Representation(10, "text/csv", '"abc"', NOW + 1000)
    assert plan("GET", {}, ahead, 1_700_000_000.0).headers["Last-Modified"] == LAST_MODIFIED
