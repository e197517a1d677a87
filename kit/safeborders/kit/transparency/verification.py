"""Is the log the one that was written? The first row that is not is named."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from safeborders.kit.transparency.checkpoint import Checkpoint
from safeborders.kit.transparency.merkle import MerkleTree, leaf_hash
from safeborders.kit.transparency.sql_log import GENESIS, Entry, is_continued_by, next_chain, record_of

ERASED_FIRST, ERASED_LAST = "erased_first", "erased_last"
"""Numbers in a record that tells that older records were erased because their time was over."""


@dataclass(frozen=True)
class Verdict:
    """What a verification found.

    Attributes:
        size: Rows that were read.
        root: Root over their leaves, hexadecimal.
        first_bad: Number of the first row that is not as it was written; None when all are. Where only a checkpoint
            shows the change, it is the first row after the last checkpoint that holds.
        last_bad: Last row that may be the changed one; equal to ``first_bad`` when the row itself shows it.
        reason: What is wrong, in one sentence; "" when nothing is.
    """

    size: int
    root: str
    first_bad: int | None = None
    last_bad: int | None = None
    reason: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return self.first_bad is None


def verify_log(entries: Iterable[Entry], *, checkpoints: Iterable[Checkpoint]) -> Verdict:
    """Check every row against its hash, the chain and the signed checkpoints.

    Args:
        entries: All rows in order.
        checkpoints: Own ones and those that others kept, their signatures checked already. Without one from another
            place nobody can see that rows were cut off at the end.
    """
    tree = MerkleTree()
    fault = _first_fault(entries, tree)
    number, reason = fault if fault else (None, "")
    last = number
    if number is None:
        number, last, reason = _check_history(tree, sorted(checkpoints, key=lambda one: one.size))
    return Verdict(size=len(tree), root=tree.root().hex(), first_bad=number, last_bad=last, reason=reason)


def _first_fault(entries: Iterable[Entry], tree: MerkleTree) -> tuple[int, str] | None:
    missing: list[int] = []
    erased: list[tuple[int, int]] = []
    found = None
    for number, fault in _read(entries, tree, missing=missing, erased=erased):
        found = found or (number, fault)
    gone = next((n for n in missing if not any(first <= n <= last for first, last in erased)), None)
    if gone is not None and (found is None or gone < found[0]):
        return gone, f"The record of row {gone} is gone, and no later row tells that it was erased."
    return found


def _read(
    entries: Iterable[Entry], tree: MerkleTree, *, missing: list[int], erased: list[tuple[int, int]]
) -> Iterator[tuple[int, str]]:
    chain = GENESIS
    for expected, entry in enumerate(entries, start=1):
        if entry.number != expected:
            yield expected, f"Row {expected} is missing."
            return
        tree.append(bytes.fromhex(entry.leaf))
        chain = next_chain(chain, leaf=entry.leaf)
        if entry.content is None:
            missing.append(expected)
        elif leaf_hash(entry.content.encode()).hex() != entry.leaf:
            yield expected, f"The record of row {expected} is not the one that was written."
        else:
            erased += _erasure(entry, before=expected)
        if entry.chain != chain:
            yield expected, f"Row {expected} does not continue the rows before it."
            return


def _erasure(entry: Entry, *, before: int) -> list[tuple[int, int]]:
    record = record_of(entry)
    first, last = record.get(ERASED_FIRST), record.get(ERASED_LAST)
    is_told = isinstance(first, int) and isinstance(last, int) and last < before
    return [(first, last)] if is_told and isinstance(first, int) and isinstance(last, int) else []


def _check_history(tree: MerkleTree, checkpoints: list[Checkpoint]) -> tuple[int | None, int | None, str]:
    good = 0
    for checkpoint in checkpoints:
        if checkpoint.size > len(tree):
            first = len(tree) + 1
            return first, checkpoint.size, f"Rows {first} to {checkpoint.size} were cut off at the end."
        if not is_continued_by(tree, checkpoint):
            first, last = good + 1, checkpoint.size
            return first, last, f"A row from {first} to {last} was changed after its checkpoint was signed."
        good = checkpoint.size
    return None, None, ""
