"""What is looked at of a suspect: in training the own records alone, at home the place among the people of the case."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from safeborders.models.graph.columns import DENIED_WORDS, is_denied
from safeborders.models.graph.features import ROLE_FEATURES
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.graph.circles import CIRCLE_INPUTS, circle_inputs
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records, Suspects
from safeborders.node.graph.suspects import links_to_cases, role_inputs
from sbtest.small_country import make_relation, small_country
from sbtest.suspect_country import suspect_country, without_person

NAMES = [feature.name for feature in ROLE_FEATURES]


def row_of(records: Records, person: int) -> dict[str, float]:
    row = role_inputs(records)[np.flatnonzero(records.suspects.person == person)[0]]
    return {name: float(value) for name, value in zip(NAMES, row, strict=True) if value}


def one_suspect(**links: list[tuple[int, int]]) -> Records:
    """Return a suspect (0) and somebody else (1) of a case with two scenes, a recruitment and a transport."""
    kinds = {
        "INVOLVED_IN": "episode", "USES": "phone", "DRIVES": "vehicle", "STAYS_AT": "place", "WORKS_FOR": "organisation"
    }  # fmt: skip
    base = small_country(1)
    return replace(
        base,
        ids={**base.ids, "person": ("p0", "p1"), "case": ("c0", "c1"), "episode": ("e0", "e1", "e2")},
        relations=(
            make_relation("PARTY_TO", ("person", "case"), [(0, 0), (1, 0), (0, 1)]),
            make_relation("HAS_EPISODE", ("case", "episode"), [(0, 0), (0, 1), (1, 2)]),
            *(make_relation(kind, ("person", kinds[kind]), pairs) for kind, pairs in links.items()),
        ),
        stages=np.array([0, 1, 4]),
        suspects=Suspects(np.array([0]), np.array([0]), np.array([-1])),
    )


def test_the_scenes_of_the_very_case_and_kinds_of_things_are_looked_at() -> None:
    assert row_of(one_suspect(), 0) == {}
    here = one_suspect(INVOLVED_IN=[(0, 1), (1, 0), (0, 2)], USES=[(0, 0), (0, 1), (1, 2), (0, 1)], DRIVES=[(0, 0)])
    assert row_of(here, 0) == {"scene_transport": 1.0, "scenes": 0.125, "phones": 0.25, "drives": 0.5}


def test_counts_are_capped_in_public() -> None:
    many = one_suspect(USES=[(0, phone) for phone in range(9)], STAYS_AT=[(0, place) for place in range(5)])
    assert row_of(many, 0) == {"phones": 0.5, "places": 0.5}


def with_roles(records: Records, *kinds: str, role: str) -> Records:
    return replace(
        records,
        relations=tuple(
            replace(one, role=np.full(len(one), role)) if one.kind in kinds else one for one in records.relations
        ),
    )


def test_the_answer_is_never_an_input() -> None:
    records = suspect_country(1)
    told = with_roles(records, "PARTY_TO", "INVOLVED_IN", role="recruiter")
    assert (role_inputs(records) == role_inputs(told)).all()
    owners = one_suspect(DRIVES=[(0, 0)])
    assert row_of(with_roles(owners, "DRIVES", role="owner"), 0) == {
        "owns_vehicle": 0.5
    }  # the control: others are read


def test_no_protected_trait_can_be_an_input() -> None:
    columns = {column for feature in ROLE_FEATURES for column in feature.columns}
    assert columns == {"link.kind", "link.source", "link.target", "link.role", "episode.stage"}
    assert not any(is_denied(column) for column in columns)
    words = {word for name in (*NAMES, *CIRCLE_INPUTS) for word in name.split("_")}
    assert not words & (DENIED_WORDS | {"sex", "age", "birth", "gender"})


def rows_by_pair(records: Records, inputs: NDArray[Any]) -> dict[tuple[int, int], bytes]:
    suspects = records.suspects
    return {
        (int(person), int(case)): row.tobytes()
        for person, case, row in zip(suspects.person, suspects.case, inputs, strict=True)
    }


def moved_by_others(records: Records, inputs_of: Callable[[Records], NDArray[Any]]) -> int:
    """Return how many rows change when somebody else is deleted, over all persons."""
    before = rows_by_pair(records, inputs_of(records))
    moved = 0
    for person in range(records.count("person")):
        after = rows_by_pair(left := without_person(records, person), inputs_of(left))
        assert not any(pair[0] == person for pair in after)
        moved += sum(after[pair] != row for pair, row in before.items() if pair[0] != person)
    return moved


def place_of(records: Records) -> NDArray[Any]:
    types = np.zeros((records.count("case"), len(CASE_TYPES)))
    return circle_inputs(records, build_person_graph(records), case_types=types)


@pytest.mark.parametrize("seed", range(2))
def test_nobody_elses_deletion_changes_what_training_looks_at(seed: int) -> None:
    assert moved_by_others(suspect_country(seed, cases=8), role_inputs) == 0


def test_control_what_is_looked_at_at_home_does_change() -> None:
    assert moved_by_others(suspect_country(0, cases=3), place_of) > 0


def test_the_own_part_is_in_no_input_at_home_and_the_others_are() -> None:
    records = suspect_country(2, cases=6, stated=1.0)
    silent = replace(records, suspects=replace(records.suspects, role=np.full(len(records.suspects), -1)))
    known, unknown = place_of(records), place_of(silent)
    for row in range(len(records.suspects)):
        alone = records.suspects.role.copy()
        alone[row] = -1
        hidden = place_of(replace(records, suspects=replace(records.suspects, role=alone)))
        assert (hidden[row] == known[row]).all()
    column = CIRCLE_INPUTS.index("other_transporter")
    assert known[:, column].any()
    assert not unknown[:, column].any()


def test_the_place_in_the_case_is_told_apart() -> None:
    records = suspect_country(3, cases=1)  # a chain 1-2-3-4 that ends at the victim 0
    table = dict(zip(CIRCLE_INPUTS, place_of(records).T, strict=True))
    assert table["linked_people"].tolist() == [0.25, 0.5, 0.5, 0.5]
    assert table["linked_victim"].tolist() == [0, 0, 0, 1]
    assert table["between_people"].tolist() == [0, 1, 1, 1]
    assert table["called_people"].all()
    assert (table["early_scenes"][:-1] >= table["early_scenes"][-1]).all()


def test_links_to_a_case_are_those_to_its_scenes_too() -> None:
    codes, _ = links_to_cases(one_suspect(INVOLVED_IN=[(1, 2)]).relations, cases=2)
    assert sorted(codes.tolist()) == [0, 1, 2, 3]  # both persons in both cases
