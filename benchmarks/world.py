"""Seconds and peak memory to write a synthetic country of so many persons, each size in a process of its own."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from safeborders.models.domain.countries import Country
from safeborders.sandbox.world.creation import write_world
from safeborders.sandbox.world.sizes import scaled_size

SIZES = (10_000, 100_000)
_SEED = 7
_LONGEST_SECONDS = 3600


def measure(persons: int, *, countries: Sequence[Country], folder: Path) -> dict[str, object]:
    """Return what it took to write a world with ``persons`` in each of ``countries``."""
    started, worked = time.monotonic(), time.process_time()
    size = scaled_size(persons, countries=countries)
    summary = write_world(size, seed=_SEED, out=folder, progress=lambda _done, _total: None)
    rows = sum(sum(counts) for counts in summary.rows.values())
    return {
        "persons_asked": persons,
        "countries": [country.value for country in countries],
        "persons": sum(summary.persons.values()),
        "rows": rows,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(time.process_time() - worked, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "disk_mib": round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure each size in a new process; print JSON as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--country", nargs="+", default=["gr"], choices=[one.value for one in Country])
    parser.add_argument("--here", action="store_true", help="measure the first size in this process")
    parser.add_argument("--json", action="store_true", help="print only the JSON line")
    options = parser.parse_args(arguments)
    if options.here:
        with tempfile.TemporaryDirectory() as folder:
            countries = [Country(code) for code in options.country]
            sys.stdout.write(json.dumps(measure(options.persons[0], countries=countries, folder=Path(folder))) + "\n")
        return 0
    results = []
    for persons in options.persons:
        command = [sys.executable, "-m", "benchmarks.world", "--here", "--persons", str(persons)]
        done = subprocess.run(
            [*command, "--country", *options.country],
            capture_output=True,
            check=True,
            text=True,
            timeout=_LONGEST_SECONDS,
        )
        results.append(json.loads(done.stdout))
        if not options.json:
            sys.stdout.write(f"{results[-1]}\n")
    sys.stdout.write(json.dumps({"results": results}) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
