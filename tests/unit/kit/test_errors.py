"""Errors say one sentence and keep the rest for the log."""

from safeborders.kit.errors import Conflict, SafeBordersError, Unavailable


def test_an_error_shows_its_sentence_and_hides_its_context() -> None:
    error = Conflict("The round is closed: wait for the next.", person="Maria Papadopoulou")
    assert str(error) == "The round is closed: wait for the next."
    assert error.context == {"person": "Maria Papadopoulou"}
    assert "Maria" not in repr(error)
    assert repr(error) == "<Conflict object.conflict>"


def test_every_reason_can_be_caught_as_the_family() -> None:
    assert issubclass(Unavailable, SafeBordersError)
    assert Unavailable.code != SafeBordersError.code
