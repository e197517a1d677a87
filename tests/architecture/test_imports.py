"""The import contracts of pyproject.toml hold, and a planted violation breaks each kind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sbtest.house.sources import ROOT, SOURCE_ROOTS

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(tree: Path) -> tuple[int, str]:
    """Run import-linter on the checkout at ``tree``, without the installed one in its way."""
    path = os.pathsep.join(str(tree / root) for root in SOURCE_ROOTS)
    done = subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources that a test may spoil."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for root in SOURCE_ROOTS:
        shutil.copytree(ROOT / root, copy / root, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_every_contract_is_kept(tree: Path) -> None:
    code, shown = lint(tree)
    assert code == 0, shown
    assert "0 broken" in shown


@pytest.mark.parametrize(
    ("place", "text", "contract"),
    [
        ("server/safeborders/server/planted.py", "import safeborders.node.storage.base", "layers"),
        ("kit/safeborders/kit/planted.py", "import safeborders.models.architecture", "layers"),
        ("privacy/safeborders/privacy/planted.py", "import sqlalchemy", "models and privacy know no web"),
        ("models/safeborders/models/protocol/planted.py", "import torch", "start without torch"),
        ("server/safeborders/server/registry/planted.py", "import torch", "no code that trains"),
    ],
)
def test_a_planted_import_breaks_its_contract(tree: Path, place: str, text: str, contract: str) -> None:
    planted = tree / place
    planted.write_text(f'"""Planted."""\n\n{text}\n', encoding="utf-8")
    try:
        code, shown = lint(tree)
    finally:
        planted.unlink()
    assert code == 1
    assert any(contract in line and "BROKEN" in line for line in shown.splitlines()), shown
