"""What makes the world hard: wrong links, recycled numbers, resold vehicles (domain.md 6.4)."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.register import KnownTie, Register, Row
from safeborders.sandbox.world.truth import Selector

_QUIET = timedelta(days=200)  # at least six months lie between two users of a recycled number
_ABROAD_PER_PHONE = 1 / 200
_ATTEMPTS = 5  # two drawn at random may be one person or know each other; in the smallest worlds often


def add_noise_links(register: Register, *, share: float) -> None:
    """Add links between persons who have nothing to do with each other; half of them share a case."""
    chance = register.chance
    parties: dict[object, list[str]] = {}
    for row in register.links:
        if row["kind"] == RelationKind.PARTY_TO.value:
            parties.setdefault(row["target"], []).append(str(row["source"]))
    cases = [members for members in parties.values() if len(members) > 1]
    everybody = list(register.persons)
    known = {(tie.first, tie.second) for tie in register.ties}
    wanted = int(share * len({frozenset(pair) for pair in known}))
    wrong: list[KnownTie] = []
    for _ in range(_ATTEMPTS * wanted):
        if len(wrong) >= wanted:
            break
        pool = chance.choice(cases) if chance.random() < 0.5 else everybody
        first, second = chance.choice(pool), chance.choice(pool)
        same = register.persons[first] is register.persons[second]
        if not same and (first, second) not in known and (second, first) not in known:
            since = chance.choice(register.ties).since
            known.add((first, second))
            wrong.append(KnownTie(first, second, RelationKind.ASSOCIATE, since, "", planted=False))
    register.ties += wrong


def reuse_selectors(register: Register, numbers: Numbers) -> None:
    """Give some numbers and vehicles to somebody unrelated, at least half a year after their last use."""
    chance = register.chance
    shares = {EntityKind.PHONE: numbers.recycled_phones, EntityKind.VEHICLE: numbers.resold_vehicles}
    hubs = {hub.record for hub in register.hubs}
    for record, rows in _held(register, RelationKind.USES, RelationKind.DRIVES).items():
        selector = register.selectors[record]
        if record not in hubs and chance.random() < shares[selector.kind]:
            _reuse(register, selector, rows, last_day=numbers.dates.last)


def lend_numbers_abroad(registers: Sequence[Register], *, chance: Random, on: date) -> list[tuple[Selector, Selector]]:
    """Let a few numbers of one country be in use by strangers in the next; return the pairs that must not match."""
    pairs = []
    for here, there in zip(registers, [*registers[1:], registers[0]], strict=True):
        held = _held(here, RelationKind.USES) if here is not there else {}
        old = [record for record, rows in held.items() if max(map(_starts_on, rows)) < on - _QUIET]
        wanted = min(len(old), 1 + int(len(held) * _ABROAD_PER_PHONE))
        strangers = list(there.persons.values())
        for number, record in enumerate(chance.sample(old, wanted)):
            phone = here.selectors[record]
            for row in held[record]:
                _end(row, on - _QUIET)
            twin = Selector(f"{phone.key}-again{number}", phone.kind, phone.value, phone.country)
            there.hold(chance.choice(strangers), twin, since=on)
            pairs.append((phone, twin))
    return pairs


def _held(register: Register, *kinds: RelationKind) -> dict[str, list[Row]]:
    """Return who holds what, by the record of the thing."""
    wanted = {kind.value for kind in kinds}
    held: dict[str, list[Row]] = {}
    for row in register.links:
        if row["kind"] in wanted:
            held.setdefault(str(row["target"]), []).append(row)
    return held


def _reuse(register: Register, selector: Selector, rows: Sequence[Row], *, last_day: date) -> None:
    chance = register.chance
    last = max(_starts_on(row) for row in rows)
    since = min(last_day, last + _QUIET + timedelta(days=int(chance.random() * 700)))
    if since - last < _QUIET:
        return
    for row in rows:
        _end(row, since - _QUIET)
    before = register.persons[str(rows[0]["source"])]
    one = register.persons[chance.choice(list(register.persons))]
    if one is before:
        return
    vehicle = selector.kind is EntityKind.VEHICLE
    register.hold(one, selector, since=since, role="owner" if vehicle else None)
    kind = "resold_vehicle" if vehicle else "recycled_phone"
    register.look_alike(kind, (before, one), through=register.selector(selector))


def _starts_on(row: Row) -> date:
    envelope = row.get("envelope")
    return date.fromisoformat(str(envelope["valid_from"])) if isinstance(envelope, dict) else date.min


def _end(row: Row, until: date) -> None:
    envelope = row.get("envelope")
    if isinstance(envelope, dict) and str(envelope.get("valid_to", "9")) > until.isoformat():
        envelope["valid_to"] = until.isoformat()
