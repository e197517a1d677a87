"""Which records become candidates: slips and scripts do; twins, namesakes, old numbers and professionals do not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from safeborders.models.domain.entities import DatePrecision, EntityKind, Sex
from safeborders.node.resolution import blocking
from safeborders.node.resolution.blocking import candidate_pairs
from safeborders.node.resolution.evidence import Birth, compare_births, gather
from safeborders.node.resolution.profiles import Holding, Name, Profile, Register
from safeborders.node.resolution.scoring import STRONG_FROM, Candidate, find_candidates

GIVEN = ("Ioana", "Mihai", "Elena", "Vasile", "Cristina", "Sorin", "Bianca", "Florin", "Maria", "Marina")
SURNAMES = ("Dumitru", "Lungu", "Olaru", "Bradea", "Cioca", "Stanciu", "Munteanu")
BORN = date(1984, 5, 17)


def person(record: str, name: str, *, born: date | None = BORN, **more: object) -> Profile:
    usual = Profile(id=record, names=(Name.of(name),), born=born, precision=DatePrecision.DAY, sex=Sex.MALE)
    return replace(usual, **more)  # type: ignore[arg-type]  # properties of the test's own choice


def crowd(count: int = 140) -> list[Profile]:
    births = [date(1940 + number // 2, 1 + number % 12, 1 + number % 28) for number in range(count)]
    names = [f"{GIVEN[number % 10]} {SURNAMES[number % 7]}" for number in range(count)]
    return [person(f"crowd-{number}", names[number], born=births[number]) for number in range(count)]


def found(*records: Profile, among: Sequence[Profile] | None = None) -> list[Candidate]:
    everybody = [*records, *(crowd() if among is None else among)]
    own = {record.id for record in records}
    return [one for one in find_candidates(Register(everybody)) if {one.first, one.second} <= own]


@pytest.mark.parametrize(
    "again",
    [
        person("b", "Corneilu Țăranu"),
        person("b", "CorneliuȚ ăranu"),
        person("b", "Taranu Corneliu"),
        person("b", "Корнелиу Църану", born=BORN),
        person("b", "Corneliu Țăranu", born=date(1983, 5, 17)),
        person("b", "Corneliu Țăranu", born=date(1984, 1, 1), precision=DatePrecision.YEAR),
        person("b", "Corneliu Ion Țăranu"),
    ],
    ids=["letters swapped", "a letter in the wrong word", "order", "script", "year", "year only", "one name more"],
)
def test_a_record_with_one_mistake_is_a_strong_candidate(again: Profile) -> None:
    candidates = found(person("a", "Corneliu Țăranu"), again)

    assert [(one.first, one.second) for one in candidates] == [("a", "b")]
    assert candidates[0].score >= STRONG_FROM


def test_day_and_month_swapped_is_a_reason_for() -> None:
    first, second = person("a", "Ana", born=date(1984, 5, 7)), person("b", "Ana", born=date(1984, 7, 5))
    assert compare_births(first, second) is Birth.SWAPPED
    assert found(
        person("a", "Corneliu Țăranu", born=date(1984, 5, 7)), person("b", "Corneliu Țăranu", born=date(1984, 7, 5))
    )


def test_dates_are_compared_as_far_as_both_are_known() -> None:
    day = person("a", "Ana", born=date(1984, 5, 17))
    same_month = person("b", "Ana", born=date(1984, 5, 1), precision=DatePrecision.MONTH)
    other_month = person("b", "Ana", born=date(1984, 6, 1), precision=DatePrecision.MONTH)
    year = person("b", "Ana", born=date(1984, 1, 1), precision=DatePrecision.YEAR)

    assert compare_births(day, same_month) is Birth.COARSE
    assert compare_births(day, other_month) is Birth.OTHER
    assert compare_births(other_month, year) is Birth.COARSE
    assert compare_births(day, replace(day, born=None)) is Birth.UNKNOWN


@pytest.mark.parametrize(
    "other",
    [
        person("b", "Corneliu Țăranu", born=date(1961, 12, 2)),
        person("b", "Corneliu Țăranu", sex=Sex.FEMALE, born=date(1984, 1, 1), precision=DatePrecision.YEAR),
        person("b", "Radu Țăranu"),
        person("b", "Corneliu Olaru"),
        person("b", "Corneliu Țăranu", kin=frozenset({"a"})),
        person("b", "Corneliu Țăranu", professional=True),
    ],
    ids=["namesake", "another sex", "twin", "same given name and day", "kin of the first", "professional"],
)
def test_what_another_person_may_share_makes_no_strong_candidate(other: Profile) -> None:
    strong = [one for one in found(person("a", "Corneliu Țăranu"), other) if one.score >= STRONG_FROM]
    assert [one for one in strong if not one.is_barred] == []


def test_twins_of_one_home_with_look_alike_names_stay_apart() -> None:
    home = (Holding("place home", EntityKind.PLACE), Holding("phone +1", EntityKind.PHONE))
    twins = person("a", "Maria Olaru", holdings=home), person("b", "Marina Olaru", holdings=home)
    assert found(*twins) == []


def test_two_parties_with_different_roles_in_one_case_are_barred_and_with_one_role_are_not() -> None:
    first = person("a", "Corneliu Țăranu", cases={"case": frozenset({"recruiter"})})
    other = replace(first, id="b", cases={"case": frozenset({"witness"})})
    alike = replace(first, id="b")

    assert [one.is_barred for one in found(first, other)] in ([], [True])
    assert [one.is_barred for one in found(first, alike)] == [False]
    unstated = replace(first, id="b", cases={"case": frozenset({""})})
    assert [one.is_barred for one in found(first, unstated)] == [False]  # a role that nobody stated is no other role


def test_a_recycled_number_says_nothing_and_one_in_use_by_both_does() -> None:
    first = person(
        "a", "Corneliu Țăranu", holdings=(Holding("phone 1", EntityKind.PHONE, date(2018, 1, 1), date(2019, 1, 1)),)
    )
    later = person("b", "Corneliu Țăranu", holdings=(Holding("phone 1", EntityKind.PHONE, date(2020, 1, 1)),))
    while_used = person("b", "Corneliu Țăranu", holdings=(Holding("phone 1", EntityKind.PHONE, date(2018, 6, 1)),))

    def bits(other: Profile) -> float:
        reasons = gather(first, other, register=Register([first, other, *crowd()]))
        return sum(reason.bits for reason in reasons if "phone" in reason.text)

    assert bits(later) == 0
    assert bits(while_used) > 4


def test_a_number_of_many_is_a_hub_and_brings_nobody_together() -> None:
    hotline = Holding("phone hotline", EntityKind.PHONE)
    callers = [
        person(
            f"c{number:02}",
            f"{GIVEN[number % 8]} {SURNAMES[number % 7]}",
            born=date(1950 + number, 2, 3),
            holdings=(hotline,),
        )
        for number in range(40)
    ]
    few = [
        replace(one, holdings=(Holding(f"phone {place // 2}", EntityKind.PHONE),)) for place, one in enumerate(callers)
    ]

    def keys_in_common(people: list[Profile]) -> int:
        return len(candidate_pairs(Register(people))[0])

    assert keys_in_common(callers) < keys_in_common(few)  # the control: the same people, two to a number
    assert found(*callers, among=[]) == []


def test_rivals_of_whom_one_at_most_is_right_share_their_probability() -> None:
    unsure = person("a", "Corneliu Țăranu", born=date(1984, 1, 1), precision=DatePrecision.YEAR)
    one, two = (
        person("b", "Corneliu Țăranu", born=date(1984, 5, 17)),
        person("c", "Corneliu Țăranu", born=date(1984, 11, 2)),
    )

    alone = found(unsure, one)
    together = found(unsure, one, two)

    assert alone[0].score > 0.8
    assert all(candidate.score < 0.6 for candidate in together)


def test_work_grows_with_the_records_and_not_with_their_square() -> None:
    def pairs(count: int) -> int:
        people = [
            person(str(n), f"{GIVEN[n % 10]} {SURNAMES[n % 7]}", born=date(1940 + n % 70, 1 + n % 12, 1 + n % 28))
            for n in range(count)
        ]
        return len(candidate_pairs(Register(people))[0])

    assert pairs(8000) < 8000 * blocking.MOST_IN_BLOCK
    assert pairs(8000) < 8000 * 8000 / 2 / 20


def test_reasons_are_words_without_names_numbers_or_dates() -> None:
    holdings = (Holding("identity_document passport RO AB123456", EntityKind.IDENTITY_DOCUMENT, series="passport RO"),)
    both = person("a", "Corneliu Țăranu", holdings=holdings), person("b", "Corneilu Țăranu", holdings=holdings)
    for candidate in found(*both):
        for reason in candidate.reasons:
            text = reason.text.casefold()
            assert not any(secret in text for secret in ("corneliu", "taranu", "ab123456", "1984", "05-17"))


def test_a_person_is_compared_under_every_recorded_name() -> None:
    alias = replace(person("a", "Corneliu Țăranu"), names=(Name.of("Corneliu Țăranu"), Name.of("Horia Bejenaru")))
    assert [one.first for one in found(alias, person("b", "Bejenaru Horia"))] == ["a"]
    assert found(person("a", "Corneliu Țăranu"), person("b", "Bejenaru Horia")) == []


@pytest.mark.parametrize("records", [[], [Profile(id="a")], [Profile(id="a"), Profile(id="b")]])
def test_a_country_without_names_has_no_candidates(records: list[Profile]) -> None:
    assert find_candidates(Register(records)) == []


def bits_of(first: Profile, second: Profile, *others: Profile, about: str) -> float:
    reasons = gather(first, second, register=Register([first, second, *others]))
    return sum(reason.bits for reason in reasons if about in reason.text)


def passport(number: str) -> tuple[Holding, ...]:
    return (Holding(f"passport RO {number}", EntityKind.IDENTITY_DOCUMENT, series="passport RO"),)


def test_two_passports_of_one_state_speak_against_and_one_shared_passport_does_not() -> None:
    first = person("a", "Corneliu Țăranu", holdings=passport("1"))
    renewed = replace(first, id="b", holdings=(*passport("1"), *passport("2")))

    assert bits_of(first, replace(first, id="b", holdings=passport("2")), about="different documents") < 0
    assert bits_of(first, renewed, about="different documents") == 0
    assert bits_of(first, renewed, about="the same identity document") > 5


def test_a_shared_number_says_less_the_more_others_have_it() -> None:
    number = (Holding("phone 1", EntityKind.PHONE),)
    first = person("a", "Corneliu Țăranu", holdings=number)
    second = replace(first, id="b")
    others = [person(f"o{place}", "Ana Pop", holdings=number) for place in range(30)]
    shares = [bits_of(first, second, *others[:count], about="the same phone") for count in (0, 2, 8, 30)]

    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[2] > 0
    assert shares[3] == 0  # a hub
