"""Networks of a few dozen actors, cut out of a world's countries: authorities that join once the others have trained.

They keep all that their actors have in common, and a tenth of their recorded links is hidden. Actors are taken breadth
first from a random linked one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import breadth_first_order

from benchmarks.link_prediction.worlds import HiddenWorld
from benchmarks.poor_country import keep_links
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import PERSON, Records, Relation, Suspects
from safeborders.node.graph.ties import pair_codes
from safeborders.node.learning.hiding import Hidden, hide

LEAST_HIDDEN = 2


@dataclass(frozen=True, eq=False)
class Newcomer:
    """What the newcomer's node may learn from, and the links that were hidden from it."""

    records: Records
    hidden: Hidden


def draw_newcomers(world: HiddenWorld, *, actors: int, networks: int, seed: int) -> Iterator[Newcomer]:
    """Yield ``networks`` newcomers of ``actors`` each out of one country, fewer where it has no such network.

    A pair that belongs together without being on record anywhere counts neither as a stranger nor as a near miss.
    """
    generator = np.random.default_rng(seed)
    network, drawn = build_person_graph(world.records).ties.network, 0
    for start in generator.permutation(np.flatnonzero(network.degrees > 0)):
        if drawn == networks:
            return
        met = breadth_first_order(network.table, start, directed=False, return_predecessors=False)
        if len(met) < actors:
            continue
        chosen = np.sort(met[:actors]).astype(np.int64)
        records = among(world.records, chosen)
        hidden = hide(build_person_graph(records).ties, generator)
        if len(hidden.positives) < LEAST_HIDDEN or not len(hidden.near):
            continue
        drawn += 1
        true = pair_codes(*_renumbered(world.hidden.positives, chosen).T, count=actors)
        strangers, near = (
            part[~np.isin(pair_codes(*part.T, count=actors), true)] for part in (hidden.strangers, hidden.near)
        )
        yield Newcomer(without(records, hidden.positives), replace(hidden, strangers=strangers, near=near))


def among(records: Records, chosen: NDArray[np.int64]) -> Records:
    """Return what is on record of the chosen persons and of nobody else; nobody in it is a suspect of anything."""
    place = np.full(records.count(PERSON), -1)
    place[chosen] = np.arange(len(chosen))

    def kept(relation: Relation) -> Relation:
        source = place[relation.source] if relation.source_type == PERSON else relation.source
        target = place[relation.target] if relation.target_type == PERSON else relation.target
        here = (source >= 0) & (target >= 0)
        return replace(relation.where(here), source=source[here], target=target[here])

    return replace(
        records,
        ids={**records.ids, PERSON: tuple(records.ids[PERSON][person] for person in chosen)},
        relations=tuple(kept(relation) for relation in records.relations),
        professional=records.professional[chosen],
        suspects=Suspects(),
    )


def without(records: Records, pairs: NDArray[np.int64]) -> Records:
    """Return records in which these pairs of persons are not linked."""
    count = records.count(PERSON)
    gone = pair_codes(*np.sort(pairs, axis=1).T, count=count)

    def kept(relation: Relation) -> NDArray[np.bool_]:
        ends = np.sort([relation.source, relation.target], axis=0)
        return ~np.isin(pair_codes(*ends, count=count), gone)

    return keep_links(records, kept)


def _renumbered(pairs: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pairs among the chosen, by their places in it."""
    inside = pairs[np.isin(pairs, chosen).all(axis=1)]
    return np.searchsorted(chosen, inside)
