"""The authority stands apart: nothing that runs at the coordinator or a node can reach what signs certificates.

That no file at the coordinator can sign is shown by tests/integration/test_enrolment_commands.py.
"""

import ast
from collections.abc import Iterable

import pytest

from sbtest.house.sources import Source, list_sources

AUTHORITY = "safeborders.server.authority"
SIGNING = frozenset(
    {
        "create_authority",
        "create_root",
        "create_issuing_authority",
        "issue_certificate",
        "issue_revocations",
        "issue_kit",
    }
)
MAY_SIGN = {"server/safeborders/server/federation/link.py"}  # for loopback; the key of that authority is never kept


def violations(sources: Iterable[Source]) -> list[str]:
    """Return where code outside the authority imports it, or imports what signs."""
    found = []
    for source in sources:
        if "/server/authority/" in source.path or source.path in MAY_SIGN:
            continue
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, ast.ImportFrom):
                module, names = node.module or "", {alias.name for alias in node.names}
                reached = {module, *(f"{module}.{name}" for name in names)}
            elif isinstance(node, ast.Import):
                names, reached = set(), {alias.name for alias in node.names}
            else:
                continue
            is_authority = any(name == AUTHORITY or name.startswith(f"{AUTHORITY}.") for name in reached)
            if is_authority or names & SIGNING or any(name.endswith("kit.sealed_keys") for name in reached):
                found.append(f"{source.path}: {sorted(reached)}")
    return found


def test_what_runs_imports_nothing_that_signs_certificates() -> None:
    sources = list_sources("server", "node", "configs", "sandbox")
    assert any("/server/authority/" in source.path for source in sources)
    assert violations(sources) == []


@pytest.mark.parametrize(
    "text",
    [
        "from safeborders.server.authority.keys import open_authority",
        "from safeborders.server import authority",
        "import safeborders.server.authority.signing",
        "from safeborders.kit.pki import issue_certificate",
        "from safeborders.kit.sealed_keys import KeySafe",
        "from safeborders.models.protocol.enrolment import Kit, issue_kit",
    ],
)
def test_a_planted_import_is_found(text: str) -> None:
    assert violations([Source(path="server/safeborders/server/planted.py", text=text)])
    assert violations([Source(path="server/safeborders/server/authority/planted.py", text=text)]) == []
