"""Writes the files that the ingest benchmark reads: the same people, cases and ties as FollowTheMoney and as CSV.

Of a hundred lines forty are persons (half with a telephone), ten cases, eight vehicles, and forty-two ties: parties of
cases, acquaintances, relatives, owners. So a line becomes a little more than two rows of the database.
"""

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path

_GIVEN = (
    "Ana",
    "Ion",
    "Maria",
    "Georgi",
    "Elena",
    "Nikos",
    "Zofia",
    "Marko",
    "Luca",
    "Aino",
    "João",
    "Γιώργος",
    "Иван",
)
_FAMILY = ("Pop", "Ivanov", "Papadopoulos", "Kowalska", "Petrović", "Rossi", "Silva", "Virtanen", "Dubois", "Γεωργίου")
_COUNTRIES = ("RO", "BG", "GR", "IT", "PL", "PT", "BE", "FI", "RS")
_TIES = ("party", "party", "associate", "relative", "owner")
_COLUMNS = (
    "sort", "id", "name", "sex", "born", "country", "phone", "opened", "plate", "from", "to", "role",
)  # fmt: skip
_SCHEMATA = {
    "party": ("CourtCaseParty", "party", "case", "role"),
    "associate": ("Associate", "person", "associate", None),
    "relative": ("Family", "person", "relative", "relationship"),
    "owner": ("Ownership", "owner", "asset", None),
}
ENVELOPE = {
    "regime": "LED", "purposes": ["P1", "P2"], "legal_basis": "benchmark", "source_grade": "B", "info_grade": 2,
    "statement_kind": "fact", "handling": "H0", "sensitivity": "normal", "recorded_at": "2026-11-24T09:00:00+00:00",
    "review_due": "2036-01-01", "retain_until": "2046-01-01", "restricted": False, "train_ok": True, "share_ok": True,
}  # fmt: skip
MAPPING = """\
envelope: {regime: LED, purposes: [P1, P2], legal_basis: benchmark, source_grade: B, info_grade: 2,
  statement_kind: fact, handling: H0, sensitivity: normal, recorded_at: "2026-11-24T09:00:00+00:00",
  review_due: "2036-01-01", retain_until: "2046-01-01", restricted: false, train_ok: true, share_ok: true}
queries:
  - filters: {sort: person}
    entities:
      person:
        kind: person
        keys: [id]
        properties:
          name: {column: name}
          sex: {column: sex, values: {f: female, m: male}}
          birth_date: {column: born}
          birth_precision: {column: born, present: day}
          citizenships: {column: country, type: list}
      phone: {kind: phone, key_literal: tel, keys: [phone], once: true, properties: {number: {column: phone}}}
    links:
      - {kind: USES, source: person, target: phone}
  - filters: {sort: case}
    entities:
      case:
        kind: case
        keys: [id]
        properties:
          ref: {column: name}
          case_kind: {literal: judicial}
          status: {literal: active}
          opened_on: {column: opened}
  - filters: {sort: vehicle}
    entities:
      vehicle: {kind: vehicle, keys: [id], properties: {plate: {column: plate}, plate_country: {column: country}}}
  - filters: {sort: party}
    entities:
      person: {kind: person, keys: [from], reference: true}
      case: {kind: case, keys: [to], reference: true}
    links:
      - {kind: PARTY_TO, source: person, target: case, keys: [id], properties: {role: {column: role}}}
  - filters: {sort: associate}
    entities:
      one: {kind: person, keys: [from], reference: true}
      other: {kind: person, keys: [to], reference: true}
    links:
      - {kind: ASSOCIATE, source: one, target: other, keys: [id]}
  - filters: {sort: relative}
    entities:
      one: {kind: person, keys: [from], reference: true}
      other: {kind: person, keys: [to], reference: true}
    links:
      - {kind: KIN, source: one, target: other, keys: [id], properties: {role: {column: role}}}
  - filters: {sort: owner}
    entities:
      person: {kind: person, keys: [from], reference: true}
      vehicle: {kind: vehicle, keys: [to], reference: true}
    links:
      - {kind: DRIVES, source: person, target: vehicle, keys: [id], properties: {role: {literal: owner}}}
"""


