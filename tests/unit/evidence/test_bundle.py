"""The container: written the same way every time, and read within bounds whatever the file is."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile

import pytest

from connector.errors import Invalid
from connector.evidence import bundle

FILES = {"bundle.json": b"{}", "a.json": b"[]" * 100, "messages/001-X.json": b"1", "parties/provider/did.json": b"2"}


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        bundle.unpack(data)
    return caught.value.code


def test_what_is_packed_is_unpacked() -> None:
    assert bundle.unpack(bundle.pack(FILES)) == FILES


def test_the_same_files_give_the_same_bytes() -> None:
    assert bundle.pack(FILES) == bundle.pack(dict(reversed(FILES.items())))
    assert next(iter(bundle.unpack(bundle.pack(FILES)))) == bundle.MANIFEST


def test_a_bundle_that_somebody_zipped_again_is_read() -> None:
    assert bundle.unpack(zipped(*FILES.items(), method=zipfile.ZIP_STORED)) == FILES


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"PK\x03\x04", b"%PDF-1.7 no zip", bundle.pack(FILES)[:-1], b"x" + bundle.pack(FILES), bundle.pack({})],
)
def test_what_is_no_zip_from_end_to_end_is_no_bundle(data: bytes) -> None:
    assert refused(data) == "bundle_unreadable"


@pytest.mark.parametrize(
    "name",
    [
        "../a.json", "/etc/a.json", "a/../b.json", "C:\\a.json", "a\\b.json", "a/b/c/d.json", "a.exe", "a", "å.json",
        "messages/", ".json", "a/./b.json", "a.json\n",
    ],
)  # fmt: skip
def test_a2_27_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    assert refused(zipped(("bundle.json", b"{}"), (name, b"x"))) in ("bundle_name", "bundle_unreadable")


def test_a2_27_a_name_that_is_there_twice_is_refused() -> None:
    assert refused(zipped(("bundle.json", b"{}"), ("bundle.json", b"[]"))) == "bundle_name"


def test_a2_27_a_bomb_is_refused_unpacked() -> None:
    bomb = zipped(*((f"a{number}.json", bytes(8 * 1024 * 1024)) for number in range(9)))
    assert len(bomb) < 200_000
    assert refused(bomb) == "bundle_too_large"


def test_a2_27_a_bomb_that_understates_its_size_is_refused() -> None:
    whole = zipped(("a.json", bytes(100_000)))
    for place in (whole.index(b"PK\x03\x04") + 22, whole.index(b"PK\x01\x02") + 24):
        whole = whole[:place] + struct.pack("<L", 10) + whole[place + 4 :]
    assert refused(whole) == "bundle_unreadable"


def test_a_file_that_is_shorter_than_it_says_is_refused() -> None:
    whole = zipped(("a.json", b"abc"))
    for place in (whole.index(b"PK\x03\x04") + 22, whole.index(b"PK\x01\x02") + 24):
        whole = whole[:place] + struct.pack("<L", 9) + whole[place + 4 :]
    assert refused(whole) == "bundle_unreadable"


def test_a2_27_a_list_of_files_that_is_a_bomb_is_refused_unread() -> None:
    assert refused(zipped(*((f"a{number}.json", b"") for number in range(2001)))) == "bundle_too_large"
    assert refused(b"PK\x03\x04" + bytes(40) + b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, 2**31, 0, 0)) == (
        "bundle_too_large"
    )


def test_a2_27_a_list_of_files_that_lies_elsewhere_is_refused() -> None:
    whole = bundle.pack(FILES)
    locator = b"PK\x06\x07" + bytes(16)
    assert refused(whole[:-22] + locator + whole[-22:]) == "bundle_unreadable"


def test_a_file_that_is_too_long_is_refused_unread() -> None:
    assert refused(bytes(bundle.MOST_BYTES + 1)) == "bundle_too_large"


def test_an_encrypted_file_is_refused() -> None:
    whole = bytearray(zipped(("a.json", b"abc")))
    whole[whole.index(b"PK\x03\x04") + 6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(whole)) == "bundle_unreadable"


def test_whatever_is_flipped_nothing_but_a_refusal_or_a_file_comes_out() -> None:
    whole, draw = bundle.pack(FILES), random.Random(27)  # noqa: S311 - the same damage every time
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            found = bundle.unpack(bytes(damaged))
        except Invalid:
            continue
        assert all(FILES.get(name, data) == data for name, data in found.items())


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"{}", b'{"format":"x"}', b'{"format":1}', b'{"a":1,"a":1}'])
def test_a_zip_without_our_list_of_contents_is_no_bundle(data: bytes) -> None:
    with pytest.raises(Invalid, match="bundle_format"):
        bundle.manifest({"bundle.json": data})
