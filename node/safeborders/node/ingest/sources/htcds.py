"""Files in the columns of IOM's Human Trafficking Case Data Standard 2.0: one person and one case a row."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import BinaryIO

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.errors import BadSourceRow, Reject, UnknownVocabulary
from safeborders.node.ingest.sources import htcds_words as words
from safeborders.node.ingest.sources.country_codes import alpha_2
from safeborders.node.ingest.sources.csv_lines import BadTable, read_table
from safeborders.node.ingest.sources.keys import import_key
from safeborders.node.ingest.sources.lines import digest_of
from safeborders.node.ingest.sources.mapping import Form
from safeborders.node.ingest.sources.refusals import UnknownColumns
from safeborders.node.ingest.sources.rows import SourceRow

Record = dict[str, object]


class _BadCell(Exception):
    """A cell that cannot be read, with the reason for its reject."""

    def __init__(self, column: str, sentence: str, *, code: str = BadSourceRow.code) -> None:
        super().__init__(code)
        self.reject = (code, column, sentence)


class HtcdsReader:
    """Reads HTCDS columns; those that the model has no place for are counted, free texts and consent among them.

    Args:
        envelope: What may be done with every row.
        country: Whose node reads it.
    """

    def __init__(self, envelope: Mapping[str, object], *, country: Country) -> None:
        self.envelope = envelope
        self.dropped: dict[str, int] = {}
        self._country = country

    def __call__(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        """Yield the case, the person, what belongs to them, and how they hang together, row by row."""
        try:
            yield from self._read(file, prefix=f"htcds.{digest_of(file)}")
        except BadTable as bad:
            yield Reject(bad.line, bad.code, sentence=bad.sentence)

    def _read(self, file: BinaryIO, *, prefix: str) -> Iterator[SourceRow | Reject]:
        table = read_table(file, Form())
        _, header = next(table)
        unknown = [name for name in header if name not in words.COLUMNS]
        if unknown or len(set(header)) != len(header) or not any(name.startswith(("prs_", "vic_")) for name in header):
            yield Reject(1, UnknownColumns.code, sentence=_UNKNOWN)
            return
        seen: set[int] = set()
        for number, cells in table:
            if len(cells) != len(header):
                yield Reject(number, BadSourceRow.code, sentence=_WIDTH)
                continue
            row = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
            try:
                records = list(_records(row, key=f"{prefix}.{number}", opened=str(self.envelope["recorded_at"])[:10]))
            except _BadCell as bad:
                yield Reject(number, *bad.reject)
                continue
            for name in row.keys() - words.CARRIED:
                self.dropped[name] = self.dropped.get(name, 0) + 1
            yield from (SourceRow(number, record) for record in records if _is_new(record, seen))


def _is_new(record: Record, seen: set[int]) -> bool:
    """Return whether a row is to be told; what the rows of several persons name is told once."""
    if record.get("kind") not in _SHARED:
        return True
    name = hash(record["id"])
    is_new = name not in seen
    seen.add(name)
    return is_new


def _records(row: Mapping[str, str], *, key: str, opened: str) -> Iterator[Record]:
    case, person = f"{key}:case", f"{key}:person"
    minor = _is_minor(row)
    sensitivity = _sensitivity(row, minor=minor)
    yield _entity(
        case,
        "case",
        ref=key,
        case_kind="referral",
        status=_word(row, "cas_Status", words.CASE_STATUS) or "active",
        opened_on=_day(row, "cas_IncomingReferralDate") or opened,
    )
    names = [row[name] for name in ("prs_FirstName", "prs_MiddleName", "prs_SecondName") if name in row]
    yield {
        **_entity(
            person,
            "person",
            name=" ".join(names) or None,
            sex=_word(row, "prs_Gender", words.GENDER),
            birth_date=_day(row, "prs_Birthdate"),
            birth_precision="day" if "prs_Birthdate" in row else None,
            citizenships=_countries(row),
        ),
        **sensitivity,
    }
    attached = list(_attached(row, person))
    yield from (record for record in attached if record["record"] == "entity")
    episode = list(_episode(row, key))
    yield from (record for record in episode if record["record"] == "entity")
    roles = _roles(row)
    for role in roles:
        yield {**_link("PARTY_TO", person, case, role=role), **sensitivity}
    if episode:
        yield _link("HAS_EPISODE", case, f"{key}:episode")
        yield {**_link("INVOLVED_IN", person, f"{key}:episode", role=roles[0]), **sensitivity}
    yield from (record for record in (*attached, *episode) if record["record"] == "link")
    yield from _statuses(row, person=person, case=case)
    indicators = _indicators(row)
    if indicators:
        yield {"record": "indicators", "case": case, "values": indicators}


def _attached(row: Mapping[str, str], person: str) -> Iterator[Record]:
    """Yield numbers, addresses and documents of the person, each with its link."""
    for column, kind, name, constants, relation in words.TYPED:
        if column in row:
            key = import_key(f"htcds.{kind}", [row[column]])
            yield _entity(key, kind, **{name: row[column]}, **constants)
            yield _link(relation, person, key)
    address = ", ".join(row[name] for name in words.MAILING if name in row)
    if address:
        key = import_key("htcds.place", [person])
        numbers = {name: _real(row, f"prs_Mailing{name.capitalize()}") for name in ("latitude", "longitude")}
        yield _entity(key, "place", place_kind="private", address=address[:200], **numbers)
        yield _link("STAYS_AT", person, key, role="resident")


def _episode(row: Mapping[str, str], key: str) -> Iterator[Record]:
    stage = _word(row, "hte_Type", words.STAGE)
    if stage is None:
        return
    day = _day(row, "hte_Date")
    yield _entity(f"{key}:episode", "episode", stage=stage, started_on=day, date_precision="day" if day else None)
    address = ", ".join(row[name] for name in words.WHERE if name in row)
    numbers = {name: _real(row, f"hte_{name.capitalize()}") for name in ("latitude", "longitude")}
    if address or None not in numbers.values():
        yield _entity(f"{key}:where", "place", place_kind="private", address=address[:200] or None, **numbers)
        yield _link("AT", f"{key}:episode", f"{key}:where")


def _statuses(row: Mapping[str, str], *, person: str, case: str) -> Iterator[Record]:
    category = _word(row, "vic_TraffickingStatus", words.STATUS)
    if category is not None:
        by = _word(row, "vic_TraffickingStatusDecisionMakingOrg", words.DECIDED_BY) or "other"
        yield {"record": "status", "person": person, "case": case, "category": category, "decided_by": by}


def _roles(row: Mapping[str, str]) -> list[str | None]:
    """Return what the person is in the case; a victim is nothing else, whatever the row says (Dir. 2011/36, art. 8)."""
    if _is_victim(row):
        return ["victim"]
    found = dict.fromkeys(_several(row, "per_RoleInProcess", words.ROLE))
    return [role for role in found if role is not None] or [None]


def _is_victim(row: Mapping[str, str]) -> bool:
    return row.get("vic_TraffickingStatus") in {"PossibleVictimOfTrafficking", "ActualVictimOfTrafficking"}


def _is_minor(row: Mapping[str, str]) -> bool:
    age = row.get("vic_AgeWhenTrafficked")
    if age is None:
        return False
    if not (age.isascii() and age.isdigit() and len(age) <= 3):
        raise _BadCell("vic_AgeWhenTrafficked", "The age is no whole number: correct it.")
    return int(age) < 18


def _sensitivity(row: Mapping[str, str], *, minor: bool) -> Record:
    if not _is_victim(row):
        return {}
    return {"envelope": {"sensitivity": "minor_victim" if minor else "victim"}}


def _indicators(row: Mapping[str, str]) -> dict[str, bool]:
    """Return what a group's list names as yes and the rest of an answered group as no; no list leaves it unknown."""
    found: dict[str, bool] = {}
    for column, (vocabulary, group) in words.INDICATORS.items():
        if column in row:
            given = {code for code in _several(row, column, vocabulary) if code is not None}
            found |= {code: code in given or found.get(code, False) for code in group}
    return found


