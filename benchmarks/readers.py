"""How fast the readers of import formats are by themselves: lines a second of one core, without a database.

python -m benchmarks.readers --lines 200000 --json
"""

import argparse
import io
import json
import time

import orjson

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.sources.formats import SourceOptions, open_source

ENVELOPE = {
    "regime": "LED", "purposes": ["P2"], "legal_basis": "bench", "source_grade": "B", "info_grade": 2,
    "statement_kind": "fact", "handling": "H0", "sensitivity": "normal",
    "recorded_at": "2026-01-31T00:00:00+00:00", "review_due": "2036-01-31", "retain_until": "2046-01-31",
    "restricted": False, "train_ok": False, "share_ok": False,
}  # fmt: skip
MAPPING = {
    "envelope": ENVELOPE,
    "queries": [
        {
            "entities": {
                "person": {
                    "kind": "person",
                    "keys": ["id"],
                    "properties": {
                        "name": {"columns": ["first", "last"]},
                        "birth_date": {"column": "born", "format": "%d/%m/%Y"},
                        "sex": {"column": "sex", "values": {"F": "female", "M": "male"}},
                    },
                },
                "phone": {
                    "kind": "phone",
                    "keys": ["phone"],
                    "once": True,
                    "properties": {"number": {"column": "phone"}},
                },
            },
            "links": [{"kind": "USES", "source": "person", "target": "phone"}],
        }
    ],
}


def ftm_lines(count: int) -> bytes:
    """Return persons with a telephone each: three rows a line."""
    own = {"birthDate": ["2009-01-01"], "gender": ["female"], "citizenship": ["ro"]}
    return b"".join(
        orjson.dumps(
            {"id": f"p{n}", "schema": "Person", "properties": {"name": ["Ana Pop"], "phone": [f"+40{n}"], **own}}
        )
        + b"\n"
        for n in range(count)
    )


def csv_lines(count: int) -> bytes:
    """Return the same persons as a table."""
    rows = b"".join(b"p%d,Ana,Pop,01/02/2009,F,+40%d\n" % (n, n) for n in range(count))
    return b"id,first,last,born,sex,phone\n" + rows


def measure(name: str, content: bytes, *, lines: int) -> dict[str, object]:
    """Read ``content`` once and return what it took."""
    options = SourceOptions(Country.RO, "a", mapping=json.dumps(MAPPING).encode(), envelope=ENVELOPE)
    reader = open_source(name, options)
    began = time.process_time()
    rows = sum(1 for _ in reader(io.BytesIO(content)))
    seconds = time.process_time() - began
    return {"format": name, "lines_per_second": round(lines / seconds), "rows_per_second": round(rows / seconds)}


def main() -> None:
    """Measure both formats and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    made = {"ftm": ftm_lines(given.lines), "csv": csv_lines(given.lines)}
    results = [measure(name, content, lines=given.lines) for name, content in made.items()]
    if given.json:
        print(json.dumps({"lines": given.lines, "results": results}))
    else:
        for result in results:
            print(
                f"{result['format']:>5} {result['lines_per_second']:>9} lines/s {result['rows_per_second']:>9} rows/s"
            )


if __name__ == "__main__":
    main()
