"""Examples: about everybody whose record they touch."""

from dataclasses import replace

from safeborders.node.learning.examples import build_case_examples
from sbtest.small_country import make_relation, small_country


def test_a_person_of_an_episode_is_one_whom_the_case_is_about() -> None:
    records = small_country(3, groups=2, labelled=1.0)
    outsider = len(records.ids["person"]) - 1  # alone, a party to nothing
    with_episode = replace(
        records,
        ids={**records.ids, "episode": ("e0",)},
        relations=(
            *records.relations,
            make_relation("HAS_EPISODE", ("case", "episode"), [(2, 0)]),
            make_relation("INVOLVED_IN", ("person", "episode"), [(outsider, 0)]),
        ),
    )
    before, after = build_case_examples(records), build_case_examples(with_episode)
    assert outsider not in before.attributions.of(2)
    assert outsider in after.attributions.of(2)
