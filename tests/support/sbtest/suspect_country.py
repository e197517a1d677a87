"""A country made in memory whose suspects play parts that their scenes tell of: for role hypotheses."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from safeborders.models.domain.entities import Stage
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.graph.records import Records, Relation, Suspects
from sbtest.small_country import make_indicators, make_relation

PARTS = ("recruiter", "transporter", "harbourer", "exploiter")
SCENES = (Stage.RECRUITMENT, Stage.TRANSPORT, Stage.HARBOURING, Stage.EXPLOITATION)


def suspect_country(seed: int, *, cases: int = 30, stated: float = 0.5) -> Records:
    """Return cases with a victim and four suspects each, one for each of ``PARTS``, in scenes that mostly fit them.

    Every second case shares its first suspect with the case before; suspects are linked in a chain, each uses a phone
    of the case and the phones call each other; a professional is a party to every case.
    """
    random = np.random.default_rng(seed)
    parties: list[tuple[int, int]] = []
    roles: list[str] = []
    involved: list[tuple[int, int]] = []
    associates: list[tuple[int, int]] = []
    uses: list[tuple[int, int]] = []
    pairs: list[tuple[int, int, int]] = []
    for case in range(cases):
        victim, people = 5 * case, [5 * case + place for place in range(1, 5)]
        if case % 2:
            people[0] -= 5
        for place, person in enumerate(people):
            parties.append((person, case))
            roles.append("")
            pairs.append((person, case, OFFENDING_ROLES.index(PARTS[place])))
            scene = place if random.random() < 0.9 else int(random.integers(4))
            involved.append((person, 4 * case + scene))
            uses.append((person, 2 * case + place % 2))
        parties.append((victim, case))
        roles.append("victim")
        associates += [(min(a, b), max(a, b)) for a, b in zip(people, [*people[1:], victim], strict=True)]
    persons = 5 * cases + 1
    parties += [(persons - 1, case) for case in range(cases)]
    roles += ["professional"] * cases
    table = np.array(sorted(pairs), dtype=np.int64)
    types = random.integers(0, len(CASE_TYPES), cases)
    counts = {"case": ("c", cases), "episode": ("e", 4 * cases), "person": ("p", persons), "phone": ("t", 2 * cases)}
    return Records(
        ids={kind: tuple(f"{letter}{place:04}" for place in range(count)) for kind, (letter, count) in counts.items()},
        relations=(
            make_relation("PARTY_TO", ("person", "case"), parties, roles),
            make_relation("HAS_EPISODE", ("case", "episode"), [(scene // 4, scene) for scene in range(4 * cases)]),
            make_relation("INVOLVED_IN", ("person", "episode"), involved),
            make_relation("USES", ("person", "phone"), uses),
            make_relation("ASSOCIATE", ("person", "person"), associates),
            make_relation("CALLED", ("phone", "phone"), [(2 * case, 2 * case + 1) for case in range(cases)]),
        ),
        professional=np.arange(persons) == persons - 1,
        indicators=make_indicators(random, types, own=0.8, other=0.1, unknown=0.2),
        case_type=np.where(random.random(cases) < 0.6, types, -1),
        stages=np.array([list(Stage).index(SCENES[scene % 4]) for scene in range(4 * cases)], dtype=np.int64),
        suspects=Suspects(
            person=table[:, 0],
            case=table[:, 1],
            role=np.where(random.random(len(table)) < stated, table[:, 2], -1),
        ),
    )


def without_person(records: Records, person: int) -> Records:
    """Return ``records`` without everything that is on record about one person; the others keep their numbers.

    What nobody else's link keeps goes too, as erasure does it: things of the person alone, with all that links them.
    """
    left = [one for one in records.relations if one.source_type == "person"]
    gone: dict[str, NDArray[np.int64]] = {}
    for kind in {one.target_type for one in left} - {"person", "case", "episode"}:
        ends = [one for one in left if one.target_type == kind]
        held = np.concatenate([one.target for one in ends])
        kept = np.concatenate([one.target[one.source != person] for one in ends])
        gone[kind] = np.setdiff1d(held, kept)

    def stays(one: Relation) -> NDArray[np.bool_]:
        free = np.ones(len(one), dtype=np.bool_)
        for kind, ends in ((one.source_type, one.source), (one.target_type, one.target)):
            free &= (ends != person) if kind == "person" else ~np.isin(ends, gone.get(kind, np.zeros(0)))
        return free

    kept = records.suspects.person != person
    suspects = records.suspects
    return replace(
        records,
        relations=tuple(one.where(stays(one)) for one in records.relations),
        suspects=Suspects(suspects.person[kept], suspects.case[kept], suspects.role[kept]),
    )
