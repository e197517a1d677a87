"""Candidates, decisions and their journal in the country's database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, delete, func, insert, or_, select, update

from safeborders.kit.errors import NotFound
from safeborders.models.domain.normalise.version import NORMALISER
from safeborders.node.resolution.clusters import Clusters, Pair, canonical_of, contradictions
from safeborders.node.resolution.decisions import Decided, Decider, ordered
from safeborders.node.resolution.errors import AlreadyDecided, ToldApart
from safeborders.node.resolution.scoring import Candidate
from safeborders.node.storage.resolution_tables import (
    Combination,
    CombinationEventRow,
    EntityLinkRow,
    PersonRecordRow,
    Verdict,
)

_PAIRS = cast("Table", EntityLinkRow.__table__)
_RECORDS = cast("Table", PersonRecordRow.__table__)
_EVENTS = cast("Table", CombinationEventRow.__table__)
_AT_ONCE = 500


def load_pairs(connection: Connection, verdict: Verdict) -> list[Pair]:
    """Return all pairs with this verdict."""
    ends = select(_PAIRS.c.first_id, _PAIRS.c.second_id).where(_PAIRS.c.verdict == verdict)
    return [(first, second) for first, second in connection.execute(ends)]


def load_persons(connection: Connection) -> dict[str, str]:
    """Return the person of every merged record; a record that is not in it is a person of its own."""
    return {row.record_id: row.person_id for row in connection.execute(select(_RECORDS))}


def replace_candidates(connection: Connection, candidates: Sequence[Candidate], *, at: datetime) -> int:
    """Put ``candidates`` in place of the open ones and return how many are open; decisions stay as they are."""
    connection.execute(delete(_PAIRS).where(_PAIRS.c.verdict == Verdict.OPEN))
    decided = set(connection.execute(select(_PAIRS.c.first_id, _PAIRS.c.second_id)))
    clusters = Clusters(load_pairs(connection, Verdict.SAME))
    rows = [
        _open_row(one, at=at)
        for one in candidates
        if (one.first, one.second) not in decided and clusters.find(one.first) != clusters.find(one.second)
    ]
    if rows:
        connection.execute(insert(_PAIRS), rows)
    return len(rows)


def _open_row(one: Candidate, *, at: datetime) -> dict[str, Any]:
    return {
        "first_id": one.first,
        "second_id": one.second,
        "score": one.score,
        "reasons": [{"text": reason.text, "bits": round(reason.bits, 1)} for reason in one.reasons],
        "normaliser": NORMALISER,
        "found_at": at,
        "verdict": Verdict.OPEN,
        "by_rule": False,
        "decided_by": None,
        "decided_at": None,
        "note": None,
    }


def list_decided(connection: Connection, verdict: Verdict | None, *, limit: int) -> list[Decided]:
    """Return pairs with this verdict, or all, the most probable first."""
    wanted = select(_PAIRS).order_by(_PAIRS.c.score.desc(), _PAIRS.c.first_id, _PAIRS.c.second_id).limit(limit)
    if verdict is not None:
        wanted = wanted.where(_PAIRS.c.verdict == verdict)
    return [_decided(row) for row in connection.execute(wanted).mappings()]


def count_verdicts(connection: Connection) -> dict[str, int]:
    """Return how many pairs have each verdict."""
    rows = connection.execute(select(_PAIRS.c.verdict, func.count()).group_by(_PAIRS.c.verdict)).all()
    return {verdict.value: int(count) for verdict, count in rows}


def find_pair(connection: Connection, pair: Pair) -> Decided | None:
    """Return one pair as it stands; None when nobody and nothing ever brought the two together."""
    row = connection.execute(select(_PAIRS).where(_is(pair))).mappings().first()
    return None if row is None else _decided(row)


def find_contradictions(connection: Connection) -> list[Pair]:
    """Return the pairs that a human told apart and other decisions put together."""
    return contradictions(load_pairs(connection, Verdict.SAME), load_pairs(connection, Verdict.DIFFERENT))


def decide(connection: Connection, pair: Pair, *, verdict: Verdict, decider: Decider) -> None:
    """Write a human's decision down, draw its consequences, enter it in the journal; the transaction is the caller's.

    Raises:
        AlreadyDecided: If the two were decided about before: undo that first.
        ToldApart: If accepting would put together records that a human told apart.
    """
    pair = ordered(*pair)
    known = find_pair(connection, pair)
    if known is not None and known.verdict != Verdict.OPEN:
        raise AlreadyDecided("These two were decided about before: undo that decision first.")
    if verdict is Verdict.SAME:
        _refuse_told_apart(connection, pair)
    values = {
        "verdict": verdict,
        "by_rule": False,
        "decided_by": decider.name,
        "decided_at": decider.at,
        "note": decider.note,
    }
    if known is None:
        origin: dict[str, Any] = {"score": None, "reasons": [], "normaliser": NORMALISER, "found_at": decider.at}
        connection.execute(insert(_PAIRS), [{"first_id": pair[0], "second_id": pair[1], **origin, **values}])
    else:
        connection.execute(update(_PAIRS).where(_is(pair)).values(**values))
    operation = Combination.ACCEPTED if verdict is Verdict.SAME else Combination.REJECTED
    _record(connection, pair, operation, decider=decider)
    _draw_consequences(connection)


def decide_many(connection: Connection, ends: Sequence[Pair], *, decider: Decider) -> None:
    """Write down that each of these open pairs is one person, by the operator's rule; the caller has checked them."""
    values = {"verdict": Verdict.SAME, "by_rule": True, "decided_by": decider.name, "decided_at": decider.at}
    for pair in ends:
        connection.execute(update(_PAIRS).where(_is(pair)).values(**values, note=decider.note))
        _record(connection, pair, Combination.AUTOMATIC, decider=decider)
    _draw_consequences(connection)


