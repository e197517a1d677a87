"""Files of the Counter-Trafficking Data Collaborative: each row is a victim, in a case of its own.

The data are statistics: rows may serve typology (P1) and nothing else, and never enter a match. No row is a person.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.errors import BadSourceRow, Reject
from safeborders.node.ingest.sources.country_codes import alpha_2
from safeborders.node.ingest.sources.csv_lines import BadTable, read_table
from safeborders.node.ingest.sources.ctdc_columns import (
    CHILD_BAND_NUMBERS,
    CHILD_BANDS,
    GENDERS,
    MISSING,
    Family,
    any_of,
    find_family,
    groupwise_zero_fill,
    plain,
)
from safeborders.node.ingest.sources.lines import digest_of
from safeborders.node.ingest.sources.mapping import Form
from safeborders.node.ingest.sources.refusals import UnknownColumns
from safeborders.node.ingest.sources.rows import SourceRow

Record = dict[str, object]

_YEAR = ("yearofregistration", "registrationyear")
_AGE = ("agebroad", "agerange")
_MINOR = ("majoritystatusatexploit", "majoritystatus", "majorityentry")
_PERSONAL = frozenset({*_YEAR, *_AGE, *_MINOR, "ageband", "gender", "citizenship"})
_ONLY_TYPOLOGY: Record = {"purposes": ["P1"], "train_ok": True, "share_ok": False}


class CtdcReader:
    """Reads the synthetic and the k-anonymised files, which it tells apart by their columns.

    Args:
        envelope: What may be done with the rows; purposes and sharing are narrowed whatever it says.
        country: Whose node reads it.
    """

    def __init__(self, envelope: Mapping[str, object], *, country: Country) -> None:
        self.envelope: Mapping[str, object] = {**envelope, **_ONLY_TYPOLOGY}
        self.dropped: dict[str, int] = {}
        self._country = country

    def __call__(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        """Yield case, person, part, status and indicators of each row."""
        try:
            yield from self._read(file, prefix=f"ctdc:{digest_of(file)}")
        except BadTable as bad:
            yield Reject(bad.line, bad.code, sentence=bad.sentence)

    def _read(self, file: BinaryIO, *, prefix: str) -> Iterator[SourceRow | Reject]:
        table = read_table(file, Form())
        _, header = next(table)
        names = plain(header)
        family = find_family(names)
        if family is None or len(set(names)) != len(names):
            yield Reject(1, UnknownColumns.code, sentence=_UNKNOWN)
            return
        row_of = _Row(family, names, count=self._drop, fallback=str(self.envelope.get("recorded_at", ""))[:10])
        for number, cells in table:
            if len(cells) != len(names):
                yield Reject(number, BadSourceRow.code, sentence=_WIDTH)
                continue
            row = row_of.read(cells)
            if row is None:
                yield Reject(number, BadSourceRow.code, "yearOfRegistration", _BAD_YEAR)
                continue
            for record in _records(row, key=f"{prefix}:{number}"):
                yield SourceRow(number, record)

    def _drop(self, name: str) -> None:
        self.dropped[name] = self.dropped.get(name, 0) + 1


class _Row:
    """What the columns of one file mean."""

    def __init__(self, family: Family, names: Sequence[str], *, count: Callable[[str], None], fallback: str) -> None:
        self._family = family
        self._places = {name: place for place, name in enumerate(names)}
        self._count = count
        self._fallback = fallback
        self._flags = [name for name in self._places if name in family.asked]
        self._nothing = MISSING if family.no else MISSING | {"0"}
        self._left = [(name, place) for name, place in self._places.items() if name not in family.used | _PERSONAL]

    def read(self, cells: Sequence[str]) -> Record | None:
        """Return what the model has a place for; None when the year is none."""
        year = self._cell(cells, *_YEAR)
        if year is not None and not (year.isascii() and year.isdigit() and 1900 <= int(year) <= 2100):
            return None
        for name, place in self._left:
            if cells[place].strip() not in self._nothing:
                self._count(name)
        return {
            "opened_on": f"{year}-01-01" if year else self._fallback,
            "sex": self._sex(cells),
            "child": self._is_child(cells),
            "citizenship": self._citizenship(cells),
            "indicators": self._indicators(cells),
        }

    def _cell(self, cells: Sequence[str], *names: str) -> str | None:
        for name in names:
            place = self._places.get(name)
            if place is not None and (cell := cells[place].strip()) not in MISSING:
                return cell
        return None

    def _sex(self, cells: Sequence[str]) -> str | None:
        gender = self._cell(cells, "gender")
        if gender is not None:
            return GENDERS.get(gender.lower())
        flags = self._family.flags
        return next((sex for name, sex in flags.items() if self._cell(cells, name) in self._family.yes), None)

    def _is_child(self, cells: Sequence[str]) -> bool:
        status = self._cell(cells, *_MINOR)
        bands = self._cell(cells, *_AGE) in CHILD_BANDS or self._cell(cells, "ageband") in CHILD_BAND_NUMBERS
        return status == "Minor" or bands

    def _citizenship(self, cells: Sequence[str]) -> str | None:
        given = self._cell(cells, "citizenship")
        code = None if given is None else alpha_2(given)
        if given is not None and code is None:
            self._count("citizenship")
        return code

    def _indicators(self, cells: Sequence[str]) -> dict[str, bool]:
        family = self._family
        values = {name: self._flag(cells[self._places[name]].strip()) for name in self._flags}
        if family.groups:
            values = groupwise_zero_fill(values, family.groups)
        found = {
            code: any_of(values[name] for name in names if name in values) for code, names in family.indicators.items()
        }
        return {code: value for code, value in found.items() if value is not None}

    def _flag(self, cell: str) -> bool | None:
        if cell in self._family.yes:
            return True
        return False if cell in self._family.no else None


def _records(row: Record, *, key: str) -> Iterator[Record]:
    case, person = f"{key}:c", f"{key}:p"
    yield {
        "record": "entity",
        "id": case,
        "kind": "case",
        "properties": {
            "ref": key,
            "case_kind": "referral",
            "status": "closed",
            "opened_on": row["opened_on"],
        },
    }
    own: Record = {} if row["sex"] is None else {"sex": row["sex"]}
    if row["citizenship"] is not None:
        own["citizenships"] = [row["citizenship"]]
    sensitivity = {"sensitivity": "minor_victim" if row["child"] else "victim"}
    yield {"record": "entity", "id": person, "kind": "person", "properties": own, "envelope": sensitivity}
    yield {
        "record": "link",
        "id": f"{key}:l",
        "kind": "PARTY_TO",
        "source": person,
        "target": case,
        "properties": {"role": "victim"},
        "envelope": sensitivity,
    }
    # The contributors are organisations that assist; who decided is not in the files.
    yield {"record": "status", "person": person, "case": case, "category": "victim_presumed", "decided_by": "ngo"}
    if row["indicators"]:
        yield {"record": "indicators", "case": case, "values": row["indicators"]}


_UNKNOWN = "The columns are none of a CTDC file of 2017, 2024 or 2025: give the file as it was downloaded."
_WIDTH = "The row has not as many cells as the header has columns: download the file anew."
_BAD_YEAR = "The year of registration is no year: correct it, or download the file anew."
