"""Who is connected to whom and through what: the person-person projection of a country's curated records.

Shared phones, vehicles, places, cases and so on are bridges; each kind stays apart. Hubs that many innocent people use
(a hotline, a reception centre) and persons in a professional role are left out before anything is learnt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.node.graph.ranking import CURATION_KEY, keyed_ranks, mutual_top, pair_identifiers
from safeborders.node.graph.records import CASE, PERSON, Records, Relation
from safeborders.node.graph.ties import Ties, pair_codes

LINKS_PER_PERSON = 16
"""K_r: most curated links of one relation that a person has."""

HUB_USERS = 16
"""A selector that more persons use is a hub: it connects nobody."""

SELECTORS: Mapping[str, str] = {
    "shared_phone": "phone",
    "shared_account": "online_account",
    "shared_financial": "financial_account",
    "shared_vehicle": "vehicle",
    "shared_document": "identity_document",
    "shared_place": "place",
    "shared_organisation": "organisation",
}
"""Feature by bridge: the entity type that two persons share."""

CONTACTS: Mapping[str, tuple[str, str]] = {
    "called": ("CALLED", "phone"),
    "contacted": ("CONTACTED", "online_account"),
    "paid": ("PAID", "financial_account"),
}
"""Feature by contact: the relation between selectors and their type."""

PARTY = "PARTY_TO"
INVOLVED = "INVOLVED_IN"
KIN = "KIN"
ASSOCIATION = (KIN, "ASSOCIATE")
VICTIM_ROLES = ("victim",)
NEUTRAL_ROLES = ("witness", "professional")


@dataclass(frozen=True)
class PersonGraph:
    """Sparse 0/1 tables over the persons of a country; professionals have empty rows.

    Attributes:
        count: Number of persons.
        ranks: Public keyed hash of each person, which decides who witnesses when there are many.
        bridges: Persons by selectors, per feature name.
        contacts: Persons by persons, symmetric, per feature name.
        cases: Persons by cases, all roles but professional ones.
        victims: The same, victims only.
        offenders: The same, neither victims nor witnesses.
        episodes: Persons by episodes.
        associates: Persons by persons, symmetric: the curated kin and associate links.
        active: First and last day on which each person's own links are known to hold; NaN when unknown.
        ties: All kin and associate links, with their kind and first day, for use at home only.
    """

    count: int
    ranks: NDArray[np.uint64]
    bridges: Mapping[str, csr_array]
    contacts: Mapping[str, csr_array]
    cases: csr_array
    victims: csr_array
    offenders: csr_array
    episodes: csr_array
    associates: csr_array
    active: NDArray[np.float64]
    ties: Ties

    def without(self, hidden: NDArray[np.int64]) -> "PersonGraph":
        """Return the graph as if the links with these codes (``Ties.codes``) had not been recorded."""
        entries = self.associates.tocoo()
        low, high = np.minimum(entries.row, entries.col), np.maximum(entries.row, entries.col)
        codes = pair_codes(low.astype(np.int64), high, count=self.count)
        kept = ~np.isin(codes, hidden)
        left = csr_array((entries.data[kept], (entries.row[kept], entries.col[kept])), shape=entries.shape)
        return replace(self, associates=left, ties=self.ties.where(~np.isin(self.ties.codes, hidden)))


def build_person_graph(records: Records) -> PersonGraph:
    """Project ``records`` on its persons."""
    count = records.count(PERSON)
    members = ~records.professional
    parties = _merged(records.of_kind(PARTY), members)
    bridges = {
        feature: without_hubs(_incidence(records, _between(records, selector), selector, members=members))
        for feature, selector in SELECTORS.items()
    }
    return PersonGraph(
        count=count,
        ranks=keyed_ranks(records.ids.get(PERSON, ()), key=CURATION_KEY),
        bridges=bridges,
        contacts={
            feature: _contacts(records, kind=kind, selector=selector, members=members)
            for feature, (kind, selector) in CONTACTS.items()
        },
        cases=_incidence(records, parties, CASE, members=members),
        victims=_incidence(records, _with_roles(parties, VICTIM_ROLES, invert=False), CASE, members=members),
        offenders=_incidence(
            records, _with_roles(parties, (*VICTIM_ROLES, *NEUTRAL_ROLES), invert=True), CASE, members=members
        ),
        episodes=_incidence(records, records.of_kind(INVOLVED), "episode", members=members),
        associates=_associates(records, members),
        active=_active_days(records, count),
        ties=_ties(records, members),
    )


def _ties(records: Records, members: NDArray[np.bool_]) -> Ties:
    """Return all kin and associate links between members; kin is one layer, associates one for each role they have."""
    links = [r for r in records.of_kind(*ASSOCIATION) if r.source_type == r.target_type == PERSON]
    usable = [r.where((r.source != r.target) & members[r.source] & members[r.target]) for r in links]
    names = [f"{r.kind} {role}" if r.kind != KIN else KIN for r in usable for role in r.role]
    ends = [np.sort(np.stack([r.source, r.target], axis=1), axis=1) for r in usable]
    times = np.concatenate([np.zeros(0), *(r.since for r in usable)])
    kinds, layers = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return Ties(
        pairs=np.concatenate([np.zeros((0, 2), dtype=np.int64), *ends]),
        layers=layers.ravel().astype(np.int64),
        times=times,
        count=len(members),
        kinds=max(len(kinds), 1),
        timed=bool(np.isfinite(times).any()),
    )


def curated_association(records: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the kin and associate links between persons: each pair once, at most ``LINKS_PER_PERSON`` per person."""
    members = ~records.professional
    ends = [(r.source, r.target) for r in records.of_kind(*ASSOCIATION) if r.source_type == r.target_type == PERSON]
    if not ends:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    source, target = (np.concatenate(side) for side in zip(*ends, strict=True))
    usable = (source != target) & members[source] & members[target]
    low, high = np.minimum(source, target)[usable], np.maximum(source, target)[usable]
    pairs = np.unique(np.stack([low, high]), axis=1)
    names = records.ids[PERSON]
    identifiers = pair_identifiers([names[index] for index in pairs[0]], [names[index] for index in pairs[1]])
    kept = mutual_top(pairs[0], pairs[1], ranks=keyed_ranks(identifiers, key=CURATION_KEY), limit=LINKS_PER_PERSON)
    return pairs[0][kept], pairs[1][kept]


