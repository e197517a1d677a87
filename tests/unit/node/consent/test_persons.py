"""Two approvals are two people's: another spelling, accent, script or order of a name is no other person."""

import pytest

from safeborders.node.consent.errors import ReasonMissing
from safeborders.node.consent.persons import Person, distinct, operator, profile_author, token_holder

MARIA = operator("mpapa", name="Maria Papadopoulou")


@pytest.mark.parametrize(
    "other",
    [
        operator("mpapa", name="Somebody Else"),
        operator("other", name="maria  PAPADOPOULOU"),
        operator("other", name="María Papadopoulou"),
        operator("other", name="Papadopoulou, Maria"),
        operator("other", name="mpapa"),
        token_holder("0190-a", name="Maria-Papadopoulou"),
        token_holder("0190-a", name="MPapa"),
    ],
)
def test_the_same_login_or_the_same_words_are_one_person(other: Person) -> None:
    assert MARIA.is_same_as(other)
    assert other.is_same_as(MARIA)
    assert distinct([MARIA, other]) == [MARIA]


def test_the_same_token_is_one_person_under_any_name() -> None:
    assert token_holder("0190-a", name="Anna").is_same_as(token_holder("0190-a", name="Boris"))


def test_names_in_another_script_are_compared_by_sound() -> None:
    assert token_holder("a", name="Иван Петров").is_same_as(token_holder("b", name="Ivan Petrov"))


def test_control_two_people_are_two() -> None:
    nikos = operator("nikos", name="Nikos Georgiou")
    assert not MARIA.is_same_as(nikos)
    assert distinct([MARIA, nikos, profile_author()]) == [MARIA, nikos]


@pytest.mark.parametrize("name", ["", "  ", "...", "x" * 129, "Maria\x1b[2J"])
def test_a_decision_without_a_name_of_a_person_is_refused(name: str) -> None:
    with pytest.raises(ReasonMissing):
        operator("mpapa", name=name)


def test_a_login_with_odd_characters_names_itself_in_the_audit_log() -> None:
    assert operator("DOM\\maria k", name="Maria").id == "login:DOM-maria-k"
