"""An address that cannot be had: the connector says which, and leaves nothing open behind it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from connector.errors import ConfigError

if TYPE_CHECKING:
    from tests.acceptance.conftest import Founding


async def test_a_start_without_its_private_address_opens_nothing(found_on_sqlite: Founding) -> None:
    town = await found_on_sqlite("strangnas")
    with socket.socket() as other:
        other.bind(("127.0.0.1", town.admin))
        other.listen()
        with pytest.raises(ConfigError) as caught:
            await town.start()
        assert caught.value.code == "listener_refused"
        assert (caught.value.field, caught.value.values["port"]) == ("admin_port", town.admin)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", town.listen), timeout=2).close()
    town.application = None
    async with town.running():
        assert town.house.members
