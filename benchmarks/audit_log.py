"""What a log costs: milliseconds an append, seconds and bytes of a checkpoint with its proofs.

Appends are transactions with a sync each on a SQLCipher file; proofs are over logs of several sizes.
"""

import argparse
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from safeborders.kit.transparency.merkle import MerkleTree, is_consistent, leaf_hash
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.database import Place, open_store


def measure_appends(rows: int) -> dict[str, float | int]:
    """Return what ``rows`` appends cost, each its own transaction."""
    event = AuditEvent(Operation.CONSULTATION, action="lookup.search", actor="token-1", purpose="P2")
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Place(path=Path(folder) / "log_test.db", key_hex="ab" * 32))
        store.upgrade()
        log, spent = SqlAuditLog(store.engine), []
        for _ in range(rows):
            started = time.perf_counter()
            log.record(event, at=datetime.now(UTC))
            spent.append(time.perf_counter() - started)
        store.close()
    slowest = sorted(spent)[int(0.99 * len(spent))]
    return {"rows": rows, "append_ms": round(1e3 * statistics.median(spent), 3), "p99_ms": round(1e3 * slowest, 3)}


def measure_proofs(rows: int) -> dict[str, float | int]:
    """Return size and time of the proofs in a log of ``rows`` rows; half of them were seen before."""
    tree = MerkleTree(leaf_hash(number.to_bytes(8)) for number in range(rows))
    started = time.perf_counter()
    proof = tree.consistency_proof(rows // 2 + 1)
    made = time.perf_counter() - started
    old, root = tree.root(rows // 2 + 1), tree.root()
    started = time.perf_counter()
    if not is_consistent(rows // 2 + 1, old, size=rows, root=root, proof=proof):
        raise RuntimeError("The proof must hold.")
    checked = time.perf_counter() - started
    return {
        "rows": rows,
        "consistency_bytes": 32 * len(proof),
        "inclusion_bytes": 32 * len(tree.inclusion_proof(rows // 3)),
        "prove_us": round(1e6 * made, 1),
        "check_us": round(1e6 * checked, 1),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500, help="appends")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    results = {
        "appends": measure_appends(given.rows),
        "proofs": [measure_proofs(10**power) for power in (3, 4, 5)],
    }
    if given.json:
        print(json.dumps(results))
    else:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
