"""What the suspects of cases are on record with by their own links: all that training may look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.models.domain.entities import Stage
from safeborders.models.graph.features import ROLE_FEATURES
from safeborders.node.graph.records import CASE, PERSON, Records, Relation

PARTY, INVOLVED, EPISODES = "PARTY_TO", "INVOLVED_IN", "HAS_EPISODE"
_THINGS = {
    "phones": ("phone", ()),
    "online_account": ("online_account", ()),
    "financial_account": ("financial_account", ()),
    "identity_document": ("identity_document", ()),
    "drives": ("vehicle", ("driver", "")),
    "owns_vehicle": ("vehicle", ("owner",)),
    "places": ("place", ()),
    "employee": ("organisation", ("employee", "")),
    "director": ("organisation", ("director",)),
}
"""Input by what it counts: the kind of thing at the other end of the person's own links, and in which roles."""


def links_to_cases(relations: Sequence[Relation], *, cases: int) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return who is linked to which case, directly or through its episodes, and as what.

    Returns:
        ``person * cases + case`` of each link, and the link's role, "" without one.
    """
    codes: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    roles: list[NDArray[np.str_]] = [np.zeros(0, dtype=np.str_)]
    for relation in relations:
        if relation.kind == PARTY:
            codes.append(relation.source * cases + relation.target)
            roles.append(relation.role)
    scenes = links_to_scenes(relations)
    return np.concatenate([*codes, scenes.person * cases + scenes.case]), np.concatenate([*roles, scenes.role])


def role_inputs(records: Records) -> NDArray[np.float32]:
    """Return the inputs of every suspect, one row for each of ``records.suspects``: functions of own links alone.

    What counts are the person's links to episodes of the very case, with the stages of these, and to things; never a
    link to another person, what else a thing is linked with, or the role of a link to a case or an episode.
    """
    suspects, cases = records.suspects, max(records.count(CASE), 1)
    columns = _own_scenes(records, codes=suspects.person * cases + suspects.case)
    columns |= {name: _held(records, *what)[suspects.person] for name, what in _THINGS.items()}
    table = [np.minimum(columns[one.name], one.cap) * one.scale for one in ROLE_FEATURES]
    return np.stack(table, axis=1).astype(np.float32)


def _own_scenes(records: Records, *, codes: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return in how many episodes of each stage of its case each suspect is on record."""
    cases = max(records.count(CASE), 1)
    links = links_to_scenes(records.relations)
    where = {int(code): row for row, code in enumerate(codes)}
    pairs = np.unique(np.stack([links.person * cases + links.case, links.episode]), axis=1)
    rows = np.array([where.get(int(code), -1) for code in pairs[0]], dtype=np.int64)
    counts = np.zeros((len(codes), len(Stage)), dtype=np.int64)
    np.add.at(counts, (rows[rows >= 0], records.stages[pairs[1][rows >= 0]]), 1)
    found = {f"scene_{stage.value}": counts[:, place] for place, stage in enumerate(Stage)}
    return found | {"scenes": counts.sum(axis=1)}


@dataclass(frozen=True)
class SceneLinks:
    """Links of persons to episodes of known cases.

    Attributes:
        episode: Positions of episodes.
        person: Positions of persons.
        case: Positions of the episodes' cases.
        role: As what the person was there, "" without a role.
    """

    episode: NDArray[np.int64]
    person: NDArray[np.int64]
    case: NDArray[np.int64]
    role: NDArray[np.str_]


def links_to_scenes(relations: Sequence[Relation]) -> SceneLinks:
    """Return every link of a person to an episode whose case is known."""
    owners = [one for one in relations if one.kind == EPISODES]
    links = [one for one in relations if one.kind == INVOLVED]
    size = 1 + max((int(one.target.max(initial=-1)) for one in (*owners, *links)), default=-1)
    case_of = np.full(size, -1, dtype=np.int64)
    for one in owners:
        case_of[one.target] = one.source
    none = np.zeros(0, dtype=np.int64)
    episode = np.concatenate([none, *(one.target for one in links)])
    person = np.concatenate([none, *(one.source for one in links)])
    role = np.concatenate([np.zeros(0, dtype=np.str_), *(one.role for one in links)])
    known = case_of[episode] >= 0
    return SceneLinks(episode[known], person[known], case_of[episode[known]], role[known])


def _held(records: Records, kind: str, roles: tuple[str, ...]) -> NDArray[np.int64]:
    """Return how many things of a kind each person's own links name, in any of ``roles`` or, without any, at all."""
    ends = [np.zeros((2, 0), dtype=np.int64)]
    for relation in records.relations:
        if relation.source_type == PERSON and relation.target_type == kind:
            usable = np.isin(relation.role, roles) if roles else np.ones(len(relation), dtype=np.bool_)
            ends.append(np.stack([relation.source[usable], relation.target[usable]]))
    pairs = np.unique(np.concatenate(ends, axis=1), axis=1)
    return np.bincount(pairs[0], minlength=records.count(PERSON)).astype(np.int64)
