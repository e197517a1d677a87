"""Files, functions and parameter lists stay small enough to review."""

import pytest

from sbtest.house.sizes import violations_in_length, violations_in_nesting, violations_in_parameters
from sbtest.house.sources import SOURCE_ROOTS, Source, list_sources

FILE_LINES = 400
TEST_FILE_LINES = 600


def planted(text: str) -> Source:
    return Source(path="kit/safeborders/kit/planted.py", text=text)


def test_files_and_functions_are_short() -> None:
    found = [
        one
        for source in list_sources(*SOURCE_ROOTS, "benchmarks")
        for one in violations_in_length(source, most_lines=FILE_LINES)
    ]
    found += [
        one for source in list_sources("tests") for one in violations_in_length(source, most_lines=TEST_FILE_LINES)
    ]
    assert found == []


def test_functions_take_few_parameters() -> None:
    assert [one for source in list_sources(*SOURCE_ROOTS) for one in violations_in_parameters(source)] == []


def test_blocks_do_not_nest_deeply() -> None:
    assert [one for source in list_sources(*SOURCE_ROOTS) for one in violations_in_nesting(source)] == []


def test_a_long_file_and_a_long_function_are_found() -> None:
    assert violations_in_length(planted("x = 1\n" * 401), most_lines=FILE_LINES)
    assert violations_in_length(planted("def f() -> None:\n" + "    x = 1\n" * 60), most_lines=FILE_LINES)
    assert not violations_in_length(planted("def f() -> None:\n" + "    x = 1\n" * 59), most_lines=FILE_LINES)


@pytest.mark.parametrize(
    "signature",
    [
        "def f(a, b, c): ...",
        "def f(a, *, b, c, d, e, g): ...",
        "class A:\n    def f(self, a, b, c): ...",
        "def _f(a, b, c, d): ...",
    ],
)
def test_too_many_parameters_are_found(signature: str) -> None:
    assert violations_in_parameters(planted(signature))


@pytest.mark.parametrize(
    "signature",
    [
        "def f(a, b, *, c, d, e): ...",
        "class A:\n    def f(self, a, b): ...",
        "def _f(a, b, c): ...",
        "class A:\n    def __call__(self, scope, receive, send): ...",
        "def f(_logger, _method, entry): ...",
        "@app.command()\ndef f(a, b, c, d, e, g): ...",
        "def f(a, b, c): ...  # house: the protocol of another library",
    ],
)
def test_few_or_excused_parameters_pass(signature: str) -> None:
    assert violations_in_parameters(planted(signature)) == []


def test_deep_nesting_is_found_and_elif_is_not_depth() -> None:
    deep = "def f():\n if a:\n  for b in c:\n   while d:\n    if e:\n     pass\n"
    flat = "def f():\n if a: pass\n elif b: pass\n elif c: pass\n elif d: pass\n elif e: pass\n"
    assert violations_in_nesting(planted(deep))
    assert violations_in_nesting(planted(flat)) == []
