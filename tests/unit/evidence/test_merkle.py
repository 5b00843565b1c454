"""Merkle trees as RFC 9162, section 2.1, makes them; the vectors are the reference tree of RFC 6962's implementation."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.evidence import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_the_reference_tree(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == hashlib.sha256(b"").digest()


def _split_root(leaves: list[bytes]) -> bytes:
    """The definition of section 2.1.1, word for word."""
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return merkle.node_hash(_split_root(leaves[:half]), _split_root(leaves[half:]))


def _split_path(leaves: list[bytes], index: int) -> list[bytes]:
    """The definition of section 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    if index < half:
        return [*_split_path(leaves[:half], index), _split_root(leaves[half:])]
    return [*_split_path(leaves[half:], index - half), _split_root(leaves[:half])]


@given(st.integers(1, 70), st.data())
def test_every_leaf_is_proved_by_the_path_that_the_rfc_defines(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, root = merkle.path(leaves, index), merkle.root(leaves)
    assert root == _split_root(leaves)
    assert path == _split_path(leaves, index)
    assert merkle.verify(root, leaves[index], index, size, path)


@given(st.integers(1, 40), st.data())
def test_nothing_else_is_proved(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, root = merkle.path(leaves, index), merkle.root(leaves)
    assert not merkle.verify(root, b"another", index, size, path)
    assert not merkle.verify(b"\x00" * 32, leaves[index], index, size, path)
    assert not merkle.verify(root, leaves[index], index, size, [*path, b"\x00" * 32])
    assert not any(merkle.verify(root, leaves[index], other, size, path) for other in range(size) if other != index)
    if path:
        assert not merkle.verify(root, leaves[index], index, size, path[:-1])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        merkle.path(LEAVES[:3], index)
    assert not merkle.verify(merkle.root(LEAVES[:3]), LEAVES[0], index, 3, [])
