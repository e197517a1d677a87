"""A country's records as arrays: what may be learnt from, and nothing else.

The arrays hold no name and no number; identifiers are the random ones of this node. Rows that must not be used for
learning were left out when the arrays were read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

PERSON = "person"
CASE = "case"
EPISODE = "episode"


@dataclass(frozen=True)
class Relation:
    """Links of one kind from entities of one type to entities of another, in a stable order.

    Attributes:
        kind: The kind's name.
        source_type: Entity type at the source end.
        target_type: Entity type at the target end.
        source: Positions within the source type.
        target: Positions within the target type.
        since: First day on which the link is known to hold, as days since 1970; NaN when unknown.
        until: Last such day; NaN when unknown.
        role: What the source is in the target, "" when it has no role.
    """

    kind: str
    source_type: str
    target_type: str
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    since: NDArray[np.float64]
    until: NDArray[np.float64]
    role: NDArray[np.str_]

    @classmethod
    def of_links(cls, kind: str, ends: tuple[str, str], *, links: Sequence[tuple[int, int, str, float, float]]) -> Self:
        """Return links given one by one: source, target, role, first and last day."""
        source, target, role, since, until = zip(*links, strict=True) if links else ((), (), (), (), ())
        return cls(
            kind=kind,
            source_type=ends[0],
            target_type=ends[1],
            source=np.array(source, dtype=np.int64),
            target=np.array(target, dtype=np.int64),
            since=np.array(since, dtype=np.float64),
            until=np.array(until, dtype=np.float64),
            role=np.array(role, dtype=np.str_),
        )

    def __len__(self) -> int:
        return len(self.source)

    def where(self, kept: NDArray[np.bool_]) -> "Relation":
        """Return the links marked in ``kept``."""
        return Relation(
            kind=self.kind,
            source_type=self.source_type,
            target_type=self.target_type,
            source=self.source[kept],
            target=self.target[kept],
            since=self.since[kept],
            until=self.until[kept],
            role=self.role[kept],
        )


def _none() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Suspects:
    """Who is on record as a suspect or convict of which case: adults, and no victim anywhere; each pair once.

    Nobody else ever gets a role hypothesis. Who belongs here is decided where records are read (storage.case_suspects).

    Attributes:
        person: Positions of persons, in order.
        case: Positions of cases.
        role: Position in ``OFFENDING_ROLES`` of the part that a human stated, -1 where nobody did.
    """

    person: NDArray[np.int64] = field(default_factory=_none)
    case: NDArray[np.int64] = field(default_factory=_none)
    role: NDArray[np.int64] = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class Records:
    """Entities, links and case attributes of one country.

    Attributes:
        ids: Identifiers of each entity type, sorted; positions elsewhere refer to them.
        relations: Links by kind; a kind between several pairs of types has one entry per pair.
        professional: Whether each person is known in a professional role only.
        indicators: One row per case, one column per indicator: 1 yes, 0 no, NaN unknown.
        case_type: Position of the human label in ``CASE_TYPES``, -1 without one.
        stages: Position of each episode's stage in ``Stage``.
        suspects: Whom a role hypothesis may be about, and in which case.
    """

    ids: Mapping[str, tuple[str, ...]]
    relations: tuple[Relation, ...]
    professional: NDArray[np.bool_]
    indicators: NDArray[np.float32]
    case_type: NDArray[np.int64]
    stages: NDArray[np.int64] = field(default_factory=_none)
    suspects: Suspects = field(default_factory=Suspects)

    def count(self, entity_type: str) -> int:
        """Number of entities of a type."""
        return len(self.ids.get(entity_type, ()))

    def of_kind(self, *kinds: str) -> tuple[Relation, ...]:
        """Return the relations whose kind is one of ``kinds``, in their order."""
        return tuple(relation for relation in self.relations if relation.kind in kinds)
