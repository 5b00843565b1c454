"""Running towns with quickly made databases, for the tests of this room and of the management API."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.acceptance.towns import Town, found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def running(folder: Path, template: Path, *names: str, **options: Any) -> AsyncIterator[list[Town]]:
    """Give running towns of these names; `template` is a database with our tables and no rows."""
    async with AsyncExitStack() as stack:
        towns = []
        for name in names:
            database = folder / f"{name}.db"
            shutil.copyfile(template, database)
            town = await found(folder / name, f"sqlite:///{database}", name=name)
            towns.append(await stack.enter_async_context(town.running(**options)))
        yield towns