def _countries(row: Mapping[str, str]) -> list[str] | None:
    codes = [alpha_2(code) for code in row.get("prs_Citizenship", "").split(";") if code.strip()]
    if None in codes:
        raise _BadCell("prs_Citizenship", "The cell is no list of country codes joined by semicolons: correct it.")
    return [code for code in codes if code is not None] or None


def _word(row: Mapping[str, str], column: str, vocabulary: Mapping[str, str | None]) -> str | None:
    cell = row.get(column)
    if cell is None:
        return None
    if cell not in vocabulary:
        raise _BadCell(column, _NO_WORD, code=UnknownVocabulary.code)
    return vocabulary[cell]


def _several(row: Mapping[str, str], column: str, vocabulary: Mapping[str, str | None]) -> list[str | None]:
    given = [cell.strip() for cell in row.get(column, "").split(";") if cell.strip()]
    if not vocabulary.keys() >= set(given):
        raise _BadCell(column, _NO_WORD, code=UnknownVocabulary.code)
    return [vocabulary[cell] for cell in given]


def _day(row: Mapping[str, str], column: str) -> str | None:
    cell = row.get(column)
    if cell is None:
        return None
    try:
        return date.fromisoformat(cell[:10]).isoformat()
    except ValueError:
        raise _BadCell(column, "The cell is no day in the form 2026-01-31: correct it.") from None


def _real(row: Mapping[str, str], column: str) -> float | None:
    cell = row.get(column)
    if cell is None:
        return None
    try:
        return float(cell)
    except ValueError:
        raise _BadCell(column, "The cell is no number with a decimal point: correct it.") from None


def _entity(key: str, kind: str, **properties: object) -> Record:
    own = {name: value for name, value in properties.items() if value is not None}
    return {"record": "entity", "id": key, "kind": kind, "properties": own}


def _link(kind: str, source: str, target: str, *, role: str | None = None) -> Record:  # house: a link's three words
    key = import_key(f"htcds.{kind}.{role or ''}", [source, target])
    properties = {} if role is None else {"role": role}
    return {"record": "link", "id": key, "kind": kind, "source": source, "target": target, "properties": properties}


_SHARED = frozenset({"phone", "online_account", "identity_document"})
"""Kinds that the rows of several persons may name."""

_UNKNOWN = "The header has other columns than HTCDS 2.0, or the same twice, or no person: use the standard's names."
_WIDTH = "The row has not as many cells as the header has columns: check its delimiters and quotation marks."
_NO_WORD = "The cell is none of the standard's value names: use them, joined by semicolons where several are allowed."
