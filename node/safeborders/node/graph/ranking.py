"""A public order that nobody can choose: rank by a keyed hash of an identifier.

Where a person has more links or examples than may be used, the ones with the smallest hash stay. The key is public;
what matters is that the order depends on nothing in the records but the random identifiers.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

CURATION_KEY = b"safeborders curation 1"
_FOLD_KEY = b"safeborders folds 1"


def keyed_ranks(identifiers: Iterable[str], *, key: bytes) -> NDArray[np.uint64]:
    """Return a 64-bit keyed hash (BLAKE2b) of each identifier."""
    keyed = hashlib.blake2b(key=key, digest_size=8)

    def digest(identifier: str) -> bytes:
        state = keyed.copy()
        state.update(identifier.encode())
        return state.digest()

    return np.frombuffer(b"".join(map(digest, identifiers)), dtype="<u8").astype(np.uint64)


def keyed_folds(identifiers: Iterable[str], *, count: int) -> NDArray[np.int64]:
    """Return in which of ``count`` parts each identifier is, for judging out of fold; the same every time."""
    return (keyed_ranks(identifiers, key=_FOLD_KEY) % np.uint64(count)).astype(np.int64)


def pair_identifiers(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Return one identifier per pair, the same in both orders."""
    return [f"{a}|{b}" if a < b else f"{b}|{a}" for a, b in zip(first, second, strict=True)]


def positions_within(groups: NDArray[np.int64], ranks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return each entry's place (0 is the smallest rank) among the entries of its group.

    Shape:
        - ``groups``, ``ranks``, output: :math:`(N,)`.
    """
    order = np.lexsort((ranks, groups))
    sorted_groups = groups[order]
    starts = np.r_[0, np.flatnonzero(np.diff(sorted_groups)) + 1] if len(groups) else np.zeros(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(groups)])
    positions = np.empty(len(groups), dtype=np.int64)
    positions[order] = np.arange(len(groups)) - np.repeat(starts, lengths)
    return positions


def mutual_top(
    first: NDArray[np.int64], second: NDArray[np.int64], *, ranks: NDArray[np.uint64], limit: int
) -> NDArray[np.bool_]:
    """Return which links stay when each end keeps its ``limit`` smallest and a link needs both ends.

    Afterwards no end has more than ``limit`` links, and which of them stay does not depend on their order.

    Shape:
        - ``first``, ``second``, ``ranks``, output: :math:`(E,)`.
    """
    ends = np.concatenate([first, second])
    kept = positions_within(ends, np.concatenate([ranks, ranks])) < limit
    both: NDArray[np.bool_] = kept[: len(first)] & kept[len(first) :]
    return both
