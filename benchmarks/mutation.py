"""How many small faults the tests notice: ``python -m benchmarks.mutation ledger policy masks --json``.

Every mutant of a module (benchmarks/mutants.py) runs its tests in a process of its own, forked from one that has
imported the libraries already; one that fails a test, or hangs, is killed. The module is never changed on disk: the
child imports the mutant in its place. docs/decisions/0184 holds the figures and says why each survivor is equivalent.
"""

import argparse
import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from benchmarks.mutants import Mutant, build_mutants

ROOT = Path(__file__).parents[1]
_OURS = ("safeborders", "sbtest", "tests", "benchmarks", "conftest", "__main__", "__mp_main__")
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
_LIST_MODULES = "import sys, pytest; pytest.main(sys.argv[1:]); print(); print(*sorted(sys.modules))"


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

GROUPS: dict[str, tuple[Subject, ...]] = {
    "ledger": (
        Subject(f"{_PRIVACY}/ledger.py", _LEDGER, chosen="not postgres and not sqlcipher"),
        Subject("node/safeborders/node/storage/ledger_store.py", (_LEDGER[1], "tests/contract/test_audit_log.py")),
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


class _Substitute(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a mutant in place of its module."""

    def __init__(self, name: str, *, tree: ast.Module, path: Path) -> None:
        self._name, self._tree, self._path = name, tree, path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: types.ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)  # noqa: S102  # our own source, one fault


def preload(tests: Sequence[str]) -> None:
    """Import every library that ``tests`` use, and nothing of ours, so that children start fast."""
    command = [sys.executable, "-c", _LIST_MODULES, "--collect-only", "-q", *tests]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    for name in listed.stdout.splitlines()[-1].split():
        if name.split(".")[0] not in _OURS:
            try:
                importlib.import_module(name)
            except ImportError:  # made by its package while it ran, and found nowhere
                continue


def passes(subject: Subject, *, tree: ast.Module | None, seconds: float) -> bool:
    """Tell whether all tests pass, each entry within ``seconds``, with ``tree`` in place of the module."""
    return all(_run(subject, tests, tree=tree, seconds=seconds) for tests in subject.tests)


def _run(subject: Subject, tests: str, *, tree: ast.Module | None, seconds: float) -> bool:
    child = os.fork()
    if child == 0:
        os.setsid()
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        if tree is not None:
            sys.meta_path.insert(0, _Substitute(subject.module, tree=tree, path=ROOT / subject.path))
        code: int = 1
        try:
            code = int(pytest.main([*_OPTIONS, "-k", subject.chosen, tests]))
        finally:
            os._exit(code)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def score(subject: Subject, *, lines: range | None, verbose: bool) -> Score:
    """Return what the tests notice of a module's mutants."""
    preload(subject.tests)
    start = time.monotonic()
    if not passes(subject, tree=None, seconds=600):
        raise SystemExit(f"The tests of {subject.path} fail without a fault: mend them first.")
    patience = 10 + 5 * (time.monotonic() - start)
    mutants = [one for one in build_mutants((ROOT / subject.path).read_text()) if lines is None or one.line in lines]
    survivors: list[Mutant] = []
    for mutant in mutants:
        survived = passes(subject, tree=mutant.tree, seconds=patience)
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
