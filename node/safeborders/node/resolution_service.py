"""What an operator or investigator does about records that may be one person; each step is one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safeborders.kit.clock import Clock
from safeborders.kit.errors import NotFound
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.node.ingest.fields import NAMED_BY
from safeborders.node.resolution.clusters import Pair
from safeborders.node.resolution.decisions import Decided, Decider, only_unguarded, ordered, unite
from safeborders.node.resolution.errors import NeverMerged, NoRule
from safeborders.node.resolution.scoring import STRONG_FROM, find_candidates
from safeborders.node.storage import resolution_store as pairs
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.database import Store
from safeborders.node.storage.lifecycle_dates import Transaction
from safeborders.node.storage.match_keys import Naming, reindex, reindex_if_changed
from safeborders.node.storage.resolution_reader import are_persons, is_professional, load_register
from safeborders.node.storage.resolution_tables import Verdict


@dataclass(frozen=True)
class Run:
    """What a search for candidates found.

    Attributes:
        records: Records of persons that were compared.
        candidates: Open candidates now.
        strong: Those of them from ``STRONG_FROM`` on.
        reindexed: Match keys that were made anew first, because the rules had changed.
    """

    records: int
    candidates: int
    strong: int
    reindexed: int


@dataclass(frozen=True)
class Standing:
    """How matters stand: pairs by verdict, and the pairs whose decisions contradict each other."""

    counts: dict[str, int]
    contradictions: Sequence[Pair]


class Resolution:
    """Finds and decides about candidates in one country's database.

    Args:
        store: The country's database with the newest schema.
        country: Whose it is.
        clock: Says when something was found or decided.
        actor: Who decides, as the audit log calls them.
    """

    def __init__(self, store: Store, *, country: Country, clock: Clock, actor: str = "node") -> None:
        self._actor = actor
        self._store = store
        self._naming = Naming(country=country, named_by=NAMED_BY)
        self._clock = clock

    def run(self, *, tell: Callable[[int], None]) -> Run:
        """Look for candidates among all records; decisions stay as they are."""
        with self._store.transaction() as connection:
            reindexed = reindex_if_changed(connection, self._naming, tell=tell)
            register = load_register(connection, today=self._clock().date())
            found = find_candidates(register)
            candidates = pairs.replace_candidates(connection, found, at=self._clock())
            shown = pairs.list_decided(connection, Verdict.OPEN, limit=max(1, candidates))
            strong = sum((one.score or 0) >= STRONG_FROM for one in shown)
        return Run(records=len(register.profiles), candidates=candidates, strong=strong, reindexed=reindexed)

    def reindex(self, *, tell: Callable[[int], None]) -> int:
        """Make all match keys anew and return how many changed."""
        with self._store.transaction() as connection:
            return reindex(connection, self._naming, tell=tell)

    def list_pairs(self, verdict: Verdict | None, *, limit: int) -> list[Decided]:
        """Return pairs, the most probable first."""
        with self._store.transaction() as connection:
            return pairs.list_decided(connection, verdict, limit=limit)

    def standing(self) -> Standing:
        """Return how matters stand."""
        with self._store.transaction() as connection:
            return Standing(pairs.count_verdicts(connection), pairs.find_contradictions(connection))

    def get_pair(self, pair: Pair) -> Decided:
        """Return one pair. Raises NotFound."""
        with self._store.transaction() as connection:
            found = pairs.find_pair(connection, ordered(*pair))
        if found is None:
            raise NotFound("Nothing is known of these two records together.")
        return found

    def accept(self, pair: Pair, *, name: str, note: str) -> None:
        """Make two records one person, by a human's decision.

        Raises:
            NotFound: If one of them is not a person's record.
            NeverMerged: If one is known in a professional role.
            AlreadyDecided: If the two were decided about before.
            ToldApart: If a human told records of the two persons apart.
        """
        with self._store.transaction() as connection:
            if not are_persons(connection, pair):
                raise _no_such_records()
            if any(is_professional(connection, record) for record in pair):
                raise NeverMerged("A person known in a professional role is never merged: correct the status first.")
            pairs.decide(connection, pair, verdict=Verdict.SAME, decider=self._decider(name, note))
            self._record(connection, "resolve.accept", [pair])

    def reject(self, pair: Pair, *, name: str, note: str) -> None:
        """Tell two records apart, by a human's decision. Raises NotFound, AlreadyDecided."""
        with self._store.transaction() as connection:
            if not are_persons(connection, pair):
                raise _no_such_records()
            pairs.decide(connection, pair, verdict=Verdict.DIFFERENT, decider=self._decider(name, note))
            self._record(connection, "resolve.reject", [pair])

    def undo(self, pair: Pair, *, name: str, note: str) -> None:
        """Take a decision back, exactly. Raises NotFound."""
        with self._store.transaction() as connection:
            pairs.undo(connection, pair, decider=self._decider(name, note))
            self._record(connection, "resolve.undo", [pair])

    def accept_by_rule(self, *, score_from: float | None, name: str) -> int:
        """Accept what the operator's rule allows and return how many pairs that were.

        No record of a victim, a minor, a person of unknown age or a professional is ever among them.

        Raises:
            NoRule: If the profile sets no threshold.
        """
        if score_from is None:
            raise NoRule(
                "The profile allows no automatic decisions: set resolution.accept_from in it, or decide by hand."
            )
        with self._store.transaction() as connection:
            reindex_if_changed(connection, self._naming, tell=lambda done: None)
            register = load_register(connection, today=self._clock().date())
            found = find_candidates(register)
            pairs.replace_candidates(connection, found, at=self._clock())
            same = pairs.load_pairs(connection, Verdict.SAME)
            different = pairs.load_pairs(connection, Verdict.DIFFERENT)
            united = unite(register, found, score_from=score_from, same=same, different=different)
            accepted = only_unguarded(register, united, same=same)
            decider = self._decider(name, f"rule: probability at least {score_from:g}")
            ends = [(one.first, one.second) for one in accepted]
            pairs.decide_many(connection, ends, decider=decider)
            self._record(connection, "resolve.auto", ends)
        return len(accepted)

    def _record(self, connection: Transaction, action: str, ends: Sequence[Pair]) -> None:
        """Enter the combination in the audit log, in its own transaction (LED article 25(1))."""
        objects = tuple(sorted({record for pair in ends for record in pair}))
        event = AuditEvent(
            Operation.COMBINATION, action=action, actor=self._actor, objects=objects, facts={"pairs": len(ends)}
        )
        record_event(connection, event, at=self._clock())

    def _decider(self, name: str, note: str) -> Decider:
        return Decider(name=name[:128], note=note[:400], at=self._clock())


def _no_such_records() -> NotFound:
    return NotFound("Two records of persons are needed: give the identifiers that the list shows.")
