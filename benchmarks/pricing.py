"""What the price of a run costs: seconds of composing two tasks exactly, for persons of one country or of three."""

import argparse
import json
import time

from safeborders.privacy.accountant import epsilon
from safeborders.privacy.events import AttributedGaussian

DELTA = 1e-5


def measure(rounds: int, countries: int) -> dict[str, float | int]:
    """Return what one price costs that this process has not asked for before: prices are kept."""
    events = [
        AttributedGaussian(
            task, 0.1, noise + countries + rounds / 1000, countries, grid=2**16, dimension=300, steps=rounds
        )
        for task, noise in (("typology", 5.123), ("links", 9.321))
    ]
    started = time.perf_counter()
    price = epsilon(events, delta=DELTA)
    seconds = time.perf_counter() - started
    return {"rounds": rounds, "countries": countries, "epsilon": round(price, 4), "seconds": round(seconds, 3)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, nargs="+", default=[30, 300])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    measure(1, 1)  # what a process does once
    results = [measure(rounds, countries) for rounds in arguments.rounds for countries in (1, 3)]
    if arguments.json:
        print(json.dumps({"results": results}))
        return
    for result in results:
        print("  ".join(f"{name} {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
