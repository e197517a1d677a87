"""Seconds per no-op round with 100,000 parameters: our federation against stock Flower, in the same run.

Ours: every node a process of its own, mutual TLS through the real edge, a real SuperLink, registry saved each round.
Stock: flower-superlink and flower-supernode with subprocess isolation, TLS and node authentication.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.local_federation import LocalFederation, countries_of
from benchmarks.stock_flower import measure_stock

_ROUND_SECONDS = 60.0


def measure_ours(folder: Path, *, nodes: int, rounds: int) -> float:
    """Return the seconds per round of our federation; the first round, which warms up, is left out."""
    federation = LocalFederation(folder, countries_of(nodes))
    try:
        federation.start()
        federation.start_run("bench", rounds=rounds + 1)
        federation.wait_for_round("bench", 1, seconds=_ROUND_SECONDS)
        started_at = time.monotonic()
        federation.wait_for_round("bench", rounds + 1, seconds=rounds * _ROUND_SECONDS)
        return (time.monotonic() - started_at) / rounds
    finally:
        federation.stop()


def main() -> None:
    """Measure both and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=3, choices=range(1, 10))
    parser.add_argument("--rounds", type=int, default=10, help="measured rounds of ours")
    parser.add_argument("--stock-rounds", type=int, default=2, help="measured rounds of stock Flower; 0 leaves it out")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        ours = measure_ours(Path(name), nodes=options.nodes, rounds=options.rounds)
    if not options.json:
        print(f"ours: {ours:.2f} s per round")
    stock = None
    if options.stock_rounds:
        with tempfile.TemporaryDirectory() as name:
            stock = measure_stock(Path(name), nodes=options.nodes, rounds=options.stock_rounds + 1)
    result = {
        "nodes": options.nodes,
        "seconds_per_round": round(ours, 3),
        "stock_seconds_per_round": None if stock is None else round(stock, 3),
        "ratio": None if stock is None else round(stock / ours, 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
