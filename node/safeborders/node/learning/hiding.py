"""Known answers for link prediction: hide some of the links that are there, draw pairs to tell them from.

A network's own recorded links teach a local scorer what the missing ones look like (Ghasemian et al., PNAS 2020).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.node.graph.ties import Ties, pair_codes
from safeborders.node.graph.topology import Network

HIDDEN_SHARE = 0.1
MOST_NEGATIVES = 5000


@dataclass(frozen=True, eq=False)
class Hidden:
    """One draw of hidden links.

    Attributes:
        observed: What is left.
        positives: Hidden pairs, :math:`(P, 2)`.
        strangers: Unlinked pairs drawn from all, :math:`(S, 2)`.
        near: Unlinked pairs with a common neighbour in what is left, :math:`(H, 2)`.
    """

    observed: Ties
    positives: NDArray[np.int64]
    strangers: NDArray[np.int64]
    near: NDArray[np.int64]


def hide(ties: Ties, generator: np.random.Generator, *, share: float = HIDDEN_SHARE) -> Hidden:
    """Hide a share of the linked pairs, in all layers at once; with fewer than two linked pairs nothing is hidden."""
    linked = np.unique(ties.codes)
    gone = generator.choice(linked, size=_number(linked, share=share), replace=False)
    observed = ties.where(~np.isin(ties.codes, gone))
    return Hidden(
        observed=observed,
        positives=pairs_of(np.sort(gone), ties.count),
        strangers=draw_strangers(linked, ties.count, generator=generator),
        near=draw_near(observed.network, linked, generator=generator),
    )


def hide_in_turn(
    ties: Ties, generator: np.random.Generator, *, share: float = HIDDEN_SHARE
) -> tuple[NDArray[np.int64], ...]:
    """Return the codes of the linked pairs in parts of ``share``, all of one size, each pair in one of them at most.

    The few that are left over are in none; with fewer than two linked pairs there is no part.
    """
    linked = np.unique(ties.codes)
    number = _number(linked, share=share)
    if not number:
        return ()
    order = generator.permutation(linked)
    return tuple(np.sort(order[start : start + number]) for start in range(0, len(order) - number + 1, number))


def _number(linked: NDArray[np.int64], *, share: float) -> int:
    return max(1, round(share * len(linked))) if len(linked) > 1 else 0


def pairs_of(codes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the pairs of codes as ``Ties.codes`` makes them, :math:`(N, 2)`."""
    return np.stack([codes // max(count, 1), codes % max(count, 1)], axis=1)


def draw_strangers(linked: NDArray[np.int64], count: int, *, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return unlinked pairs drawn from all."""
    ends = np.sort(generator.integers(0, max(count, 1), size=(4 * MOST_NEGATIVES, 2)), axis=1)
    codes = np.unique(pair_codes(*ends[ends[:, 0] != ends[:, 1]].T, count=count))
    free = codes[~np.isin(codes, linked)]
    return pairs_of(np.sort(generator.permutation(free)[:MOST_NEGATIVES]), count)


def draw_near(network: Network, linked: NDArray[np.int64], *, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return unlinked pairs with a common neighbour."""
    two = (network.table @ network.table).tocoo()
    upper = two.row < two.col
    codes = pair_codes(two.row[upper].astype(np.int64), two.col[upper], count=network.count)
    free = np.sort(codes[~np.isin(codes, linked)])
    return pairs_of(np.sort(generator.permutation(free)[:MOST_NEGATIVES]), network.count)
