"""The unit of protection follows the merge: records that are one person have one place among the persons.

Everything after that (curation, attribution, the graph, deletion) counts places, so it counts the merged person once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, Table, select

from safeborders.models.domain.relations import RelationKind
from safeborders.node.graph.records import PERSON
from safeborders.node.storage.entities import EntityRow
from safeborders.node.storage.tables import LinkRow

_ENTITY = cast("Table", EntityRow.__table__)
_LINK = cast("Table", LinkRow.__table__)
_AT_ONCE = 500


@dataclass(frozen=True)
class Places:
    """Where each record stands among the entities of its type.

    Attributes:
        ids: One identifier per entity and person, by type, sorted: for a merged person the smallest one that is there.
        places: Position by identifier of every record, by type; the records of one person share a position.
        withheld_cases: Cases that name a record of a person another record of whom may not be learnt from.
    """

    ids: Mapping[str, tuple[str, ...]]
    places: Mapping[str, Mapping[str, int]]
    withheld_cases: Sequence[str]


def unite_persons(
    connection: Connection, learnable: Mapping[str, tuple[str, ...]], *, merged: Mapping[str, str]
) -> Places:
    """Give the records of each merged person one place.

    A person one record of whom may not be learnt from is not learnt from at all: restriction (LED article 16(3)),
    retention and refusal of training concern the person, not the row.

    Args:
        connection: For what records there are.
        learnable: Identifiers of the rows that may be learnt from, by type, sorted.
        merged: Person by merged record.
    """
    records = learnable.get(PERSON, ())
    free = set(records)
    there = set(_existing(connection, sorted(merged)))
    withheld = {merged[record] for record in there if record not in free}
    kept = [record for record in records if merged.get(record) not in withheld]
    named: dict[str, str] = {}
    for record in kept:  # sorted, so the first is the smallest
        named.setdefault(merged.get(record, record), record)
    ids = {**learnable, PERSON: tuple(sorted(named.values()))}
    places = {kind: {name: place for place, name in enumerate(names)} for kind, names in ids.items()}
    at = places[PERSON]
    places[PERSON] = {record: at[named[merged.get(record, record)]] for record in kept}
    dropped = sorted(record for record in free if merged.get(record) in withheld)
    return Places(ids=ids, places=places, withheld_cases=list(_cases_of(connection, dropped)))


def _existing(connection: Connection, records: Sequence[str]) -> Iterator[str]:
    for some in _parts(records):
        yield from connection.execute(select(_ENTITY.c.id).where(_ENTITY.c.id.in_(some))).scalars()


def _cases_of(connection: Connection, records: Sequence[str]) -> Iterator[str]:
    """Yield the cases that these persons are parties to or were in an episode of."""
    for some in _parts(records):
        theirs = _LINK.c.source.in_(some)
        parties = select(_LINK.c.target).where(_LINK.c.kind == RelationKind.PARTY_TO, theirs)
        yield from connection.execute(parties).scalars()
        involved = select(_LINK.c.target).where(_LINK.c.kind == RelationKind.INVOLVED_IN, theirs)
        episodes = select(_LINK.c.source).where(_LINK.c.kind == RelationKind.HAS_EPISODE, _LINK.c.target.in_(involved))
        yield from connection.execute(episodes).scalars()


def _parts(records: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(records), _AT_ONCE):
        yield records[start : start + _AT_ONCE]
