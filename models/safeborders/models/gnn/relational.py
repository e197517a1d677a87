r"""The relational head: what a person's neighbours say, in one linear step that a deletion moves little.

Each curated link carries a *message* of norm at most 1: the neighbour's features, faded with the link's age, and the
link's own attributes. A root's row holds, per relation, the sum of its messages drawn back to norm at most 1. Drawing
back is non-expansive, so deleting a neighbour moves a row by at most :math:`1/\sqrt R` per shared relation
(R relations), and all rows together by at most ``touched_rows``; a gradient that is clipped would move by 2 per root
whatever the neighbour said (docs/decisions/0120).

Trained thin, on curated links, and used thick, on all links of a country's own graph (privacy.md 4).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.models.graph.csr import CuratedGraph

_SLACK = 1e-6  # rows are float32: their norm must not exceed 1 by rounding


@dataclass(frozen=True)
class MessageRule:
    """What a link of one relation carries.

    Args:
        age_column: Column of the link's attributes with its age in years, at least 0; None if links carry no time.
        half_life_years: After how long a message counts half.
        attribute_share: Share of the squared norm that the link's attributes may fill, in [0, 1).
    """

    age_column: int | None = None
    half_life_years: float = 2.0
    attribute_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no bound."""
        if not (0 <= self.attribute_share < 1 and self.half_life_years > 0):
            raise ValueError("attribute_share must be in [0, 1) and half_life_years above 0.")


def touched_rows(graph: CuratedGraph) -> int:
    """Return the bound, in row norms, on what one person's deletion moves: the own row and those of neighbours."""
    limits = sum(relation.limit for relation in graph.relations.values())
    return 1 + math.ceil(limits / math.sqrt(len(graph.relations)))


def relational_rows(
    graph: CuratedGraph,
    features: NDArray[np.floating],
    *,
    members: NDArray[np.bool_],
    rules: Mapping[str, MessageRule] | None = None,
) -> NDArray[np.float32]:
    """Return the rows of all persons over their curated links, each of norm at most 1.

    Args:
        graph: The curated graph.
        features: Public function of each person's own attributes, rows are brought to norm at most 1. Shape (N, D).
        members: Who takes part in training; nobody else says anything. Shape (N,).
        rules: What links carry, by relation; a plain message where one is missing.

    Returns:
        Shape (N, sum over relations of D + attributes), float32.
    """
    spoken = bounded_rows(features) * members[:, None]
    parts: list[NDArray[np.float64]] = []
    for name, relation in graph.relations.items():
        rule = (rules or {}).get(name, MessageRule())
        fading = faded(relation.attributes, rule)
        table = csr_array((fading, relation.targets, relation.starts), shape=(graph.count, graph.count))
        own = math.sqrt(1 - rule.attribute_share)
        sums = [own * (table @ spoken)]
        if rule.attribute_share:
            said = bounded_rows(np.nan_to_num(relation.attributes)) * (fading * members[relation.targets])[:, None]
            shape = (graph.count, len(said))
            places = csr_array((np.ones(len(said)), np.arange(len(said)), relation.starts), shape=shape)
            sums.append(math.sqrt(rule.attribute_share) * (places @ said))
        parts.append(bounded_rows(np.concatenate(sums, axis=1)))
    rows = np.concatenate(parts, axis=1) / math.sqrt(len(parts)) * (1 - _SLACK)
    return rows.astype(np.float32)


def bounded_rows(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rows drawn back to the unit ball; each depends on itself alone and no distance grows."""
    wide = rows.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.maximum(lengths, 1.0))


def faded(attributes: NDArray[np.float32], rule: MessageRule) -> NDArray[np.float64]:
    """Return each link's weight in (0, 1] by its age; a link of unknown age counts as one half-life old."""
    if rule.age_column is None:
        return np.ones(len(attributes))
    ages = attributes[:, rule.age_column].astype(np.float64)
    return np.asarray(
        0.5 ** (np.maximum(np.where(np.isnan(ages), rule.half_life_years, ages), 0) / rule.half_life_years)
    )


def public_projection(width: int, *, to: int, seed: int) -> NDArray[np.float64]:
    """Return a random matrix that keeps lengths on average; public, so that it costs no privacy. Shape (width, to)."""
    return np.random.default_rng(seed).normal(size=(width, to)) / math.sqrt(to)


def head_weights(released: NDArray[np.int64], *, classes: int) -> NDArray[np.float64]:
    """Return the head, a direction per class, from a released class sum; its length is fixed because noise sets it.

    Stage C finds the scale at home. Shape (D, classes).
    """
    table = released.reshape(classes, -1).T.astype(np.float64)
    length = float(np.linalg.norm(table))
    return table / length if length else table
