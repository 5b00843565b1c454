"""Two towns share data over https with mutual TLS, in each way of trusting a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connector.identity.trust import Trust
from tests.acceptance.secure import Secure, secure_towns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

Pair = tuple[Secure, Secure]


@pytest.fixture
async def towns(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Pair]:
    async with secure_towns(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        yield ekby, sjoby


async def _share(ekby: Secure, sjoby: Secure, folder: Path) -> None:
    (folder / "levels.csv").write_text("well,level\n1,2.5\n")
    await sjoby.town.publish("levels", f"file:{folder / 'levels.csv'}")
    contract = await ekby.town.agree(sjoby.town, "levels")
    await ekby.town.begin(contract)
    assert await ekby.town.read(contract) == b"well,level\n1,2.5\n"


async def test_two_towns_share_data_when_each_has_pinned_the_others_certificate_key(
    towns: Pair, tmp_path: Path
) -> None:
    ekby, sjoby = towns
    row = await ekby.add(sjoby)
    await sjoby.add(ekby)
    assert row.base.startswith("https://localhost:")
    await _share(ekby, sjoby, tmp_path)


async def test_two_towns_share_data_when_authorities_vouch_for_their_names(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    await ekby.add(sjoby, sjoby.by_authority())
    await sjoby.add(ekby, ekby.by_authority())
    await _share(ekby, sjoby, tmp_path)


async def test_two_towns_share_data_when_only_the_fingerprint_of_the_key_was_told(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    await ekby.add(sjoby, Trust("certificate", frozenset({sjoby.spki})))
    await sjoby.add(ekby, Trust("certificate", frozenset({ekby.spki})))
    await _share(ekby, sjoby, tmp_path)
