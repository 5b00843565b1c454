from __future__ import annotations

import pytest

from connector.dataplane import answers


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 10),
        ("5", 5),
        ("0", 1),
        ("999999", 3600),
        ("9" * 20, 10),
        ("-1", 10),
        ("٣", 10),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 10),
    ],
)
def test_retry_after_is_brought_into_bounds(text: str, seconds: int) -> None:
    assert answers.retry_after(text) == seconds
