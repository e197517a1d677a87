"""A network as a country's records, so that a node's own code learns and predicts on it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from safeborders.models.domain.governance import Purpose
from safeborders.models.graph.indicators import INDICATORS
from safeborders.node.graph.records import CASE, PERSON, Records, Relation
from safeborders.node.graph.ties import Ties
from safeborders.node.learning.outcomes import LEARNING, Outcomes


def records_of(ties: Ties) -> Records:
    """Return persons with associate links and nothing else; a layer is the links' role, an actor's number its place."""
    return Records(
        ids={PERSON: tuple(f"{number:08}" for number in range(ties.count)), CASE: ()},
        relations=tuple(_relation(ties.where(ties.layers == layer), str(layer)) for layer in range(ties.kinds)),
        professional=np.zeros(ties.count, dtype=np.bool_),
        indicators=np.zeros((0, len(INDICATORS)), dtype=np.float32),
        case_type=np.zeros(0, dtype=np.int64),
    )


def _relation(ties: Ties, role: str) -> Relation:
    return Relation(
        kind="ASSOCIATE",
        source_type=PERSON,
        target_type=PERSON,
        source=ties.pairs[:, 0],
        target=ties.pairs[:, 1],
        since=ties.times,
        until=ties.times,
        role=np.full(len(ties.pairs), role),
    )


@dataclass(frozen=True)
class RecordsAlone:
    """A ``LearningStore`` of given records that keeps no outcome."""

    records: Records

    def load_records(self, purposes: Purpose = LEARNING) -> Records:
        """Return the records if learning may use them at all for ``purposes``."""
        if not purposes & LEARNING:
            raise ValueError("purposes must be for learning.")
        return self.records

    def snapshot_mark(self) -> str:
        """Return the same mark always: nothing changes."""
        return ""

    def load_source_keys(self) -> Mapping[str, str]:
        """Return each identifier as its own key."""
        return {name: name for names in self.records.ids.values() for name in names}

    def replace_outcomes(self, outcomes: Outcomes, *, run: str, model_sha256: str) -> None:
        """Keep nothing."""
