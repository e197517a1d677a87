"""A witness signs what continues, and nothing that forks, shrinks or is another's."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency.checkpoint import Checkpoint
from safeborders.kit.transparency.merkle import MerkleTree, leaf_hash
from safeborders.kit.transparency.witness import HistoryForked, HistoryUnknown, Seen, Witness

LOG, WITNESS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
ORIGIN = "safeborders/gr"


class MemoryInProcess:
    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}

    def find(self, origin: str) -> Seen | None:
        return self.seen.get(origin)

    def remember(self, origin: str, seen: Seen, *, before: Seen | None) -> None:
        if self.seen.get(origin) != before:
            raise HistoryForked("Something else is remembered.")
        self.seen[origin] = seen


def tree_of(*words: str) -> MerkleTree:
    return MerkleTree(leaf_hash(word.encode()) for word in words)


def checkpoint_of(tree: MerkleTree, *, key: Ed25519PrivateKey = LOG) -> Checkpoint:
    return Checkpoint.sign(ORIGIN, size=len(tree), root=tree.root(), key=key)


@pytest.fixture(name="witness")
def _witness() -> Witness:
    return Witness(WITNESS, memory=MemoryInProcess(), clock=lambda: datetime(2026, 11, 24, tzinfo=UTC))


def ask(witness: Witness, tree: MerkleTree, *, old: int | None = None) -> bool:
    old = witness.seen_of(ORIGIN) if old is None else old
    proof = tree.consistency_proof(old) if 0 < old <= len(tree) else []
    checkpoint = checkpoint_of(tree)
    given = witness.cosign(checkpoint, log_key=public_key_hex(LOG), old=old, proof=proof)
    return checkpoint.with_cosignature("w", given).is_cosigned_by("w", public_key_hex(WITNESS))


def test_a_growing_log_is_cosigned_each_time(witness: Witness) -> None:
    assert ask(witness, tree_of("a", "b"))
    assert ask(witness, tree_of("a", "b", "c", "d", "e"))
    assert ask(witness, tree_of("a", "b", "c", "d", "e"))  # unchanged is no fork


def test_a_forked_log_is_not_cosigned(witness: Witness) -> None:
    assert ask(witness, tree_of("a", "b", "c"))
    with pytest.raises(HistoryForked):
        ask(witness, tree_of("a", "x", "c", "d"))
    assert ask(witness, tree_of("a", "b", "c", "d"))  # control: the true continuation still is


def test_a_shorter_log_is_not_cosigned(witness: Witness) -> None:
    assert ask(witness, tree_of("a", "b", "c"))
    with pytest.raises(HistoryForked):
        ask(witness, tree_of("a", "b"))


def test_a_proof_from_another_size_is_asked_for_anew(witness: Witness) -> None:
    assert ask(witness, tree_of("a", "b", "c"))
    with pytest.raises(HistoryUnknown):
        ask(witness, tree_of("a", "b", "c", "d"), old=2)


def test_a_checkpoint_of_another_key_is_not_cosigned(witness: Witness) -> None:
    forged = checkpoint_of(tree_of("a"), key=WITNESS)
    with pytest.raises(HistoryForked):
        witness.cosign(forged, log_key=public_key_hex(LOG), old=0, proof=[])
