"""Which cases hang together and how, by relation: the typed links of rooted training and of its inference at home.

``people``: parties of both are kin or associates (at home also: a person is in both). ``things``: parties of both used
the same selector or were in contact, or an episode of both was at one place or in one vehicle. A link exists because of
persons whom its two cases are about, and of nobody else, so that it goes with them (docs/decisions/0160).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, triu

from safeborders.models.graph.csr import CuratedGraph, build_relation
from safeborders.models.graph.features import SPECIFICATION
from safeborders.node.graph.cases import cases_that_share, none_between, scenes_of
from safeborders.node.graph.persons import PersonGraph
from safeborders.node.graph.ranking import CURATION_KEY, keyed_ranks, pair_identifiers
from safeborders.node.graph.records import CASE, Records

DAYS_A_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class CaseLinks:
    """Links of one relation between all cases of a country, each once.

    Attributes:
        pairs: Positions of the two cases. Shape (P, 2), int64.
        attributes: Years apart (NaN unknown) and the capped share of ways. Shape (P, 2), float32.
    """

    pairs: NDArray[np.int64]
    attributes: NDArray[np.float32]


def case_relations(records: Records, persons: PersonGraph, *, same_person: bool) -> Mapping[str, CaseLinks]:
    """Return the links between all cases by relation.

    Args:
        records: The country's records.
        persons: Their projection.
        same_person: Whether a person who is in both cases links them: at home only, for no curated person is in two.
    """
    parties = persons.cases
    people = parties.T @ persons.associates @ parties
    if same_person:
        people = people + parties.T @ parties
    shared = (cases_that_share(parties, users) for users in persons.bridges.values())
    contacts = (parties.T @ table @ parties for table in persons.contacts.values())
    scenes = (seen @ seen.T for seen in scenes_of(records))
    things = sum((*shared, *contacts, *scenes), start=none_between(parties))
    days = _days_of_cases(records)
    return {
        relation.name: _links(csr_array(table), days=days, cap=relation.cap)
        for relation, table in zip(SPECIFICATION.case_relations, (people, things), strict=True)
    }


def curate_case_graph(
    records: Records, links: Mapping[str, CaseLinks], *, nodes: NDArray[np.int64], limits: Mapping[str, int]
) -> CuratedGraph:
    """Return the graph over the chosen cases: of each relation at most its limit of links of a case (mutual top-K).

    Args:
        records: The country's records.
        links: Of ``case_relations``.
        nodes: Positions of the cases that take part, in increasing order; node i of the graph is the i-th of them.
        limits: K_r by the names of the relations that take part, in the order of the graph.
    """
    place = np.full(records.count(CASE), -1, dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    names = records.ids.get(CASE, ())
    relations = {}
    for name, limit in limits.items():
        inside = (place[links[name].pairs] >= 0).all(axis=1)
        pairs = links[name].pairs[inside]
        identifiers = pair_identifiers([names[one] for one in pairs[:, 0]], [names[one] for one in pairs[:, 1]])
        relations[name] = build_relation(
            place[pairs],
            links[name].attributes[inside],
            count=len(nodes),
            limit=limit,
            ranks=keyed_ranks(identifiers, key=CURATION_KEY),
        )
    return CuratedGraph(relations)


def whole_case_graph(records: Records, links: Mapping[str, CaseLinks], *, relations: tuple[str, ...]) -> CuratedGraph:
    """Return all links of all cases, for inference at home."""
    everybody = np.arange(records.count(CASE), dtype=np.int64)
    limits = {name: _largest_degree(links[name].pairs, count=len(everybody)) for name in relations}
    return curate_case_graph(records, links, nodes=everybody, limits=limits)


def _largest_degree(pairs: NDArray[np.int64], *, count: int) -> int:
    return max(1, int(np.bincount(pairs.ravel(), minlength=count).max(initial=0)))


def _links(table: csr_array, *, days: NDArray[np.float64], cap: int) -> CaseLinks:
    above = triu(table, k=1).tocoo()
    kept = above.data > 0
    pairs = np.stack([above.row[kept], above.col[kept]], axis=1).astype(np.int64)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    ways = np.minimum(above.data[kept], cap)[order] / cap
    pairs = pairs[order]
    years = np.abs(days[pairs[:, 0]] - days[pairs[:, 1]]) / DAYS_A_YEAR
    return CaseLinks(pairs=pairs, attributes=np.stack([years, ways], axis=1).astype(np.float32))


def _days_of_cases(records: Records) -> NDArray[np.float64]:
    """Return the first day on which anybody but a professional is known to be a party; NaN unknown."""
    days = np.full(records.count(CASE), np.nan)
    for relation in records.of_kind("PARTY_TO"):
        usable = (relation.role != "professional") & ~records.professional[relation.source]
        np.fmin.at(days, relation.target[usable], relation.since[usable])
    return days
