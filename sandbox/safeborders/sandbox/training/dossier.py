"""Writes what an investigator would have on the table: the records of some cases as tables, with no truth in them."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from safeborders.sandbox.training.casebook import CONTACTS, Casebook, Link

_FORMULA = ("=", "+", "-", "@")  # a spreadsheet would compute such a cell


def write_dossier(folder: Path, book: Casebook, *, cases: Iterable[str]) -> None:
    """Write the tables about ``cases`` into ``folder``."""
    folder.mkdir(parents=True)
    shown = sorted(cases)
    people = sorted({person for case in shown for person in book.people_of(case)})
    things = {thing for person in people for thing in book.things_of(person)}
    contacted = {end for thing in things for k in book.by_end[thing] if k.kind in CONTACTS for end in k.ends}
    everything = {*people, *things, *contacted, *shown}
    links = [link for link in book.links if link.ends <= everything]
    episodes = [
        (case, link)
        for case in shown
        for link in book.by_end[case]
        if link.kind == "HAS_EPISODE" and link.source == case
    ]
    tables: dict[str, tuple[Sequence[str], Iterable[Sequence[str]]]] = {
        "cases": (("case", "ref", "opened_on", "status"), (_case(book, case) for case in shown)),
        "persons": (
            ("person", "name", "other_names", "sex", "birth_date", "precision"),
            (_person(book, p) for p in people),
        ),
        "parties": (("person", "case", "role"), ((k.source, k.target, k.role) for k in links if k.kind == "PARTY_TO")),
        "statuses": (
            ("person", "category", "case", "since"),
            ((person, *status) for person in people for status in book.statuses.get(person, ())),
        ),
        "things": (
            ("person", "thing", "kind", "written", "role", "from", "until"),
            (_held(book, link) for link in links if link.target in things and link.source in people),
        ),
        "contacts": (
            ("first", "first_written", "second", "second_written", "kind", "count", "from", "until"),
            (_contact(book, link) for link in links if link.kind in CONTACTS),
        ),
        "links": (
            ("link", "first", "second", "kind", "role", "since", "grade"),
            (
                (k.name, k.source, k.target, k.kind.lower(), k.role, k.first_day, k.grade)
                for k in links
                if k.kind in {"KIN", "ASSOCIATE"}
            ),
        ),
        "episodes": (
            ("case", "episode", "stage", "from", "until", "place", "people", "vehicle"),
            (_episode(book, case=case, episode=link.target) for case, link in episodes),
        ),
        "indicators": (
            ("case", *next(iter(book.indicators.values()))),
            ((case, *map(_said, book.indicators[case].values())) for case in shown),
        ),
    }
    for name, (columns, rows) in tables.items():
        _write(folder / f"{name}.csv", columns, rows=rows)


def _write(path: Path, columns: Sequence[str], *, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # with the mark that spreadsheets look for
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row] for row in rows)


def _case(book: Casebook, case: str) -> tuple[str, ...]:
    properties = book.entities[case][1]
    return case, properties["ref"], properties["opened_on"], properties["status"]


def _person(book: Casebook, person: str) -> tuple[str, ...]:
    properties = book.entities[person][1]
    names = ("name", "other_names", "sex", "birth_date", "birth_precision")
    return (person, *(properties.get(name, "") for name in names))


def _held(book: Casebook, link: Link) -> tuple[str, ...]:
    thing = link.target
    kind = book.kind(thing).replace("_", " ")
    return link.source, thing, kind, book.written(thing), link.role, link.first_day, link.last_day


def _contact(book: Casebook, link: Link) -> tuple[str, ...]:
    ends = (link.source, book.written(link.source), link.target, book.written(link.target))
    return (*ends, link.kind.lower(), link.count, link.first_day, link.last_day)


def _episode(book: Casebook, *, case: str, episode: str) -> tuple[str, ...]:
    properties, around = book.entities[episode][1], book.by_end[episode]
    places = " ".join(book.written(link.target) for link in around if link.kind == "AT")
    people = " ".join(sorted({link.source for link in around if link.kind == "INVOLVED_IN"}))
    vehicles = " ".join(book.written(link.target) for link in around if link.kind == "USED_VEHICLE")
    days = (properties["started_on"], properties.get("ended_on", ""))
    return case, episode, properties["stage"], *days, places, people, vehicles


def _said(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
