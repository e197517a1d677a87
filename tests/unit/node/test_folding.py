"""Names meet across scripts, and different names stay apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeborders.node.services.folding import fold, matches


@pytest.mark.parametrize(
    "spellings",
    [
        ("Παπαδόπουλος", "Papadopoulos", "PAPADOPOULOS", "Пападопулос"),
        ("Χρήστος", "Christos", "Hristos", "Христос"),
        ("Γεώργιος", "Georgios", "Георгиос"),
        ("Μπάμπης", "Bampis", "Babis"),
        ("Георги Иванов", "Georgi Ivanov", "GEORGI  IVANOV"),
        ("Ђорђевић", "Đorđević"),
        ("Łukasz Wójcik", "Lukasz Wojcik"),
        ("Ștefan Țîrlea", "Stefan Tirlea", "Ştefan Ţîrlea"),
        ("Шабан", "Shaban"),
    ],
)
def test_one_name_in_several_scripts_folds_to_one(spellings: tuple[str, ...]) -> None:
    assert len({fold(spelling) for spelling in spellings}) == 1


def test_different_names_stay_apart() -> None:
    names = ["Papadopoulos", "Papanikolaou", "Ivanov", "Ivanova", "Georgi", "Giorgos", "Wojcik"]

    assert len({fold(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("ivanov georgi", "Georgi Ivanov", True),
        ("ivan", "Georgi Ivanov", True),
        ("ivanov petar", "Georgi Ivanov", False),
        ("210 12 345", "+30 210 1234567", True),
        ("999", "+30 210 1234567", False),
        ("!!", "Georgi Ivanov", False),
        ("\x00", "Georgi Ivanov", False),
    ],
)
def test_every_word_must_occur_and_numbers_match_without_blanks(query: str, text: str, *, found: bool) -> None:
    assert matches(fold(query), fold(text)) is found


@given(st.text(max_size=60))
def test_any_text_folds_and_folding_twice_changes_nothing_that_is_found(text: str) -> None:
    folded = fold(text)

    assert folded == folded.strip()
    assert not folded or matches(folded, folded)
