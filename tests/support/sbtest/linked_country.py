"""A country whose cases share no person but hang together all the same: what rooted training is for."""

import numpy as np

from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.graph.records import Records
from sbtest.small_country import make_ids, make_indicators, make_relation


def linked_country(seed: int, *, rings: int = 8, labelled: float = 0.6) -> Records:
    """Return rings of five cases of one type with two persons of their own each, and a professional in all of them.

    Within a ring persons of different cases are associates or use one of two phones, which call each other.
    """
    random = np.random.default_rng(seed)
    cases, phones = 5 * rings, 2 * rings
    persons = 2 * cases + 1
    parties = [(person, person // 2) for person in range(persons - 1)]
    parties += [(persons - 1, case) for case in range(cases)]
    roles = [("victim", "recruiter")[person % 2] for person in range(persons - 1)] + ["professional"] * cases
    associates, uses = [], []
    for ring in range(rings):
        members = range(10 * ring, 10 * ring + 10)
        associates += [(a, b) for a in members for b in members if a // 2 < b // 2 and random.random() < 0.2]
        uses += [(person, 2 * ring + int(random.integers(2))) for person in members if random.random() < 0.5]
    types = np.repeat(random.integers(0, len(CASE_TYPES), rings), 5)
    indicators = make_indicators(random, types, own=0.7, other=0.2, unknown=0.3)
    return Records(
        ids=make_ids(cases=cases, persons=persons, phones=phones),
        relations=(
            make_relation("PARTY_TO", ("person", "case"), parties, roles),
            make_relation("USES", ("person", "phone"), uses),
            make_relation("ASSOCIATE", ("person", "person"), associates),
            make_relation("CALLED", ("phone", "phone"), [(2 * ring, 2 * ring + 1) for ring in range(rings)]),
        ),
        professional=np.arange(persons) == persons - 1,
        indicators=indicators,
        case_type=np.where(random.random(cases) < labelled, types, -1),
    )