def write_ftm(path: Path, *, rows: int) -> None:
    """Write ``rows`` lines of FollowTheMoney."""
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(rows):
            file.write(json.dumps(_as_ftm(row), ensure_ascii=False, separators=(",", ":")) + "\n")


def write_csv(path: Path, *, rows: int) -> None:
    """Write a header and ``rows`` lines of CSV, to be read with ``MAPPING``."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(_rows(rows))


def _rows(rows: int) -> Iterator[dict[str, str]]:
    chance = random.Random(7)  # noqa: S311  # a benchmark's rows are to be the same each time
    persons, cases, vehicles = rows * 40 // 100, rows * 10 // 100, rows * 8 // 100
    for number in range(persons):
        yield _person(number, chance, persons=persons)
    for number in range(cases):
        day = f"20{chance.randrange(15, 26)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        yield {"sort": "case", "id": f"c{number}", "name": f"GR/{chance.randrange(10**6)}/{number}", "opened": day}
    for number in range(vehicles):
        plate = f"{chance.choice('ABEHIKMNOPTXYZ')}{chance.choice('ABEHIKMNOPTXYZ')}K-{chance.randrange(1000, 10000)}"
        yield {"sort": "vehicle", "id": f"v{number}", "plate": plate, "country": chance.choice(_COUNTRIES)}
    for number in range(rows - persons - cases - vehicles):
        yield _tie(number, chance, ends=(persons, cases, vehicles))


def _person(number: int, chance: random.Random, *, persons: int) -> dict[str, str]:
    phone = f"+30694{chance.randrange(persons):07}" if chance.random() < 0.5 else ""  # some are shared
    return {
        "sort": "person",
        "id": f"p{number}",
        "name": f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)} {number % 977}",
        "sex": chance.choice("fm"),
        "born": f"{chance.randrange(1950, 2015)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
        "country": chance.choice(_COUNTRIES),
        "phone": phone,
    }


def _tie(number: int, chance: random.Random, *, ends: tuple[int, int, int]) -> dict[str, str]:
    persons, cases, vehicles = ends
    sort = chance.choice(_TIES)
    one = chance.randrange(persons)
    to = {
        "party": f"c{chance.randrange(cases)}",
        "owner": f"v{chance.randrange(vehicles)}",
    }.get(sort, f"p{(one + 1 + chance.randrange(persons - 1)) % persons}")
    role = {"party": chance.choice(("victim", "recruiter", "witness")), "relative": "sibling"}.get(sort, "")
    return {"sort": sort, "id": f"t{number}", "from": f"p{one}", "to": to, "role": role}


def _as_ftm(row: dict[str, str]) -> dict[str, object]:
    if row["sort"] == "person":
        properties = {
            "name": [row["name"]],
            "gender": ["female" if row["sex"] == "f" else "male"],
            "birthDate": [row["born"]],
            "citizenship": [row["country"].lower()],
        }
        if row["phone"]:
            properties["phone"] = [row["phone"]]
        return {"id": row["id"], "schema": "Person", "properties": properties}
    if row["sort"] == "case":
        return {
            "id": row["id"],
            "schema": "CourtCase",
            "properties": {"name": [row["name"]], "caseNumber": [row["name"]], "fileDate": [row["opened"]]},
        }
    if row["sort"] == "vehicle":
        properties = {"registrationNumber": [row["plate"]], "country": [row["country"].lower()]}
        return {"id": row["id"], "schema": "Vehicle", "properties": properties}
    schema, one, other, word = _SCHEMATA[row["sort"]]
    properties = {one: [row["from"]], other: [row["to"]]}
    if word:
        properties[word] = [row["role"]]
    return {"id": row["id"], "schema": schema, "properties": properties}
