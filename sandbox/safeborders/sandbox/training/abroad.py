"""The task about borders: which record of another country is about the same thing, written differently."""

from random import Random

from safeborders.sandbox.training.casebook import Casebook
from safeborders.sandbox.training.task import Task, shuffled
from safeborders.sandbox.world.overview import read_records

_NAMES = {"phone": "number", "vehicle": "plate", "identity_document": "number", "person": "name"}
_DECOYS = 4


def same_abroad(book: Casebook, network: str, *, chance: Random) -> Task | None:
    """Which of a partner's records is about the same thing?"""
    crossings = []
    for row in book.table("gt_crossborder"):
        if row["is_negative"] == "0" and row["selector"] in _NAMES and book.country in (row["node_a"], row["node_b"]):
            here, there = ("a", "b") if row["node_a"] == book.country else ("b", "a")
            crossings.append((row[f"id_{here}"], row[f"node_{there}"], row[f"id_{there}"], row))
    inside = {one for case in book.network_cases(network) for one in book.people_of(case)}
    inside |= {thing for one in inside for thing in book.things_of(one)}
    crossings.sort(key=lambda one: (one[3]["variation"] == "0", one[0] not in inside, one[0], one[2]))
    if not crossings:
        return None
    mine, partner, theirs, row = crossings[0]
    kind = row["selector"]
    written = {
        str(entity["id"]): str(properties[_NAMES[kind]])
        for entity in read_records(book.world, partner)
        if entity["record"] == "entity"
        and entity["kind"] == kind
        and isinstance(properties := entity["properties"], dict)
    }
    true = {one[2] for one in crossings if one[0] == mine and one[1] == partner}
    same_start = sorted(set(written) - true, key=lambda one: (written[one][:2] != written[theirs][:2], one))
    kept = {*true, *chance.sample(same_start[: 5 * _DECOYS], min(_DECOYS, len(same_start)))}
    users = [mine] if kind == "person" else [link.source for link in book.holders(mine)]
    return Task(
        name="same-abroad",
        title="The same thing in two countries",
        question=(
            f"`{mine}` is the {kind.replace('_', ' ')} **{book.written(mine)}**. A partner ({partner}) answers with "
            "these. Which is the same?"
        ),
        choices={one: written[one] for one in shuffled(chance, kept)},
        answer=frozenset(true),
        reason="Spaces, prefixes, look-alike letters, O for 0 and ways of transliteration do not make another thing.",
        cases=frozenset(case for one in users for case in book.cases_of(one)[:1]),
    )
