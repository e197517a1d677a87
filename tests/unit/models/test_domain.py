"""The vocabulary that all countries share."""

import pytest

from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.facts import Fact
from safeborders.models.domain.relations import ENDS, ROLES, RelationKind, may_carry, may_connect
from safeborders.models.domain.selectors import dialling_code, match_key
from safeborders.models.domain.statuses import PRECEDENCE, DataSubjectCategory, effective_category
from safeborders.models.domain.typology import CaseType, IndicatorGroup
from safeborders.models.graph.indicators import CASE_TYPES, INDICATORS
from safeborders.models.ontology.loader import load_indicators, load_typologies

GR, BG, RO = Country.GR, Country.BG, Country.RO


def test_there_are_eleven_kinds_of_entity_and_twenty_of_link() -> None:
    assert len(EntityKind) == 11
    assert len(RelationKind) == 20
    assert set(ENDS) == set(RelationKind)
    assert set(ROLES) <= set(RelationKind)


def test_a_link_joins_only_what_its_kind_allows() -> None:
    assert may_connect(RelationKind.USES, source=EntityKind.PERSON, target=EntityKind.PHONE)
    assert not may_connect(RelationKind.USES, source=EntityKind.PHONE, target=EntityKind.PERSON)
    assert may_connect(RelationKind.POSSIBLY_SAME, source=EntityKind.PHONE, target=EntityKind.PHONE)
    assert not may_connect(RelationKind.POSSIBLY_SAME, source=EntityKind.PHONE, target=EntityKind.PERSON)


def test_a_role_belongs_to_its_kind_of_link() -> None:
    assert may_carry(RelationKind.PARTY_TO, role="victim")
    assert may_carry(RelationKind.ASSOCIATE, role=None)
    assert not may_carry(RelationKind.ASSOCIATE, role="victim")


def test_the_vocabulary_and_the_feature_order_are_the_same() -> None:
    assert tuple(indicator.code for indicator in load_indicators()) == INDICATORS
    assert tuple(CaseType) == CASE_TYPES
    assert tuple(typology.code for typology in load_typologies()) == CASE_TYPES


def test_indicators_are_34_in_seven_groups() -> None:
    sizes = {group: sum(one.group is group for one in load_indicators()) for group in IndicatorGroup}
    assert sum(sizes.values()) == 34
    assert [sizes[group] for group in IndicatorGroup] == [8, 9, 4, 3, 6, 2, 2]


def test_typologies_name_known_indicators_only() -> None:
    assert {code for typology in load_typologies() for code in typology.indicators} <= set(INDICATORS)


def test_a_victim_stays_a_victim_whatever_else_is_recorded() -> None:
    assert set(PRECEDENCE) == set(DataSubjectCategory)
    both = [DataSubjectCategory.CONVICTED, DataSubjectCategory.VICTIM_PRESUMED, DataSubjectCategory.SUSPECT]
    assert effective_category(both) is DataSubjectCategory.VICTIM_PRESUMED
    assert effective_category([]) is DataSubjectCategory.UNKNOWN


def test_an_unknown_fact_cannot_be_read_as_no() -> None:
    assert Fact.of(None) is Fact.UNKNOWN
    assert Fact.of(False) is Fact.NO
    with pytest.raises(TypeError):
        bool(Fact.UNKNOWN)


def test_every_country_has_a_calling_code() -> None:
    assert all(dialling_code(country) != "0" for country in Country)
    assert (dialling_code(Country.GR), dialling_code(Country.WB), dialling_code(Country.WB_XK)) == ("30", "381", "383")
    assert len(DEMONSTRATION) == 9


@pytest.mark.parametrize(
    ("kind", "country", "spellings"),
    [
        (EntityKind.PHONE, RO, ["+40 612 345 678", "0040612345678", "0612 345 678", "+40-612-345-678"]),
        (EntityKind.VEHICLE, BG, ["AB 1234 KX", "AB-1234-KX", "АВ1234КХ", "ΑΒ1234ΚΧ"]),
        (EntityKind.IDENTITY_DOCUMENT, GR, ["AB1023456", "ABIO23456", "ab 1023456"]),
        (EntityKind.FINANCIAL_ACCOUNT, RO, ["RO49 AAAA 1B31", "ro49aaaa1b31"]),
        (EntityKind.ONLINE_ACCOUNT, RO, ["@Luna_Fox1", "luna_fox1"]),
        (EntityKind.PERSON, GR, ["Μαρία Νικολάκη", "Nikolaki Maria", "ΜΑΡΙΑ ΝΙΚΟΛΑΚΗ"]),
        (EntityKind.PERSON, BG, ["Иван Петров", "Petrov, Ivan"]),
        (EntityKind.PERSON, RO, ["Ștefan Țăranu", "Stefan Taranu"]),
    ],
)
def test_spellings_of_one_thing_meet_under_one_key(kind: EntityKind, country: Country, spellings: list[str]) -> None:
    assert len({match_key(kind, one, country=country) for one in spellings}) == 1


def test_different_things_keep_different_keys() -> None:
    assert match_key(EntityKind.PHONE, "0612345678", country=RO) != match_key(
        EntityKind.PHONE, "0612345678", country=BG
    )
    assert match_key(EntityKind.PERSON, "Ana Pop", country=RO) != match_key(EntityKind.PERSON, "Ana Popa", country=RO)
