from __future__ import annotations

import re

import pytest

from connector import ids


def test_an_identifier_is_new_every_time_and_safe_in_a_path() -> None:
    made = {ids.new() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", item) for item in made)
    assert all(map(ids.acceptable, made))


def test_a_secret_has_256_bits_and_is_safe_in_a_header() -> None:
    made = {ids.secret() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", item) for item in made)


@pytest.mark.parametrize("text", ["a", "urn:uuid:1", "x" * 256, "Strängnäs kommun"])
def test_an_identifier_that_can_be_stored_and_shown_is_accepted(text: str) -> None:
    assert ids.acceptable(text)


@pytest.mark.parametrize("text", ["", "x" * 257, "a\nb", "a\x00", "\u202etxt", "\ud800", None, 1, ["a"]])
def test_any_other_identifier_is_not(text: object) -> None:
    assert not ids.acceptable(text)
