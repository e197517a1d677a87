"""Seven folders, one namespace; every package says what it is."""

from sbtest.house.layout import (
    packages_without_marker,
    violations_in_docstring,
    violations_in_names,
    violations_in_namespace,
)
from sbtest.house.sources import ROOT, SOURCE_ROOTS, Source, list_paths, list_sources


def test_nothing_hides_or_leaves_the_namespace() -> None:
    assert violations_in_namespace(list_paths()) == []


def test_planted_files_that_hide_or_leave_it_are_found() -> None:
    assert violations_in_namespace(["node/safeborders/__init__.py"])
    assert violations_in_namespace(["privacy/ledger.py"])
    assert violations_in_namespace(["node/safeborders/node/__init__.py", "tests/conftest.py"]) == []


def test_every_package_shows_its_types() -> None:
    assert packages_without_marker(list_paths()) == []


def test_a_package_without_types_is_found() -> None:
    assert packages_without_marker(["kit/safeborders/kit/errors.py"]) == ["kit/safeborders/kit"]


def test_every_module_has_a_docstring_and_packages_only_that() -> None:
    assert [
        one for source in list_sources(*SOURCE_ROOTS, "tests/support") for one in violations_in_docstring(source)
    ] == []


def test_a_silent_module_and_a_package_with_code_are_found() -> None:
    assert violations_in_docstring(Source(path="kit/safeborders/kit/a.py", text="x = 1\n"))
    assert violations_in_docstring(Source(path="kit/safeborders/kit/__init__.py", text='"""Doc."""\nx = 1\n'))


def test_no_file_has_a_name_that_could_mean_anything() -> None:
    assert violations_in_names(list_paths()) == []


def test_a_vague_name_is_found() -> None:
    assert violations_in_names(["node/safeborders/node/utils.py"])


def test_the_readme_names_both_commands() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def test_the_licence_is_complete() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    articles = [line.partition(".")[0] for line in text.splitlines() if line.partition(".")[0].isdigit()]
    assert articles == [str(number) for number in range(1, 16)]
    assert "Appendix" in text
