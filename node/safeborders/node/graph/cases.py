"""Which cases hang together: the case-case projection, for inference at home only."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, triu

from safeborders.node.graph.persons import PersonGraph, incidence, without_hubs
from safeborders.node.graph.records import CASE, Records

SAME_SCENE = 0.5
SAME_PERSON = 1.0
ASSOCIATED_PERSONS = 0.5
SHARED_SELECTOR = 0.5
IN_CONTACT = 0.25


def case_links(records: Records, graph: PersonGraph) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the links between cases in both directions and their weights.

    Shape:
        - edges: :math:`(2, E)`, int64; weights: :math:`(E,)`, positive.
    """
    parties = graph.cases
    nothing = none_between(parties)
    between = (
        SAME_PERSON * (parties.T @ parties)
        + ASSOCIATED_PERSONS * (parties.T @ graph.associates @ parties)
        + SHARED_SELECTOR * sum((cases_that_share(parties, users) for users in graph.bridges.values()), start=nothing)
        + SAME_SCENE * sum((scenes @ scenes.T for scenes in scenes_of(records)), start=nothing)
        + IN_CONTACT * sum((parties.T @ table @ parties for table in graph.contacts.values()), start=nothing)
    )
    above = triu(csr_array(between), k=1).tocoo()
    first, second, weights = above.row.astype(np.int64), above.col.astype(np.int64), above.data.astype(np.float64)
    kept = weights > 0
    first, second, weights = first[kept], second[kept], weights[kept]
    return np.stack([np.r_[first, second], np.r_[second, first]]), np.r_[weights, weights]


def cases_that_share(parties: csr_array, users: csr_array) -> csr_array:
    """Cases whose parties use the same selector; a person's own selectors add nothing to SAME_PERSON."""
    of_cases = parties.T @ users
    of_cases.data = np.ones_like(of_cases.data)
    joined: csr_array = of_cases @ of_cases.T
    return joined


def scenes_of(records: Records) -> list[csr_array]:
    """Cases by the places and vehicles of their episodes, without hubs."""
    episodes = incidence(records.of_kind("HAS_EPISODE"), (records.count(CASE), records.count("episode")))
    scenes = []
    for kind, target in (("AT", "place"), ("USED_VEHICLE", "vehicle")):
        seen = episodes @ incidence(records.of_kind(kind), (records.count("episode"), records.count(target)))
        seen.data = np.ones_like(seen.data)
        scenes.append(without_hubs(seen))
    return scenes


def none_between(parties: csr_array) -> csr_array:
    """Return the table of cases by cases without any link."""
    return csr_array((parties.shape[1], parties.shape[1]))
