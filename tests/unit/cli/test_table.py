from hypothesis import given
from hypothesis import strategies as st

from connector.cli import table


def test_columns_are_as_wide_as_what_they_hold() -> None:
    lines = table.table(["Id", "Namn"], [["a", "Strängnäs"], ["längre", None]])
    assert lines == ["Id      Namn", "a       Strängnäs", "längre  -"]


def test_details_show_rows_lists_and_documents() -> None:
    lines = table.details(
        {"id": "x", "keys": [{"purpose": "seal", "print": "abc"}], "why": ["a", "b"], "doc": {"a": []}}
    )
    assert lines == ["id    x", "keys", "  seal  abc", "why   a, b", "doc", "  {", '    "a": []', "  }"]


def test_brief_leaves_out_what_is_nested() -> None:
    record = {"id": "x", "keys": [{"purpose": "seal"}], "doc": {"a": 1}, "offers": [{"a": {}}], "none": [], "n": 1}
    assert list(table.brief(record)) == ["id", "keys", "none", "n"]


def test_sizes_are_written_as_people_write_them() -> None:
    assert [table.size(count) for count in (0, 999, 1500, 2_100_000_000, 10**16)] == [
        "0 B", "999 B", "1.5 kB", "2.1 GB", "10000.0 TB"
    ]  # fmt: skip


@given(st.text())
def test_no_text_of_a_peer_commands_the_terminal(text: str) -> None:
    assert table.plain(text).isprintable()
    assert all(
        character.isprintable() or character == "\n" for character in table.written({"x": [text]}) if character < "\xa0"
    )


def test_escape_sequences_are_shown_not_obeyed() -> None:
    assert table.plain("a\x1b[2Jb\u202ec") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c"
    assert table.written("\x1b\x9b\u202e") == '"\\u001b\\u009b\\u202e"'
