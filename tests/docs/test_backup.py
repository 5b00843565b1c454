"""The how-to of backing up and restoring is done as it stands on a running installation, and gives it back whole."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.pages import ROOT, Shell
from tests.unit.cli.running import Town, found

pytestmark = pytest.mark.slow
TERMS = '{"@type": "Offer", "permission": [{"action": "use"}]}'
# A machine without a service manager and without other users: the words stand, and do what they would do there.
MACHINE = """
sudo() { if [ "$1" = -u ]; then shift 2; fi; "$@"; }
chown() { [ "$2" = connector:connector ] && command test -d "$3"; }
systemctl() {
    if [ "$1" = stop ]; then kill "$SERVED"; while kill -0 "$SERVED" 2>/dev/null; do sleep 0.05; done
    else "$PYTHON" -m connector serve --home "$HOME_OF_IT" >"$READY" 2>&1 & SERVED=$!; echo "$SERVED" >"$READY.pid"
        until grep -q http://127.0.0.1 "$READY"; do sleep 0.05; kill -0 "$SERVED"; done; fi
}
connector() { "$PYTHON" -m connector --lang en "$@"; }
"""


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = found(tmp_path / "srv" / "home", "Ekby kommun")
    (tmp_path / "terms.json").write_text(TERMS)
    (tmp_path / "levels.csv").write_text("well,level\n1,2.5\n")
    return made


@pytest.fixture
def shell(town: Town, tmp_path: Path) -> Iterator[Shell]:
    environ = {"PYTHON": sys.executable, "HOME_OF_IT": str(town.home), "READY": str(tmp_path / "ready")}
    made = Shell(ROOT, pages.clean_environ(**environ))
    try:
        made.run(MACHINE + "systemctl start connector")
        yield made
    finally:
        made.close()
        with suppress(OSError):
            os.kill(int((tmp_path / "ready.pid").read_text()), signal.SIGTERM)


def here(text: str, folder: Path) -> str:
    """Return a block with the places of this test in it."""
    text = text.replace("install -d -m 700 -o connector -g connector", "install -d -m 700")
    text = text.replace("/opt/connector/.venv/bin/python", '"$PYTHON"')
    return re.sub(r"/srv/connector(?=/)|/var/backups(?=/)", lambda place: str(folder / place[0].split("/")[1]), text)


def publish(town: Town, dataset: str, folder: Path) -> None:
    source = f"file:{folder / 'levels.csv'}"
    town.json("datasets", "add", dataset, "--title", dataset, "--source", source, "--policy", folder / "terms.json")


def published(town: Town) -> list[str]:
    return [row["id"] for row in town.json("datasets", "list")["items"]]


@pytest.mark.parametrize("language", ["sv", "en"])
def test_what_was_backed_up_is_restored_whole(town: Town, shell: Shell, tmp_path: Path, language: str) -> None:
    page = ROOT / "docs" / "how-to" / f"back-up-and-restore.{language}.md"
    running, stopped, restore, look = (
        here(block.text, tmp_path) for block in pages.blocks(page) if block.language == "sh"
    )
    publish(town, "before", tmp_path)
    keys = {path.name: path.read_bytes() for path in (town.home / "keys").rglob("*") if path.is_file()}
    shell.run(running)
    archive = next((tmp_path / "var" / "connector").glob("*.tar.gz"))
    shell.run(stopped)
    assert len(list((tmp_path / "srv").glob("home-*/connector.db"))) == 1
    publish(town, "after", tmp_path)
    assert published(town) == ["before", "after"]

    shell.run(restore)
    assert archive.exists()
    assert published(town) == ["before"]
    assert {path.name: path.read_bytes() for path in (town.home / "keys").rglob("*") if path.is_file()} == keys
    assert (town.home / "operator.token").stat().st_mode & 0o777 == 0o600
    said = shell.run(look)
    assert "The chain is whole." in said
    assert "BAD" not in said
    publish(town, "afterwards", tmp_path)


def test_the_pages_name_everything_that_a_home_holds(town: Town) -> None:
    held = {path.name for path in town.home.iterdir()} - {"connector.db-wal", "connector.db-shm"}
    for language in ("sv", "en"):
        page = (ROOT / "docs" / "how-to" / f"back-up-and-restore.{language}.md").read_text(encoding="utf-8")
        assert {name for name in held if f"`{name}`" not in page and f"`{name}/`" not in page} == set()
    shutil.rmtree(town.home)
