"""Who an example is about, and how many examples may be about one person.

Every training example carries the persons that it is attributed to: all whose records could change it. Curation keeps
examples so that each person has at most ``limit``; deleting a person then deletes at most ``limit`` examples *of the
curated set*. That is the boundary of the privacy claim (fixed-graph differential privacy, Ganesh et al. 2025): choosing
the set is data minimisation before it, and how far the choice itself moves when a person is deleted is measured by
``count_moved_examples``, not hidden.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Attributions:
    """The persons of each example, as rows of a ragged table.

    Attributes:
        starts: Where each example's persons start in ``persons``; one entry more than there are examples.
        persons: Positions of persons, without repetition within an example.
    """

    starts: NDArray[np.int64]
    persons: NDArray[np.int64]

    @classmethod
    def of_pairs(cls, examples: NDArray[np.int64], persons: NDArray[np.int64], *, count: int) -> "Attributions":
        """Build the table of ``count`` examples from (example, person) pairs in any order, repeated or not."""
        pairs = np.unique(np.stack([examples, persons]), axis=1) if len(examples) else np.zeros((2, 0), dtype=np.int64)
        starts = np.searchsorted(pairs[0], np.arange(count + 1)).astype(np.int64)
        return cls(starts=starts, persons=pairs[1].astype(np.int64))

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(self.starts) - 1

    def of(self, example: int) -> NDArray[np.int64]:
        """Return the persons of one example."""
        return self.persons[self.starts[example] : self.starts[example + 1]]

    def only(self, kept: NDArray[np.bool_]) -> "Attributions":
        """Return the table of the kept examples alone."""
        lengths = np.diff(self.starts)
        return Attributions(
            starts=np.r_[0, np.cumsum(lengths[kept])].astype(np.int64),
            persons=self.persons[np.repeat(kept, lengths)],
        )

    def examples_per_person(self, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many kept examples each person has, by position."""
        of_kept = np.repeat(kept, np.diff(self.starts))
        return np.bincount(self.persons[of_kept], minlength=int(self.persons.max(initial=-1)) + 1).astype(np.int64)


def bound_contributions(attributions: Attributions, *, limit: int, ranks: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which examples stay so that no person has more than ``limit``.

    Examples are taken in the order of ``ranks`` (a public keyed hash of their identifiers), each unless one of its
    persons already has ``limit``. An example without any person cannot be bounded and never stays.

    Raises:
        ValueError: If ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1. Got {limit}.")
    starts, persons = attributions.starts.tolist(), attributions.persons.tolist()
    left = [limit] * (max(persons, default=-1) + 1)
    kept = np.zeros(attributions.count, dtype=np.bool_)
    for example in np.argsort(ranks, kind="stable").tolist():
        members = persons[starts[example] : starts[example + 1]]
        if members and all(left[person] for person in members):
            kept[example] = True
            for person in members:
                left[person] -= 1
    return kept


def count_moved_examples(attributions: Attributions, *, limit: int, ranks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return, for each person, how many *other* examples enter or leave the curated set when the person is deleted.

    This is the instability of curation (privacy.md 5.1): zero everywhere would make the claim hold for the raw graph.
    It deletes every person in turn, so it is for audits, not for daily work.
    """
    before = bound_contributions(attributions, limit=limit, ranks=ranks)
    owners = np.repeat(np.arange(attributions.count), np.diff(attributions.starts))
    moved = np.zeros(int(attributions.persons.max(initial=-1)) + 1, dtype=np.int64)
    for person in np.unique(attributions.persons):
        others = np.ones(attributions.count, dtype=np.bool_)
        others[owners[attributions.persons == person]] = False
        if before[~others].any():
            after = bound_contributions(attributions.only(others), limit=limit, ranks=ranks[others])
            moved[person] = int((after != before[others]).sum())
    return moved
