"""The node's API starts without the libraries of learning."""

import json
import subprocess
import sys

import pytest

_PROGRAM = """
import json, sys, time
began = time.process_time()
import {module}
heavy = {{"torch", "opacus", "torch_geometric", "flwr", "sklearn", "scipy", "dp_accounting"}} & set(sys.modules)
print(json.dumps([time.process_time() - began, sorted(heavy)]))
"""


def heavy_imports(module: str) -> list[str]:
    """Return which heavy libraries are loaded with ``module``."""
    program = _PROGRAM.format(module=module)
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    _seconds, heavy = json.loads(output)
    return list(heavy)


@pytest.mark.parametrize("module", ["safeborders.node.app", "safeborders.node.serve"])
def test_the_api_imports_nothing_of_learning(module: str) -> None:
    assert heavy_imports(module) == []


def test_a_heavy_import_is_noticed() -> None:
    assert heavy_imports("scipy") == ["scipy"]
