"""The Merkle tree of RFC 6962 section 2.1 with the proofs and verifiers of RFC 9162 section 2.1.

A tree of n leaves has one root; an inclusion proof shows that a leaf is below it, a consistency proof that a larger
tree continues a smaller one. Both are a few dozen hashes, whatever the size of the log.
"""

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf; its prefix keeps it apart from an inner node's."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """The tree over leaf hashes in the order in which they came; it only grows.

    Args:
        leaves: Hashes of the first leaves.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]  # level k holds the roots of whole subtrees of 2**k leaves
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        level, digest = 0, leaf
        while True:
            self._levels[level].append(digest)
            whole = len(self._levels[level])
            if whole % 2:
                return
            digest = node_hash(self._levels[level][whole - 2], digest)
            level += 1
            if level == len(self._levels):
                self._levels.append([])

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the tree of the first ``size`` leaves (all of them by default)."""
        size = len(self) if size is None else size
        self._check(size)
        return self._hash_of(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, *, size: int | None = None) -> list[bytes]:
        """Return the proof that leaf ``index`` is in the tree of the first ``size`` leaves (RFC 6962, 2.1.1)."""
        size = len(self) if size is None else size
        self._check(size)
        if not 0 <= index < size:
            raise ValueError(f"index must be in [0, {size}). Got {index}.")
        return self._path(index, 0, size)

    def consistency_proof(self, old: int, *, size: int | None = None) -> list[bytes]:
        """Return the proof that the tree of ``size`` leaves continues that of ``old`` leaves (RFC 6962, 2.1.2)."""
        size = len(self) if size is None else size
        self._check(size)
        if not 0 < old <= size:
            raise ValueError(f"old must be in [1, {size}]. Got {old}.")
        return [] if old == size else self._sub_proof(old, 0, size, is_whole=True)

    def _check(self, size: int) -> None:
        if not 0 <= size <= len(self):
            raise ValueError(f"size must be in [0, {len(self)}]. Got {size}.")

    def _hash_of(self, start: int, stop: int) -> bytes:
        """Root over leaves [start, stop); ``start`` is a multiple of the power of two that holds the range."""
        count = stop - start
        level = count.bit_length() - 1
        if count == 1 << level:
            return self._levels[level][start >> level]
        middle = start + _split(count)
        return node_hash(self._hash_of(start, middle), self._hash_of(middle, stop))

    def _path(self, index: int, start: int, stop: int) -> list[bytes]:
        if stop - start == 1:
            return []
        middle = start + _split(stop - start)
        if index < middle:
            return [*self._path(index, start, middle), self._hash_of(middle, stop)]
        return [*self._path(index, middle, stop), self._hash_of(start, middle)]

    def _sub_proof(self, old: int, start: int, stop: int, *, is_whole: bool) -> list[bytes]:
        if old == stop:
            return [] if is_whole else [self._hash_of(start, stop)]
        middle = start + _split(stop - start)
        if old <= middle:
            return [*self._sub_proof(old, start, middle, is_whole=is_whole), self._hash_of(middle, stop)]
        return [*self._sub_proof(old, middle, stop, is_whole=False), self._hash_of(start, middle)]


def is_included(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether ``proof`` shows that ``leaf`` is number ``index`` (from 0) below ``root`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            digest = node_hash(sibling, digest)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and digest == root


def is_consistent(old: int, old_root: bytes, *, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether ``proof`` shows that the tree of ``size`` leaves continues that of ``old`` (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    nodes = list(proof)
    if old & (old - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        return False
    first, last = old - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    before = after = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1
