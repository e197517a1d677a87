"""Rows (lines of a file) per second and peak memory of an import, for FollowTheMoney and CSV into both databases.

The memory is that of the importer and its parser together, each at its own peak; a PostgreSQL server's is not in it.
Each measurement runs in a process of its own, on an empty database, from opening the file to the commit. The seconds of
processor time tell how much of the two cores each side took; the first of them is what bounds the speed.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib import import_module
from itertools import product
from pathlib import Path

from benchmarks.ingest_files import ENVELOPE, MAPPING, write_csv, write_ftm
from safeborders.kit.clock import system_clock
from safeborders.kit.logs import set_up_logs
from safeborders.models.domain.countries import Country
from safeborders.node.ingest.importing import FileReport, Importer, ImportOptions
from safeborders.node.storage.database import Place, open_store

_FORMATS = ("ftm", "csv")
_DATABASES = ("sqlcipher", "postgresql")


def measure(path: Path, *, format_name: str, place: Place) -> dict[str, object]:
    """Import the file into the database, and return its speed and the peak of memory."""
    set_up_logs(level=40)
    store = open_store(place)
    store.upgrade()
    options = ImportOptions(
        format=format_name,
        mapping=MAPPING.encode() if format_name == "csv" else None,
        envelope=None if format_name == "csv" else ENVELOPE,
    )
    importer = Importer(store, country=Country.GR, now=system_clock, options=options)
    started = time.monotonic()
    report: FileReport = importer.apply(path, tell=lambda _path, _read: None)
    seconds = time.monotonic() - started
    store.close()
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    peaks = [use.ru_maxrss for use in uses]
    work = [round(use.ru_utime + use.ru_stime, 2) for use in uses]
    return {
        "seconds": round(seconds, 2),
        "peak_mib": round(sum(peaks) / 1024, 1),
        "importer_mib": round(peaks[0] / 1024, 1),
        "parser_mib": round(peaks[1] / 1024, 1),
        "importer_cpu_seconds": work[0],
        "parser_cpu_seconds": work[1],
        "table_rows": report.new,
    }


def _measure_apart(path: Path, *, format_name: str, database: str) -> dict[str, object]:
    """Measure in a process of its own, whose memory nothing else has touched."""
    with ExitStack() as stack:
        if database == "postgresql":
            sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
            where = stack.enter_context(import_module("sbtest.postgres").postgres_server())
        else:
            where = str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "node.db")
        command = [sys.executable, "-m", "benchmarks.ingest", "--one", format_name, str(path), where]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def main() -> None:
    """Measure every pair and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", default=_FORMATS, choices=_FORMATS)
    parser.add_argument("--databases", nargs="+", default=_DATABASES, choices=_DATABASES)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        format_name, path, where = options.one
        place = Place(url=where) if "://" in where else Place(path=Path(where), key_hex="ab" * 32)
        print(json.dumps(measure(Path(path), format_name=format_name, place=place)))
        return
    results = []
    with tempfile.TemporaryDirectory() as name:
        for format_name, database in product(options.formats, options.databases):
            path = Path(name) / f"benchmark.{format_name}"
            if not path.exists():
                (write_csv if format_name == "csv" else write_ftm)(path, rows=options.rows)
            found = _measure_apart(path, format_name=format_name, database=database)
            speed = round(options.rows / float(str(found["seconds"])))
            results.append({"format": format_name, "database": database, "rows_per_second": speed, **found})
            if not options.json:
                print(f"{format_name} into {database}: {speed} rows/s, {found['peak_mib']} MiB")
    print(json.dumps({"rows": options.rows, "results": results}))


if __name__ == "__main__":
    main()
