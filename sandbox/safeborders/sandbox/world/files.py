"""Writes the import files of the countries and the canaries; what is true stands in a folder that no node reads."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import orjson

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.sandbox.world.chance import stream
from safeborders.sandbox.world.register import Register, Row

FORMAT = "safeborders.import"
VERSION = 1
IMPORT_FILE = "records.jsonl"
TRUTH_FOLDER = "ground_truth"

_CANARIES = {EntityKind.PERSON: "name", EntityKind.VEHICLE: "plate", EntityKind.PHONE: "number"}
_OPTIONS = orjson.OPT_APPEND_NEWLINE


class CountryFiles:
    """Writes what one country knows as JSON documents, one a line: header, entities, links, statements.

    A world in one piece has one file, ``records.jsonl``; one that is made district by district has a file per district,
    each of which may be imported alone in the order of their names.
    """

    def __init__(self, folder: Path, country: Country, *, one_file: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._country = country
        self._one_file = one_file
        self._written = 0

    def write(self, register: Register) -> None:
        """Write what ``register`` holds into the next file."""
        self._written += 1
        entities = register.entities.copy()
        stream(self._written, self._country.value, "order").shuffle(entities)  # neighbours in the file mean nothing
        name = IMPORT_FILE if self._one_file else f"records-{self._written:05d}.jsonl"
        with (self._folder / name).open("wb") as file:
            for rows in ((_header(self._country),), entities, register.links, register.statements):
                file.writelines(orjson.dumps(row, option=_OPTIONS) for row in rows)


class Canaries:
    """Collects names, plates and telephone numbers exactly as they stand in the import files, for audits."""

    def __init__(self, count: int, *, countries: int) -> None:
        self._count = count
        self._share = count // (countries * len(_CANARIES)) + 1
        self._found: dict[tuple[Country, EntityKind], dict[str, None]] = {}

    def look(self, register: Register) -> None:
        """Take what is still wanted from ``register``."""
        for kind, name in _CANARIES.items():
            values = self._found.setdefault((register.country, kind), {})
            if len(values) < self._count:
                values.update(dict.fromkeys(islice(_values(register, kind, name), self._count - len(values))))

    def write(self, folder: Path) -> None:
        """Write them, the first of every country and kind before more of the same."""
        first = (value for values in self._found.values() for value in islice(values, self._share))
        more = (value for values in self._found.values() for value in values)
        lines = list(islice(dict.fromkeys(chain(first, more)), self._count))
        (folder / "canaries.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _values(register: Register, kind: EntityKind, name: str) -> Iterator[str]:
    for row in register.entities:
        properties = row["properties"]
        if row["kind"] == kind.value and isinstance(properties, dict):
            yield str(properties[name])


def _header(country: Country) -> Row:
    """The first line: which format, from whom, and the envelope that holds where a row says nothing else."""
    return {
        "record": "header",
        "format": FORMAT,
        "version": VERSION,
        "country": country.value,
        "issuer": "SafeBorders synthetic world",
        "envelope": {
            "regime": "LED",
            "purposes": ["P1", "P2", "P3", "P4", "P5"],
            "legal_basis": f"synthetic:{country.value}",
            "source_grade": "B",
            "info_grade": 2,
            "statement_kind": "fact",
            "handling": "H0",
            "sensitivity": "normal",
            "recorded_at": "2026-01-31T00:00:00+00:00",
            "review_due": "2036-01-31",
            "retain_until": "2046-01-31",
            "restricted": False,
            "train_ok": True,
            "share_ok": True,
        },
    }
