"""Names travel between scripts in more than one way, and clerks slip; nothing of a name is lost for good."""

from datetime import date

import pytest

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.selectors import match_key
from safeborders.sandbox.world.chance import Serials, stream
from safeborders.sandbox.world.peoples import inflected, load_peoples, phone_number
from safeborders.sandbox.world.spelling import SCHEMES, in_latin, in_serbian_cyrillic
from safeborders.sandbox.world.variation import (
    NameParts,
    foreign_name,
    home_name,
    recorded_birth,
    written_document,
    written_phone,
    written_plate,
)


@pytest.mark.parametrize(
    ("language", "name", "ways"),
    [
        ("greek", "Ευάγγελος Μπακόπουλος", {"Efangelos Bakopoulos", "Evagelos Bakopulos", "Euangelos Mpakopoulos"}),
        ("bulgarian", "Юлиян Желязчев", {"Yuliyan Zhelyazchev", "Julijan Zeljazcev", "Iouliian Jeliaztchev"}),
        ("macedonian", "Ѓорѓи Љупчо", {"Gjorgji Ljupcho", "Gorgi Ljupco", "Gorgi Lyupcho"}),
        ("serbian", "Đorđe Živković", {"Dorde Zivkovic", "Djordje Zhivkovich", "Djordje Zivkovic"}),
        ("polish", "Łukasz Żurawski", {"Lukasz Zurawski"}),
    ],
)
def test_a_name_has_up_to_three_ways_into_latin_letters(language: str, name: str, ways: set[str]) -> None:
    chance = stream(1, "spelling")
    assert {in_latin(chance, name, language=language) for _ in range(60)} == ways


def test_every_letter_of_every_name_becomes_latin() -> None:
    chance = stream(2, "spelling")
    for people in load_peoples().values():
        for language in people.languages:
            surnames = [stem + ending for stem in language.stems for ending in language.endings]
            for name in (*language.women, *language.men, *surnames):
                assert in_latin(chance, name, language=language.language).isascii(), name
    assert {len(ways) for ways in SCHEMES.values()} == {3}


def test_serbian_names_are_written_in_both_scripts() -> None:
    assert in_serbian_cyrillic("Njegović Željko") == "Његовић Жељко"
    parts = NameParts("Đorđe", "", "Petrović", "", "serbian")
    chance = stream(3, "spelling")
    assert {home_name(chance, parts) for _ in range(80)} == {"Ђорђе Петровић", "Đorđe Petrović", "Dorde Petrovic"}


def test_patronymics_wander_and_women_have_two_surnames() -> None:
    chance = stream(4, "spelling")
    parts = NameParts("Мария", "Иванова", "Петрова", "Стоянова", "bulgarian")
    names = {foreign_name(chance, parts) for _ in range(400)}
    assert any(name.startswith("Mari") and "Ivanova" in name.split()[1] for name in names)
    assert any("Ivanova" in name.split()[-1] for name in names)
    assert any("Stoyanova" in name and "Petrova" not in name for name in names)
    assert any("Stoyanova-Petrova" in name for name in names)


def test_surnames_follow_the_sex_where_the_language_asks_for_it() -> None:
    bulgaria = load_peoples()[Country.BG].languages[0]
    assert inflected(("Петр", "ов"), language=bulgaria, female=True) == "Петрова"
    assert inflected(("Петр", "ов"), language=bulgaria, female=False) == "Петров"


@pytest.mark.parametrize("country", list(load_peoples()))
def test_a_number_written_in_any_way_is_the_same_number(country: Country) -> None:
    people, chance = load_peoples()[country], stream(5, "spelling")
    number = phone_number(people, 1234567)
    ways = {written_phone(chance, number, home=people) for _ in range(200)}
    assert len(ways) >= 5
    assert {match_key(EntityKind.PHONE, way, country=country) for way in ways} == {number}


def test_plates_and_documents_look_alike_and_fold_back() -> None:
    chance = stream(6, "spelling")
    plates = {
        written_plate(chance, "KA1234BE", script=script) for script in ("latin", "greek", "cyrillic") for _ in range(60)
    }
    assert len(plates) == 9
    assert {match_key(EntityKind.VEHICLE, plate, country=Country.GR) for plate in plates} == {"KA1234BE"}
    documents = {written_document(chance, "AB1002010") for _ in range(100)}
    assert documents == {"AB1002010", "AB1O02010", "ABI002010"}
    assert len({match_key(EntityKind.IDENTITY_DOCUMENT, one, country=Country.RO) for one in documents}) == 1


def test_birth_dates_are_recorded_as_specified() -> None:
    chance, born = stream(7, "spelling"), date(2008, 3, 9)
    found = [recorded_birth(chance, born) for _ in range(20_000)]
    shares = {
        "exact": sum(one == (born, "day") for one in found),
        "swapped": sum(one == (date(2008, 9, 3), "day") for one in found),
        "year": sum(precision == "year" for _, precision in found),
        "off": sum(precision == "day" and day.year != 2008 for day, precision in found),
    }
    for kind, share in {"exact": 0.70, "swapped": 0.08, "year": 0.15, "off": 0.07}.items():
        assert shares[kind] / len(found) == pytest.approx(share, abs=0.01), kind


def test_serials_give_each_number_once_and_run_out() -> None:
    serials = Serials(101, chance=stream(8, "spelling"))
    assert sorted(serials.draw() for _ in range(101)) == list(range(101))
    with pytest.raises(ValueError, match="space"):
        serials.draw()
    scrambled = Serials(101, chance=stream(8, "spelling"))
    assert sorted(scrambled.draw_scrambled() for _ in range(101)) == list(range(101))
