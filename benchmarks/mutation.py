"""How many small faults the tests notice: ``python -m benchmarks.mutation ledger policy masks --json``.

A module's tests run once; then each mutant of it (benchmarks/mutants.py) runs them again in a child forked from that
process. In the child the faulty function's code takes the place of the right one; a fault outside of functions has the
child import everything of ours anew. A mutant that fails a test, or hangs, is killed. Nothing is changed on disk.
docs/decisions/0184 holds the figures and says why each survivor is equivalent.
"""

import argparse
import ast
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import json
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import pytest

from benchmarks.mutants import Mutant, build_mutants

ROOT = Path(__file__).parents[1]
_OURS = ("safeborders", "sbtest", "tests", "benchmarks", "conftest")
_OPTIONS: tuple[str, ...] = (
    "-x",
    "-q",
    "-p",
    "no:cacheprovider",
    "--no-header",
    "-k",
    "not postgres",
    "--hypothesis-seed=1",
)
_OPTIONS += ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # its plugins are imported already


@dataclass(frozen=True)
class Subject:
    """A module and the tests that must notice its faults: each entry is tried only if the ones before notice nothing.

    Attributes:
        path: The module.
        tests: What pytest is given, the fastest first.
        chosen: pytest's -k: one database says as much of a fault as two.
    """

    path: str
    tests: tuple[str, ...]
    chosen: str = "not postgres"

    @property
    def module(self) -> str:
        """Its name when it is imported."""
        return ".".join(Path(self.path).with_suffix("").parts[1:])


_LEDGER = ("tests/unit/privacy/test_ledger.py", "tests/contract/test_ledger_store.py")
_POLICY = ("tests/unit/privacy/agreement/test_engine.py", "tests/unit/privacy/agreement")
_MASKS = ("tests/unit/privacy/aggregation", "tests/privacy_audits/test_aggregation_attacks.py")
_PRIVACY = "privacy/safeborders/privacy"
_STORE = "sqlcipher and (audit or clause or come_back or last_activation or no_version)"  # each makes a database

GROUPS: dict[str, tuple[Subject, ...]] = {
    "ledger": (
        Subject(f"{_PRIVACY}/ledger.py", _LEDGER, chosen="not postgres and not sqlcipher"),
        Subject("node/safeborders/node/storage/ledger_store.py", _LEDGER[1:], chosen=_STORE),
    ),
    "policy": tuple(
        Subject(f"{_PRIVACY}/agreement/{name}.py", _POLICY)
        for name in ("engine", "decisions", "conditions", "breaches", "standing", "ways", "points", "facts")
    ),
    "masks": tuple(
        Subject(f"{_PRIVACY}/aggregation/{name}.py", _MASKS)
        for name in ("masking", "seeds", "party", "aggregator", "session")
    ),
}


@dataclass(frozen=True)
class Survivor:
    """A fault that no test noticed."""

    path: str
    line: int
    what: str


@dataclass(frozen=True)
class Score:
    """What became of a module's mutants."""

    path: str
    killed: int
    total: int
    survivors: tuple[Survivor, ...]


class _Substitute(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports a mutant in place of its module."""

    def __init__(self, name: str, *, tree: ast.Module, path: Path) -> None:
        self._name, self._tree, self._path = name, tree, path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def get_source(self, fullname: str) -> str:
        return ast.unparse(self._tree)

    def get_code(self, fullname: str) -> types.CodeType:
        return _code_of(self._tree, path=str(self._path))


def _code_of(source: str | ast.Module, *, path: str) -> types.CodeType:
    return importlib.abc.InspectLoader.source_to_code(source, path)


def run_tests(subject: Subject, tests: str) -> int:
    """Run ``tests`` in this process and return pytest's exit code; the modules stay imported."""
    return int(pytest.main([*_OPTIONS, "-k", subject.chosen, tests]))


def functions_of(subject: Subject) -> list[types.FunctionType]:
    """Return every function of the module that exists in this process, however it is decorated."""
    path = str(ROOT / subject.path)
    alive = [one for one in gc.get_objects() if isinstance(one, types.FunctionType)]
    return [one for one in alive if one.__code__.co_filename == path]


def plant(subject: Subject, tree: ast.Module, *, functions: Sequence[types.FunctionType]) -> None:
    """Put the fault in ``tree`` into this process, of which ``functions`` are those of the module."""
    path = str(ROOT / subject.path)
    faulty = {(code.co_qualname, code.co_firstlineno): code for code in _codes(_code_of(tree, path=path))}
    right = {(code.co_qualname, code.co_firstlineno): code for code in _codes(_compiled(path))}
    changed = {key for key, code in faulty.items() if key in right and right[key] != code}
    changed.discard(("<module>", 1))
    found = [one for one in functions if _key(one) in changed]
    if found and not any(right[key].co_flags & inspect.CO_NEWLOCALS == 0 for key in changed):
        for function in found:
            function.__code__ = faulty[_key(function)]
        return
    for name in [one for one in sys.modules if one.split(".")[0] in _OURS and one != __name__]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Substitute(subject.module, tree=tree, path=ROOT / subject.path))


