"""A suspect's place among the people of the case: inputs for use at home only, because others' records are in them.

Everything is about the case's own people and scenes. What a person did in another case, or is linked with outside this
one, is in no input; nor is the person's own part, which is the answer.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.models.domain.entities import Stage
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.graph.persons import PersonGraph
from safeborders.node.graph.records import CASE, EPISODE, Records
from safeborders.node.graph.suspects import EPISODES, links_to_scenes

Floats = NDArray[np.float64]

_MANY = 8  # suspects of a case, counted up to here

CIRCLE_INPUTS: tuple[str, ...] = (
    *(f"others_scene_{stage.value}" for stage in Stage),
    *(f"other_{role}" for role in OFFENDING_ROLES),
    *(f"near_{role}" for role in OFFENDING_ROLES),
    *(f"type_{case_type}" for case_type in CASE_TYPES),
    "linked_people",
    "linked_victim",
    "between_people",
    "called_people",
    "called_victim",
    "paid_people",
    "early_scenes",
    "suspects",
)
"""Names of the columns of :func:`circle_inputs`."""


def circle_inputs(records: Records, graph: PersonGraph, *, case_types: Floats) -> Floats:
    """Return the place of every suspect among the people of the case, :math:`(len(records.suspects), inputs)`.

    Args:
        records: The country's records.
        graph: The same, projected on persons.
        case_types: How likely each type is for each case, :math:`(cases, types)`; zeros where nothing is known.
    """
    suspects = records.suspects
    at = (suspects.person, suspects.case)
    people, victims = graph.cases, graph.victims
    size = np.maximum(_total(people)[suspects.case] - 1, 1)
    columns: dict[str, NDArray[np.generic]] = dict(_scenes_of_others(records))
    for place, role in enumerate(OFFENDING_ROLES):
        stated = _stated(records, place)
        columns[f"other_{role}"] = _total(stated)[suspects.case] - _entries(stated, at) > 0
        columns[f"near_{role}"] = _entries(graph.associates @ stated, at) > 0
    columns |= {f"type_{name}": case_types[suspects.case, place] for place, name in enumerate(CASE_TYPES)}
    linked = _entries(graph.associates @ people, at)
    columns |= {
        "linked_people": linked / size,
        "linked_victim": _entries(graph.associates @ victims, at) > 0,
        "between_people": _between(graph, at),
        "called_people": np.minimum(_entries(graph.contacts["called"] @ people, at) / size, 1),
        "called_victim": _entries(graph.contacts["called"] @ victims, at) > 0,
        "paid_people": _entries(graph.contacts["paid"] @ people, at) > 0,
        "suspects": np.minimum(np.bincount(suspects.case, minlength=records.count(CASE))[suspects.case], _MANY) / _MANY,
    }
    return np.stack([columns[name].astype(np.float64) for name in CIRCLE_INPUTS], axis=1)


def _scenes_of_others(records: Records) -> Mapping[str, NDArray[np.generic]]:
    """Return which stages the case has scenes of without the suspect, and how early in its order the own scenes are."""
    suspects = records.suspects
    shape = (records.count(CASE), records.count(EPISODE))
    of_case = csr_array(shape)
    for one in records.of_kind(EPISODES):
        of_case = of_case + csr_array((np.ones(len(one)), (one.source, one.target)), shape=shape)
    stages = csr_array((np.ones(shape[1]), (np.arange(shape[1]), records.stages)), shape=(shape[1], len(Stage)))
    all_scenes = (of_case @ stages).toarray()[suspects.case]
    own = np.zeros_like(all_scenes)
    rows = {pair: row for row, pair in enumerate(zip(suspects.person.tolist(), suspects.case.tolist(), strict=True))}
    links = links_to_scenes(records.relations)
    for pair in {*zip(links.person.tolist(), links.case.tolist(), links.episode.tolist(), strict=True)}:
        row = rows.get(pair[:2])
        if row is not None:
            own[row, records.stages[pair[2]]] += 1
    order = np.arange(len(Stage))
    first = np.where(own > 0, order, len(Stage)).min(axis=1)
    found: dict[str, NDArray[np.generic]] = {
        f"others_scene_{stage.value}": all_scenes[:, place] > own[:, place] for place, stage in enumerate(Stage)
    }
    return found | {"early_scenes": np.where(first < len(Stage), 1 - first / len(Stage), 0.5)}


def _stated(records: Records, role: int) -> csr_array:
    """Return the suspects of each case whose part is stated as ``role``, persons by cases."""
    suspects = records.suspects
    chosen = suspects.role == role
    shape = (len(records.professional), records.count(CASE))
    return csr_array((np.ones(int(chosen.sum())), (suspects.person[chosen], suspects.case[chosen])), shape=shape)


def _between(graph: PersonGraph, at: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Floats:
    """Return the share of pairs of the suspect's acquaintances in the case who are not linked themselves."""
    links, by_case = graph.associates, graph.cases.tocsc()
    found = np.zeros(len(at[0]))
    for row, (person, case) in enumerate(zip(*at, strict=True)):
        known = links.indices[links.indptr[person] : links.indptr[person + 1]]
        members = by_case.indices[by_case.indptr[case] : by_case.indptr[case + 1]]
        near = np.intersect1d(known, members)
        pairs = len(near) * (len(near) - 1)
        if pairs:
            inside = sum(
                int(np.isin(links.indices[links.indptr[one] : links.indptr[one + 1]], near).sum()) for one in near
            )
            found[row] = 1 - inside / pairs
    return found


def _entries(table: csr_array, at: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Floats:
    if not len(at[0]):  # scipy would answer with a table
        return np.zeros(0)
    found: Floats = np.asarray(table.tocsr()[at[0].copy(), at[1].copy()], dtype=np.float64).ravel()
    return found


def _total(table: csr_array) -> Floats:
    return np.asarray(table.sum(axis=0), dtype=np.float64).ravel()
