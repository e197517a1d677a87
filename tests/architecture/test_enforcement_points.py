"""Each of the nine enforcement points E1 to E9 is asked where its act is, or its act does not exist and is denied."""

import dataclasses

import pytest

from safeborders.models.domain.materials import Material
from safeborders.models.protocol.messages import REPLY_TO, Kind
from safeborders.privacy.agreement.decisions import Point
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.points import check_api_export, check_filter_export, check_hit_disclosure
from sbtest.agreements import NINE, PaperFederation, terms_for
from sbtest.house.enforcement import CALLS, NO_SUCH_ACT, find_callers, find_ungranted_material
from sbtest.house.sources import Source, list_sources

PRODUCT = ("node", "server")
ANSWERS = {
    Kind.UPDATE: Material.UPDATE,  # E2 before it is made, E3 before it leaves
    Kind.ADVERT: None,  # keys, hashes and seeds of masks: they carry no data
    Kind.CONFIRMATION: None,
    Kind.REVEAL: None,
    Kind.RECEIPT: None,  # empty
    Kind.STATEMENT: None,  # sizes and hashes of logs
    Kind.FINDINGS: None,
}
"""Everything that a country ever answers, and the material that it is."""


@pytest.mark.parametrize("point", [point.value for point in Point])
def test_each_point_is_asked_or_has_no_act(point: str) -> None:
    callers = [one for source in list_sources(*PRODUCT) for one in find_callers(point, source)]
    assert bool(callers) is (point not in NO_SUCH_ACT), callers


def test_all_nine_points_are_known() -> None:
    assert set(CALLS) == {point.value for point in Point}
    assert len(CALLS) == 9


def test_no_code_handles_material_that_no_point_guards() -> None:
    assert [one for source in list_sources(*PRODUCT) for one in find_ungranted_material(source)] == []


def test_a_planted_filter_without_its_question_is_found() -> None:
    planted = Source(path="node/safeborders/node/planted.py", text="send(Material.FILTER, tokens)")
    assert list(find_ungranted_material(planted)) == ["node/safeborders/node/planted.py:1 names Material.FILTER"]
    assert list(find_ungranted_material(dataclasses.replace(planted, text="send(Material.UPDATE, bytes)"))) == []


def test_a_planted_question_is_found_and_a_mention_is_not() -> None:
    asked = Source(path="node/safeborders/node/planted.py", text='check_filter_export(engine, "it", facts=facts)')
    assert find_callers("E6", asked) == ["node/safeborders/node/planted.py:1"]
    assert find_callers("E6", dataclasses.replace(asked, text="from points import check_filter_export")) == []


def test_no_answer_of_a_country_carries_other_material() -> None:
    """A new kind of answer is added here by a person who has said at which point it is asked about."""
    assert set(REPLY_TO.values()) == set(ANSWERS)


def test_what_has_no_act_is_denied_under_an_agreement_that_grants_it() -> None:
    """Whoever builds the act and forgets a fact is refused: every default is the unfavourable one."""
    federation = PaperFederation()
    engine = federation.make_engine("gr", terms_for(NINE))
    nothing = Facts(point=Point.API_EXPORT)
    asked = [
        check_filter_export(engine, "it", purpose="P3", facts=nothing),
        check_hit_disclosure(engine, "it", purpose="P3", facts=nothing),
        *(check_api_export(engine, material, recipient="it", purpose="P4", facts=nothing) for material in Material),
    ]
    assert not [one for one in asked if one.is_allowed]
