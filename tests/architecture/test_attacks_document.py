"""docs/attacks.md says what the list of attacks says, and every test that it names is there."""

import ast

import pytest

from sbtest.attack_kinds import Attack
from sbtest.attacks import ATTACKS, to_markdown
from sbtest.house.sources import ROOT


def missing_tests(*names: str) -> list[str]:
    """Return the tests that are not where their names say."""
    return [name for name in names if not _exists(name)]


def _exists(name: str) -> bool:
    path, *inner = name.partition("[")[0].split("::")
    file = ROOT / path
    if not file.is_file():
        return False
    body: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
    for part in inner:
        found = [one for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == part]
        if not found:
            return False
        body = found[0].body
    return bool(inner)


def test_the_page_is_the_list() -> None:
    assert (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8") == to_markdown()


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.key for attack in ATTACKS])
def test_every_named_test_and_control_exists(attack: Attack) -> None:
    assert attack.tests
    assert attack.controls
    assert missing_tests(*attack.tests, *attack.controls) == []


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.key for attack in ATTACKS])
def test_every_defence_stands_where_it_is_taken_from(attack: Attack) -> None:
    for removal in attack.removals:
        part, *rest = removal.module.removeprefix("safeborders.").split(".")
        path = ROOT / part / "safeborders" / part / ("/".join(rest) + ".py")
        assert path.read_text(encoding="utf-8").count(removal.old) == 1, removal


def test_a_test_that_is_not_there_is_found() -> None:
    here = "tests/architecture/test_attacks_document.py"
    assert missing_tests(f"{here}::test_nothing", f"{here}::Test::test_the_page_is_the_list", "tests/no.py::test") != []
    assert missing_tests(f"{here}::test_the_page_is_the_list") == []


def test_attacks_have_names_of_their_own() -> None:
    keys = [attack.key for attack in ATTACKS]
    assert len(set(keys)) == len(keys)
