"""The tree is RFC 6962's: known vectors, the definition itself, and every proof up to 33 leaves, true and false."""

import hashlib

import pytest

from safeborders.kit.transparency.merkle import (
    EMPTY_ROOT,
    MerkleTree,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
)

# Certificate Transparency's own test vectors: eight leaves and the root over them (transparency-dev/merkle, testdata).
LEAVES = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
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
MOST = 33


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def test_the_roots_are_those_of_certificate_transparency() -> None:
    tree = MerkleTree()
    assert tree.root() == EMPTY_ROOT
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(leaf_hash(leaf))
        assert tree.root().hex() == root


def test_every_root_is_the_one_of_the_definition() -> None:
    tree = MerkleTree(hashes(MOST))
    for size in range(MOST + 1):
        assert tree.root(size) == by_definition(hashes(size))


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_inclusion_proof_holds_and_no_altered_one_does(size: int) -> None:
    leaves, tree = hashes(size), MerkleTree(hashes(size))
    root = tree.root()
    for index, leaf in enumerate(leaves):
        proof = tree.inclusion_proof(index)
        assert is_included(leaf, index=index, size=size, proof=proof, root=root)
        assert not is_included(leaf_hash(b"other"), index=index, size=size, proof=proof, root=root)
        assert not is_included(leaf, index=index, size=size, proof=[*proof, root], root=root)
        assert not is_included(leaf, index=index, size=size, proof=proof, root=leaf_hash(b"root"))
        if proof:
            assert not is_included(leaf, index=index, size=size, proof=proof[1:], root=root)
            assert not is_included(leaf, index=index ^ 1, size=size, proof=proof, root=root)
    assert not is_included(leaves[0], index=size, size=size, proof=[], root=root)


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_consistency_proof_holds_and_no_altered_one_does(size: int) -> None:
    tree = MerkleTree(hashes(size))
    root = tree.root()
    for old in range(1, size + 1):
        before, proof = tree.root(old), tree.consistency_proof(old)
        assert is_consistent(old, before, size=size, root=root, proof=proof)
        forked = MerkleTree([leaf_hash(b"forked"), *hashes(size)[1:]])
        assert not is_consistent(old, before, size=size, root=forked.root(), proof=forked.consistency_proof(old))
        assert not is_consistent(old, before, size=size, root=root, proof=[*proof, root])
        if proof:
            assert not is_consistent(old, before, size=size, root=root, proof=proof[1:])
    assert not is_consistent(0, EMPTY_ROOT, size=size, root=root, proof=[])
    assert not is_consistent(size + 1, root, size=size, root=root, proof=[])


def test_what_is_out_of_range_has_no_proof() -> None:
    tree = MerkleTree(hashes(3))
    with pytest.raises(ValueError, match="index must be in"):
        tree.inclusion_proof(3)
    with pytest.raises(ValueError, match="old must be in"):
        tree.consistency_proof(0)
    with pytest.raises(ValueError, match="size must be in"):
        tree.root(4)


def test_a_proof_of_nothing_shows_no_continuation() -> None:
    tree = MerkleTree(hashes(5))
    for old in (3, 4):  # with and without the root of the old tree standing in for the first step
        assert not is_consistent(old, tree.root(old), size=5, root=tree.root(), proof=[])
        assert is_consistent(old, tree.root(old), size=5, root=tree.root(), proof=tree.consistency_proof(old))
