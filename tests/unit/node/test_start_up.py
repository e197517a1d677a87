"""Programs start without the libraries that they may need later, or never."""

import json
import subprocess
import sys

import pytest

_PROGRAM = """
import json, sys
import {module}
heavy = {{"torch", "opacus", "torch_geometric", "flwr", "sklearn", "scipy", "dp_accounting"}} & set(sys.modules)
print(json.dumps(sorted(heavy)))
"""


def heavy_imports(module: str) -> list[str]:
    """Return which heavy libraries are loaded with ``module``."""
    program = _PROGRAM.format(module=module)
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    return list(json.loads(output))


@pytest.mark.parametrize("module", ["safeborders.node.serve", "safeborders.privacy.ledger"])
def test_api_and_ledger_import_nothing_of_learning(module: str) -> None:
    assert heavy_imports(module) == []


def test_a_learner_imports_what_it_needs_for_every_run_and_no_more() -> None:
    assert heavy_imports("safeborders.node.learner") == ["flwr", "scipy", "torch"]


def test_a_heavy_import_is_noticed() -> None:
    assert heavy_imports("scipy") == ["scipy"]
