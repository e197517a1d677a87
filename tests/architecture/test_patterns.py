"""What may stand in no file: code out of bytes, shells, blind trust, foretold noise, one machine's paths."""

import pytest

from sbtest.house.patterns import violations_in_calls, violations_in_imports, violations_in_noise, violations_in_text
from sbtest.house.sources import ROOT, SOURCE_ROOTS, Source, list_paths, list_sources

# Constraint and licence texts are long and hold no path; images are not text.
_NOT_TEXT = (".png", ".ico", ".woff2", ".safetensors", ".gz")


def planted(text: str, *, path: str = "kit/safeborders/kit/planted.py") -> Source:
    return Source(path=path, text=text)


def test_no_call_runs_foreign_code_or_trusts_blindly() -> None:
    assert [
        one for source in list_sources(*SOURCE_ROOTS, "tests", "benchmarks") for one in violations_in_calls(source)
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        "import torch\ntorch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.FullLoader)",
        "yaml.unsafe_load(text)",
        "eval(text)",
        "exec(text)",
        "subprocess.run(command, shell=True)",
        "os.system(command)",
        "httpx.get(url, verify=False)",
        "context.verify_mode = ssl.CERT_NONE",
    ],
)
def test_a_planted_call_is_found(text: str) -> None:
    assert violations_in_calls(planted(text))


@pytest.mark.parametrize(
    "text", ["torch.load(path, weights_only=True)", "yaml.safe_load(text)", "model.eval()", "re.compile(text)"]
)
def test_a_harmless_call_passes(text: str) -> None:
    assert violations_in_calls(planted(text)) == []


def test_libraries_are_imported_only_at_home() -> None:
    assert [one for source in list_sources(*SOURCE_ROOTS) for one in violations_in_imports(source)] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("import pickle", "node/safeborders/node/ingest/planted.py"),
        ("from joblib import load", "node/safeborders/node/ingest/planted.py"),
        ("import flwr.app", "server/safeborders/server/registry/planted.py"),
        ("from torch import nn", "server/safeborders/server/federation/planted.py"),
        ("def f():\n    import opacus", "node/safeborders/node/learning/planted.py"),
        ("from sqlalchemy import select", "node/safeborders/node/services/planted.py"),
    ],
)
def test_a_planted_import_is_found(text: str, path: str) -> None:
    assert violations_in_imports(planted(text, path=path))


def test_an_import_at_home_passes() -> None:
    assert violations_in_imports(planted("import flwr.app", path="node/safeborders/node/learning/planted.py")) == []


def test_noise_and_sampling_cannot_be_foretold() -> None:
    assert [one for source in list_sources("privacy", "kit") for one in violations_in_noise(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import random",
        "from random import gauss",
        "from numpy.random import default_rng",
        "np.random.seed(1)",
        "torch.manual_seed(1)",
    ],
)
def test_planted_predictable_noise_is_found(text: str) -> None:
    assert violations_in_noise(planted(text))


def test_the_operating_systems_randomness_passes() -> None:
    assert violations_in_noise(planted("import secrets\nsecrets.SystemRandom().random()\n")) == []


def test_no_file_names_one_machines_paths_or_a_registry() -> None:
    found = []
    for path in list_paths():
        if not path.endswith(_NOT_TEXT):
            found += violations_in_text(path, (ROOT / path).read_text(encoding="utf-8"))
    assert found == []


@pytest.mark.parametrize(
    "text", ["see /wo" + "rk/main/x.py", "/ro" + "ot/.config/pip", "index https://py" + "pi.org/simple"]
)
def test_a_planted_path_or_registry_is_found(text: str) -> None:
    assert violations_in_text("README.md", text)


@pytest.mark.parametrize("text", ["https://example.eu/work/plan", "a/work/item", "${HOME}/work/x"])
def test_other_paths_pass(text: str) -> None:
    assert violations_in_text("README.md", text) == []
