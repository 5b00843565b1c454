"""The bundle's container: one zip with named files, written the same way every time and read within bounds.

What the files are is described in `docs/reference/bundle.md`; `contents.py` reads them, `verify.py` judges them. Sources: APPNOTE
6.3.10 (ZIP), sections 4.3 and 4.4; A.2 row 27 of the threat table.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final

from connector import canonical, loader
from connector.canonical import of_bytes
from connector.errors import BadMessage, Invalid, TooLarge
from connector.ids import NS

FORMAT: Final = NS + "bundle/1"
MANIFEST: Final = "bundle.json"
SIGNATURE: Final = "bundle.jws"
SIGNATURE_TYP: Final = "bundle+jws"
TWO_SIDED: Final = "two-sided"
ONE_SIDED: Final = "one-sided"
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of the zip, and of everything in it unpacked."""
DEPTH: Final = 80
"""Levels of nesting in our JSON files; messages have 64, and an agreement lies inside one."""
_MOST_FILES: Final = 2000
_MOST_DIRECTORY_BYTES: Final = 512 * 1024
_NAME: Final = re.compile(r"(?:[a-z]+/){0,2}[A-Za-z0-9-]{1,80}\.(?:json|jws|html)", re.ASCII)
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_END_BYTES: Final = 22
_BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    EOFError,
    OverflowError,
    struct.error,
    ValueError,
)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return files as one zip; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files, key=lambda each: (each not in (MANIFEST, SIGNATURE), each)):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the files in a zip.

    Raises:
        Invalid: `bundle_unreadable` (no zip, or one that is damaged, encrypted or odd), `bundle_too_large` (bomb or not),
            `bundle_name` (a name that no bundle has, such as one that leads out of a folder, or one that is there twice).
    """
    if len(data) > MOST_BYTES:
        raise Invalid("bundle_too_large", limit_bytes=MOST_BYTES)
    _check_end(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_names([entry.filename for entry in entries])
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise Invalid("bundle_too_large", limit_bytes=MOST_BYTES)
            return {entry.filename: _file(archive, entry) for entry in entries}
    except _BROKEN:
        raise Invalid("bundle_unreadable") from None


def manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what `bundle.json` says. Raises Invalid `bundle_format` when there is none of this format."""
    try:
        found = loader.load_object(files.get(MANIFEST, b""), limit=MOST_BYTES, depth=DEPTH)
    except (BadMessage, TooLarge):
        raise Invalid("bundle_format") from None
    if found.get("format") != FORMAT:
        raise Invalid("bundle_format")
    return found


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digest of every file that the manifest covers."""
    return {name: of_bytes(data) for name, data in sorted(files.items()) if name not in (MANIFEST, SIGNATURE)}


def signed_payload(manifest_bytes: bytes, by: str, at: str) -> bytes:
    """Return what the maker signs in `bundle.jws`: the digest of `bundle.json`, who made it, when."""
    return canonical.canonical({"type": "bundle", "bundle": of_bytes(manifest_bytes), "by": by, "at": at})


def _check_end(data: bytes) -> None:
    """Refuse what is not one plain zip from its first byte to its last, or whose list of files alone is a bomb."""
    end = data[-_END_BYTES:]
    if data[:4] != b"PK\x03\x04" or end[:4] != b"PK\x05\x06" or data[-42:-38] == b"PK\x06\x07":
        raise Invalid("bundle_unreadable")
    count, size = struct.unpack("<HL", end[10:16])
    if count > _MOST_FILES or size > _MOST_DIRECTORY_BYTES:
        raise Invalid("bundle_too_large", limit_bytes=MOST_BYTES)


def _check_names(names: list[str]) -> None:
    if len(set(names)) != len(names) or not all(map(_NAME.fullmatch, names)):
        raise Invalid("bundle_name")


def _file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return one file, no more of it than it says it has."""
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile
    return data