def _key(function: types.FunctionType) -> tuple[str, int]:
    return function.__code__.co_qualname, function.__code__.co_firstlineno


@lru_cache(maxsize=1)
def _compiled(path: str) -> types.CodeType:
    return _code_of(Path(path).read_text(encoding="utf-8"), path=path)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def survives(subject: Subject, put: Callable[[], None], *, seconds: float) -> bool:
    """Tell whether all tests pass, each entry within ``seconds``, in a child that did ``put``."""
    return all(_passes(subject, tests, put=put, seconds=seconds) for tests in subject.tests)


def _passes(subject: Subject, tests: str, *, put: Callable[[], None], seconds: float) -> bool:
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 1
        try:
            _silence()
            put()
            code = run_tests(subject, tests)
        finally:
            os._exit(code)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _silence() -> None:
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)


def score(subject: Subject, *, lines: range | None, verbose: bool) -> Score:
    """Return what the tests notice of a module's mutants."""
    start = time.monotonic()
    with redirect_stdout(sys.stderr):
        if any(run_tests(subject, tests) for tests in subject.tests):
            raise SystemExit(f"The tests of {subject.path} fail without a fault: mend them first.")
    patience = 20 + 2 * (time.monotonic() - start)
    mutants = [one for one in build_mutants((ROOT / subject.path).read_text()) if lines is None or one.line in lines]
    survivors: list[Mutant] = []
    functions = functions_of(subject)
    _compiled(str(ROOT / subject.path))  # as it is now, whatever is written there meanwhile
    gc.freeze()  # a child that collects garbage would copy everything that it shares with this process
    for mutant in mutants:
        survived = survives(subject, partial(plant, subject, mutant.tree, functions=functions), seconds=patience)
        if survived:
            survivors.append(mutant)
        if verbose:
            sys.stderr.write(f"{'SURVIVED' if survived else 'killed  '} {subject.path}:{mutant.line} {mutant.what}\n")
    return Score(
        path=subject.path,
        killed=len(mutants) - len(survivors),
        total=len(mutants),
        survivors=tuple(Survivor(subject.path, one.line, one.what) for one in survivors),
    )


def main() -> None:
    """Score the named groups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="+", choices=sorted(GROUPS))
    parser.add_argument("--module", help="only the module with this file name, without .py")
    parser.add_argument("--lines", help="only these lines of it: FIRST-LAST")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="say each mutant's fate")
    given = parser.parse_args()
    first, last = (int(number) for number in given.lines.split("-")) if given.lines else (0, 0)
    lines = range(first, last + 1) if given.lines else None
    subjects = [one for group in given.groups for one in GROUPS[group]]
    if given.module:
        subjects = [one for one in subjects if Path(one.path).stem == given.module]
    sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]
    scores = [score(one, lines=lines, verbose=given.verbose) for one in subjects]
    if given.json:
        print(json.dumps({"results": [asdict(one) for one in scores]}, indent=2))
        return
    for one in scores:
        print(f"{one.killed:4} of {one.total:4} killed  {one.path}")
        for survivor in one.survivors:
            print(f"     {survivor.line}: {survivor.what}")


if __name__ == "__main__":
    main()
