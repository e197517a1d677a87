"""A country that starts: only some of its labels and of its recorded links between persons, as a store of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from safeborders.models.domain.governance import Purpose
from safeborders.node.graph.persons import ASSOCIATION
from safeborders.node.graph.ranking import keyed_ranks
from safeborders.node.graph.records import CASE, PERSON, Records, Relation
from safeborders.node.learning.outcomes import LEARNING, LearningStore, Outcomes

_KEY = b"safeborders poor country 1"


@dataclass(frozen=True)
class PoorCountry:
    """A ``LearningStore`` that shows ``few`` labelled cases and ``few`` links between persons of another.

    Which ones is decided by a keyed hash of their identifiers, so that a country is poor in the same way every time.
    """

    store: LearningStore
    few: int

    def load_records(self, purposes: Purpose = LEARNING) -> Records:
        """Return the records without most labels and links."""
        return made_poor(self.store.load_records(purposes), few=self.few)

    def snapshot_mark(self) -> str:
        """Return the other store's mark."""
        return self.store.snapshot_mark()

    def load_source_keys(self) -> Mapping[str, str]:
        """Return the other store's keys."""
        return self.store.load_source_keys()

    def replace_outcomes(self, outcomes: Outcomes, *, run: str, model_sha256: str) -> None:
        """Put the outcomes into the other store."""
        self.store.replace_outcomes(outcomes, run=run, model_sha256=model_sha256)


def made_poor(records: Records, *, few: int) -> Records:
    """Return ``records`` with ``few`` labelled cases, ``few`` pairs of linked persons and ``few`` stated roles."""
    ranks = keyed_ranks(records.ids.get(CASE, ()), key=_KEY)
    labelled = np.flatnonzero(records.case_type >= 0)
    kept = labelled[np.argsort(ranks[labelled], kind="stable")[:few]]
    types = np.full_like(records.case_type, -1)
    types[kept] = records.case_type[kept]
    between = [relation for relation in records.relations if _is_between_persons(relation)]
    pairs = sorted({pair for relation in between for pair in _pairs(records, relation)})
    chosen = {pairs[place] for place in np.argsort(keyed_ranks(pairs, key=_KEY), kind="stable")[:few]}
    suspects = records.suspects
    stated = np.flatnonzero(suspects.role >= 0)
    names = [f"{records.ids[PERSON][suspects.person[row]]} {records.ids[CASE][suspects.case[row]]}" for row in stated]
    roles = np.full_like(suspects.role, -1)
    told = stated[np.argsort(keyed_ranks(names, key=_KEY), kind="stable")[:few]]
    roles[told] = suspects.role[told]
    linked = keep_links(
        records, lambda one: np.array([pair in chosen for pair in _pairs(records, one)], dtype=np.bool_)
    )
    return replace(
        linked,
        case_type=types,
        suspects=replace(suspects, role=roles),
    )


def keep_links(records: Records, kept: Callable[[Relation], NDArray[np.bool_]]) -> Records:
    """Return the records with those links of kin and associates alone that ``kept`` marks, and all other relations."""
    return replace(
        records,
        relations=tuple(one.where(kept(one)) if _is_between_persons(one) else one for one in records.relations),
    )


def _is_between_persons(relation: Relation) -> bool:
    return relation.kind in ASSOCIATION and relation.source_type == relation.target_type == PERSON


def _pairs(records: Records, relation: Relation) -> list[str]:
    names = records.ids[PERSON]
    ends = zip(relation.source.tolist(), relation.target.tolist(), strict=True)
    return ["|".join(sorted((names[source], names[target]))) for source, target in ends]
