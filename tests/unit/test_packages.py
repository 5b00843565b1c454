"""The lock files hold everything that is installed, with hashes, and name no place to fetch it from."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests import sources

FILES = ("build", "dev", "run")


def _locked(name: str) -> dict[str, str]:
    text = (sources.ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*])?==(\S+)", text, re.MULTILINE | re.IGNORECASE))


def _asked() -> dict[str, list[str]]:
    project = tomllib.loads((sources.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.mark.parametrize("name", FILES)
def test_every_package_has_hashes(name: str) -> None:
    text = (sources.ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    assert [line for line in lines if "--hash=sha256:" not in line or "==" not in line] == []


@pytest.mark.parametrize("name", FILES)
def test_no_lock_names_a_place_to_fetch_from(name: str) -> None:
    text = (sources.ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"index-url|find-links|trusted-host|://", text)


def test_what_the_project_asks_for_is_locked() -> None:
    asked = _asked()
    everything = {_name(requirement) for group in asked.values() for requirement in group}
    assert everything - {_name(name) for name in _locked("dev")} == set()
    assert {_name(requirement) for requirement in asked[""]} - {_name(name) for name in _locked("run")} == set()


def test_what_runs_in_the_image_is_what_was_tested() -> None:
    tested = _locked("dev")
    assert {name: version for name, version in _locked("run").items() if tested.get(name) != version} == {}
    assert {name: version for name, version in _locked("build").items() if tested.get(name) != version} == {}
