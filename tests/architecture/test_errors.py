"""One class for each reason, one code for each class."""

import pytest

from sbtest.house.error_family import list_errors, violations_in_family
from sbtest.house.sources import SOURCE_ROOTS, Source, list_sources

ROOT = 'class SafeBordersError(Exception):\n    """Root."""\n    code: ClassVar[str] = "internal"\n'


def family(text: str) -> list[str]:
    return violations_in_family(list_errors([Source(path="kit/safeborders/kit/planted.py", text=ROOT + text)]))


def test_every_error_has_its_own_code_and_sentence() -> None:
    errors = list_errors(list_sources(*SOURCE_ROOTS))
    assert {"SafeBordersError", "SettingsError"} <= {error.name for error in errors}
    assert violations_in_family(errors) == []


@pytest.mark.parametrize(
    "text",
    [
        'class A(SafeBordersError):\n    code = "a.b"\n',
        'class A(SafeBordersError):\n    """Doc."""\n',
        'class A(SafeBordersError):\n    """Doc."""\n    code = "NoFamily"\n',
        'class A(SafeBordersError):\n    """A."""\n    code = "a.b"\nclass B(A):\n    """B."""\n    code = "a.b"\n',
    ],
)
def test_a_planted_violation_is_found(text: str) -> None:
    assert family(text)


def test_a_complete_family_passes() -> None:
    assert (
        family(
            'class A(SafeBordersError):\n    """A."""\n    code = "a.b"\nclass B(A):\n    """B."""\n    code = "a.c"\n'
        )
        == []
    )