def symmetric(first: NDArray[np.int64], second: NDArray[np.int64], *, count: int) -> csr_array:
    """Return the symmetric 0/1 table of the given pairs."""
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    return _binary(csr_array((np.ones(len(rows)), (rows, columns)), shape=(count, count)))


def _associates(records: Records, members: NDArray[np.bool_]) -> csr_array:
    first, second = curated_association(records)
    return symmetric(first, second, count=len(members))


def _between(records: Records, selector: str) -> tuple[Relation, ...]:
    return tuple(r for r in records.relations if r.source_type == PERSON and r.target_type == selector)


def _merged(relations: tuple[Relation, ...], members: NDArray[np.bool_]) -> tuple[Relation, ...]:
    return tuple(r.where(members[r.source] & (r.role != "professional")) for r in relations if r.source_type == PERSON)


def _with_roles(relations: tuple[Relation, ...], roles: tuple[str, ...], *, invert: bool) -> tuple[Relation, ...]:
    return tuple(r.where(np.isin(r.role, roles, invert=invert)) for r in relations)


def _incidence(
    records: Records, relations: tuple[Relation, ...], target_type: str, *, members: NDArray[np.bool_]
) -> csr_array:
    usable = tuple(relation.where(members[relation.source]) for relation in relations)
    return incidence(usable, (len(members), records.count(target_type)))


def incidence(relations: tuple[Relation, ...], shape: tuple[int, int]) -> csr_array:
    """Return the 0/1 table of sources by targets of all given links."""
    if not relations:
        return csr_array(shape)
    source = np.concatenate([relation.source for relation in relations])
    target = np.concatenate([relation.target for relation in relations])
    return _binary(csr_array((np.ones(len(source)), (source, target)), shape=shape))


def _contacts(records: Records, *, kind: str, selector: str, members: NDArray[np.bool_]) -> csr_array:
    """Persons whose selectors are linked; a hub's selector speaks for nobody."""
    users = without_hubs(_incidence(records, _between(records, selector), selector, members=members))
    size = records.count(selector)
    links = [r for r in records.of_kind(kind) if r.source_type == r.target_type == selector]
    if not links:
        return csr_array((len(members), len(members)))
    first, second = (np.concatenate(side) for side in zip(*((r.source, r.target) for r in links), strict=True))
    linked = symmetric(first, second, count=size)
    few = _diagonal(np.asarray(linked.sum(axis=0)).ravel() <= HUB_USERS)
    linked = few @ linked @ few
    return _binary(_without_diagonal(users @ linked @ users.T))


def without_hubs(table: csr_array) -> csr_array:
    """Return the table without the columns that more than ``HUB_USERS`` rows have."""
    users = np.asarray(table.sum(axis=0)).ravel()
    kept: csr_array = table @ _diagonal(users <= HUB_USERS)
    kept.eliminate_zeros()
    return kept


def _diagonal(kept: NDArray[np.bool_]) -> csr_array:
    where = np.flatnonzero(kept)
    return csr_array((np.ones(len(where)), (where, where)), shape=(len(kept), len(kept)))


def _without_diagonal(table: csr_array) -> csr_array:
    entries = table.tocoo()
    off = entries.row != entries.col
    return csr_array((entries.data[off], (entries.row[off], entries.col[off])), shape=table.shape)


def _binary(table: csr_array) -> csr_array:
    table.sum_duplicates()
    table.data = np.ones_like(table.data)
    return table


def _active_days(records: Records, count: int) -> NDArray[np.float64]:
    active = np.full((count, 2), np.nan)
    for relation in records.relations:
        # A link to another person would make that person's deletion change this one's examples.
        if relation.source_type == PERSON and relation.target_type != PERSON:
            np.fmin.at(active[:, 0], relation.source, relation.since)
            np.fmax.at(active[:, 1], relation.source, np.fmax(relation.since, relation.until))
    return active