def undo(connection: Connection, pair: Pair, *, decider: Decider) -> None:
    """Take a decision back: the pair is as open as it was found, or gone when only the decision had made it.

    Raises:
        NotFound: If there is no decision about the two.
    """
    pair = ordered(*pair)
    known = find_pair(connection, pair)
    if known is None or known.verdict == Verdict.OPEN:
        raise NotFound("There is no decision about these two records.")
    if known.score is None:
        connection.execute(delete(_PAIRS).where(_is(pair)))
    else:
        nobody = {"verdict": Verdict.OPEN, "by_rule": False, "decided_by": None, "decided_at": None, "note": None}
        connection.execute(update(_PAIRS).where(_is(pair)).values(**nobody))
    _record(connection, pair, Combination.UNDONE, decider=decider)
    _draw_consequences(connection)


def forget_person(connection: Connection, person_id: str, *, at: datetime, actor: str = "erasure") -> None:
    """Remove every candidate and decision that names this record; the transaction is the caller's.

    Records that were one person only through this one stay one person: the human's decision outlives the erasure, and
    what carries it names the human and not the erased record.
    """
    same = load_pairs(connection, Verdict.SAME)
    others = sorted({end for pair in same if person_id in pair for end in pair} - {person_id})
    touching = or_(_PAIRS.c.first_id == person_id, _PAIRS.c.second_id == person_id)
    gone = [_decided(row) for row in connection.execute(select(_PAIRS).where(touching)).mappings()]
    connection.execute(delete(_PAIRS).where(touching))
    kept = Clusters(pair for pair in same if person_id not in pair)
    merges = [one for one in gone if one.verdict == Verdict.SAME]
    deciders = {one.first if one.second == person_id else one.second: one for one in merges}
    for first, second in pairwise(others):
        if kept.find(first) != kept.find(second):
            kept.join(first, second)
            _carry_over(connection, (first, second), deciders[second], at=at)
    for one in gone:
        _record(connection, (one.first, one.second), Combination.FORGOTTEN, decider=Decider(actor, "", at))
    _draw_consequences(connection)


def forget_persons(connection: Connection, person_ids: Sequence[str], *, at: datetime) -> None:
    """Remove every candidate and decision that names one of these records; the transaction is the caller's."""
    for start in range(0, len(person_ids), _AT_ONCE):
        some = person_ids[start : start + _AT_ONCE]
        touching = or_(_PAIRS.c.first_id.in_(some), _PAIRS.c.second_id.in_(some))
        pairs = connection.execute(select(_PAIRS.c.first_id, _PAIRS.c.second_id).where(touching))
        named = {end for pair in pairs for end in pair}
        for person in sorted(named & set(some)):
            forget_person(connection, person, at=at)


def records_of(connection: Connection, record: str) -> list[str]:
    """Return all records of the person whose record this is, itself included, sorted."""
    person = connection.execute(select(_RECORDS.c.person_id).where(_RECORDS.c.record_id == record)).scalar()
    if person is None:
        return [record]
    found = connection.execute(select(_RECORDS.c.record_id).where(_RECORDS.c.person_id == person)).scalars()
    return sorted({record, *found})


def _carry_over(connection: Connection, pair: Pair, origin: Decided, *, at: datetime) -> None:
    values = {
        "verdict": Verdict.SAME,
        "by_rule": origin.by_rule,
        "decided_by": origin.decided_by,
        "decided_at": origin.decided_at,
        "note": origin.note,
    }
    if find_pair(connection, pair) is None:
        basis = [{"text": "one person through a record that was erased", "bits": 0.0}]
        source = {"score": None, "reasons": basis, "normaliser": NORMALISER, "found_at": at}
        connection.execute(insert(_PAIRS), [{"first_id": pair[0], "second_id": pair[1], **source, **values}])
    else:
        connection.execute(update(_PAIRS).where(_is(pair), _PAIRS.c.verdict == Verdict.OPEN).values(**values))
    _record(connection, pair, Combination.CARRIED_OVER, decider=Decider(str(origin.decided_by), "", at))


def _refuse_told_apart(connection: Connection, pair: Pair) -> None:
    same, different = load_pairs(connection, Verdict.SAME), load_pairs(connection, Verdict.DIFFERENT)
    before = contradictions(same, different)
    if len(contradictions([*same, pair], different)) > len(before):
        raise ToldApart("A human told records of these two persons apart: undo that decision first.")


def _draw_consequences(connection: Connection) -> None:
    persons = canonical_of(load_pairs(connection, Verdict.SAME))
    connection.execute(delete(_RECORDS))
    if persons:
        rows = [{"record_id": record, "person_id": person} for record, person in persons.items()]
        connection.execute(insert(_RECORDS), rows)


def _record(connection: Connection, pair: Pair, operation: Combination, *, decider: Decider) -> None:
    row: Mapping[str, Any] = {
        "at": decider.at,
        "actor": decider.name,
        "operation": operation,
        "first_id": pair[0],
        "second_id": pair[1],
        "note": decider.note or None,
    }
    connection.execute(insert(_EVENTS), [row])


def _is(pair: Pair) -> ColumnElement[bool]:
    return and_(_PAIRS.c.first_id == pair[0], _PAIRS.c.second_id == pair[1])


def _decided(row: RowMapping) -> Decided:
    return Decided(
        first=row["first_id"],
        second=row["second_id"],
        score=row["score"],
        reasons=row["reasons"],
        verdict=row["verdict"].value,
        by_rule=row["by_rule"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        note=row["note"],
    )
