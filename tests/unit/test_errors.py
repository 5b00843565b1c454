from __future__ import annotations

import re

import pytest

from connector import errors
from connector.errors import ConnectorError


def _tree(kind: type[ConnectorError]) -> dict[str, int]:
    found = {kind.__name__: kind.status}
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            found |= _tree(child)
    return found


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    lines = re.findall(r"^ *([A-Z]\w+)(?: {2,}(\d{3})?|$)", errors.__doc__ or "", re.MULTILINE)
    written = dict(lines)
    tree = _tree(ConnectorError)
    assert set(written) == set(tree)
    assert {name: int(status) for name, status in written.items() if status} == {
        name: tree[name] for name, status in written.items() if status
    }


def test_the_fault_of_others_is_never_a_server_error() -> None:
    assert all(status < 500 for status in _tree(errors.PeerError).values())


def test_an_error_shows_its_code_its_place_and_its_values() -> None:
    error = errors.BadMessage("member_missing", field="/providerPid", limit=3, unit="items")
    assert str(error) == "member_missing at /providerPid (limit=3, unit=items)"
    assert str(errors.Missing("contract_missing")) == "contract_missing"
    assert error.values == {"limit": 3, "unit": "items"}


def test_a_state_that_does_not_allow_a_request_is_a_conflict() -> None:
    with pytest.raises(errors.Invalid) as caught:
        raise errors.WrongState("not_now")
    assert caught.value.status == 409
