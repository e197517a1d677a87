"""The rights desk: what a data subject may ask for (LED articles 12 to 18), recorded before it is done.

Every action needs the reference of the request and a reason. It enters the journal of look-ups as begun, then it is
done, then what became of it enters too. If the journal cannot be written, nothing is done.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from safeborders.kit.clock import Clock, system_clock
from safeborders.kit.errors import NotFound
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.selectors import match_key
from safeborders.node.access.callers import DATA_SUBJECT_RIGHTS, RIGHTS_CODE, Caller, Justification, Role
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.access.justify import is_case_reference
from safeborders.node.lifecycle.corrections import build_correction
from safeborders.node.lifecycle.errors import RequestIncomplete
from safeborders.node.lifecycle.retention import remove_derived
from safeborders.node.services.folding import fold
from safeborders.node.storage.access import SqlLookupJournal
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.database import Store
from safeborders.node.storage.lifecycle_dates import Transaction
from safeborders.node.storage.lifecycle_erasure import RECTIFICATION, REQUEST, Ground, erase_entities, list_erasures
from safeborders.node.storage.resolution_store import records_of
from safeborders.node.storage.subject_actions import (
    add_notice,
    forget_hypotheses,
    rectify_person,
    release_handling,
    release_person,
    restrict_person,
    review_person,
)
from safeborders.node.storage.subject_reader import (
    Document,
    find_person_id,
    find_persons,
    list_notices,
    mark_notified,
    names_of,
    read_subject,
    regime_of,
)

_ARTICLES = {"LED": "LED article 16(2)", "GDPR": "GDPR article 17"}
_BY_COMMAND = "operator"  # whoever may run the operator's commands
_SHORTEST_REASON, _LONGEST_REASON = 5, 400
_LONGEST_PROVIDER = 200
_SHORTEST_NAME = 3  # letters of a name that a reason must not repeat

Result = TypeVar("Result")
Recipients = list[dict[str, str]]


@dataclass(frozen=True)
class Request:
    """Why the desk acts: who, for which request or case, and the reason in words that name nobody."""

    by: str
    reference: str
    reason: str


@dataclass(frozen=True)
class _Subject:
    """Whom an action is about, all records that are this person, and who was shown one of them."""

    id: str
    records: list[str]
    recipients: Recipients


@dataclass
class RightsDesk:
    """Does what data subjects may ask for.

    Args:
        store: The country's database.
        country: Whose database it is.
        clock: Says when things happen.
        derived: Folder of files that were computed from records; emptied when records change.
        actor: Who acts, as the audit log calls them.

    Records that were merged are one person, and whatever is done to one of them is done to all.
    """

    store: Store
    country: Country
    clock: Clock = system_clock
    derived: Path | None = None
    actor: str = _BY_COMMAND
    journal: SqlLookupJournal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = SqlLookupJournal(self.store.engine)

    def find(self, name: str, *, request: Request) -> list[Document]:
        """Return who is on record under this name in any spelling, restricted persons too."""
        key = match_key(EntityKind.PERSON, name, country=self.country)
        with self._recorded("subject.find", request=request) as seen, self.store.transaction() as connection:
            found = find_persons(connection, match_key=key) if key else []
            seen += [one["id"] for one in found]
        return found

    def show(self, person: str, *, request: Request) -> Document:
        """Return everything that is held on a person, its sources and grades, and who received it. Raises NotFound."""

        def act(connection: Transaction, subject: _Subject) -> Document:
            # The data subject learns which kinds of recipient there were (LED 14(c)), not which official.
            kinds = [{name: value for name, value in one.items() if name != "name"} for one in subject.recipients]
            today = self.clock().date()
            others = [record for record in subject.records if record != subject.id]
            return {
                **read_subject(connection, subject.id, today=today),
                "other_records": [read_subject(connection, record, today=today) for record in others],
                "country": self.country.value,
                "as_of": self.clock().isoformat(),
                "recipients": kinds,
            }

        return self._act("subject.show", person, request=request, act=act, audited=Operation.DISCLOSURE)

    def restrict(self, person: str, *, request: Request) -> int:
        """Restrict a person's records (LED 16(3)): only this desk sees them then. Returns how many rows it marked."""

        def act(connection: Transaction, subject: _Subject) -> int:
            changed = 0
            for record in subject.records:
                changed += restrict_person(connection, record, now=self.clock())
                forget_hypotheses(connection, record)
            ground = self._ground("restriction", request)
            add_notice(connection, subject.id, fields=["restricted"], recipients=subject.recipients, ground=ground)
            return changed

        changed = self._act("subject.restrict", person, request=request, act=act)
        remove_derived(self.derived)
        return changed

    def release(self, person: str, *, request: Request) -> int:
        """Lift a restriction that this desk set. Returns how many rows are free again. Raises Conflict."""

        def act(connection: Transaction, subject: _Subject) -> int:
            return release_person(connection, subject.records)

        return self._act("subject.release", person, request=request, act=act)

    def rectify(
        self, person: str, *, assignments: Sequence[str], dropped: Sequence[str], request: Request
    ) -> list[str]:
        """Correct a person's records; returns what was changed.

        Raises:
            BadCorrection: If the correction cannot be read; nothing is recorded or done then.
            Conflict: If something to be dropped is not this person's.
        """
        correction = build_correction(assignments, dropped=dropped, country=self.country)

        def act(connection: Transaction, subject: _Subject) -> list[str]:
            ground = self._ground(RECTIFICATION, request)
            changed = rectify_person(connection, subject.records, correction=correction, ground=ground)
            add_notice(connection, subject.id, fields=changed, recipients=subject.recipients, ground=ground)
            return changed

        changed = self._act("subject.rectify", person, request=request, act=act)
        remove_derived(self.derived)
        return changed

    def erase(self, person: str, *, request: Request) -> dict[str, int]:
        """Erase a person and what is on record for nobody else. Returns how many of each kind are gone."""

        def act(connection: Transaction, subject: _Subject) -> dict[str, int]:
            rules = {record: _ARTICLES[regime_of(connection, record)] for record in subject.records}
            for record in subject.records:
                forget_hypotheses(connection, record)
            ground = self._ground("erasure", request)
            add_notice(connection, subject.id, fields=["everything"], recipients=subject.recipients, ground=ground)
            return erase_entities(connection, rules, ground=self._ground(REQUEST, request))

        gone = self._act("subject.erase", person, request=request, act=act, audited=Operation.ERASURE)
        remove_derived(self.derived)
        return gone

    def review(self, person: str, *, request: Request) -> None:
        """Write down that a person's records were reviewed and are still needed."""

        def act(connection: Transaction, subject: _Subject) -> None:
            for record in subject.records:
                review_person(connection, record, on=self.clock().date())

        self._act("subject.review", person, request=request, act=act)

    def release_handling(self, row: str, *, provider: str, request: Request) -> None:
        """Write down that a provider allowed a row's dissemination; the request's reference is the permission's."""
        if not 0 < len(provider) <= _LONGEST_PROVIDER or not provider.isprintable():
            raise RequestIncomplete("State the provider who allowed it, in at most 200 characters.")
        alteration = Operation.ALTERATION
        with self._recorded("handling.release", request=request, audited=None, refused=alteration) as seen:
            seen.append(row)
            self._record("handling.release", outcome=Outcome.BEGUN, request=request, objects=seen, audited=None)
            with self.store.transaction() as connection:
                release_handling(connection, row, provider=provider, reference=request.reference, now=self.clock())
                self._enter(connection, "handling.release", audited=alteration, request=request, objects=seen)

    def notices(self, *, only_open: bool) -> list[Document]:
        """Return what recipients must be told, and whom."""
        with self.store.transaction() as connection:
            return list_notices(connection, only_open=only_open)

    def mark_notified(self, notice: str) -> None:
        """Write down that the recipients of a notice were told. Raises NotFound."""
        with self.store.transaction() as connection:
            mark_notified(connection, notice, now=self.clock())

    def erasures_of(self, identifier: str) -> list[str]:
        """Return in words when and why something with this identifier was erased here."""
        with self.store.transaction() as connection:
            entries = list_erasures(connection, identifier=identifier)
        return [f"{one.at.date()}: {one.kind} erased ({one.why}: {one.rule})" for one in entries]

    def _act(
        self,
        operation: str,
        person: str,
        *,
        request: Request,
        act: Callable[[Transaction, _Subject], Result],
        audited: Operation = Operation.ALTERATION,
    ) -> Result:
        """Do ``act``; its event enters the audit log in the same transaction, so that neither is without the other."""
        with self.store.transaction() as connection:
            found = find_person_id(connection, person)
            records = records_of(connection, found)
            self._check_reason([name for one in records for name in names_of(connection, one)], request)
        with self._recorded(operation, request=request, audited=None, refused=audited) as seen:
            seen += [found, *(one for one in records if one != found)]
            self._record(operation, outcome=Outcome.BEGUN, request=request, objects=seen, audited=None)
            subject = _Subject(found, records, self._recipients(records))
            with self.store.transaction() as connection:
                result = act(connection, subject)
                self._enter(connection, operation, audited=audited, request=request, objects=seen)
            return result

    def _enter(
        self, connection: Transaction, operation: str, *, audited: Operation, request: Request, objects: Sequence[str]
    ) -> None:
        """Enter what was done in the audit log (LED article 25(1)), in the transaction of what was done."""
        event = AuditEvent(
            audited,
            action=operation,
            actor=self.actor,
            purpose=RIGHTS_CODE,
            case_reference=request.reference,
            objects=tuple(objects),
            recipients=("data_subject",) if audited is Operation.DISCLOSURE else (),
        )
        record_event(connection, event, at=self.clock())

    def _ground(self, why: str, request: Request) -> Ground:
        return Ground(why=why, at=self.clock(), reference=request.reference)

    def _recipients(self, records: Sequence[str]) -> Recipients:
        """Return to whom the person was shown, and when last; the desk's own look-ups do not count."""
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for lookup in (lookup for record in records for lookup in self.journal.list_lookups_of(record)):
            who = lookup.justification
            if who.purpose_code == RIGHTS_CODE or lookup.outcome is not Outcome.ANSWERED:
                continue
            caller = {"name": who.caller.name, "role": who.caller.role.value}
            one = {**caller, "purpose": who.purpose_code, "operation": lookup.operation}
            key = tuple(one.values())
            last = max(lookup.at.isoformat(), found.get(key, {}).get("last", ""))
            found[key] = {**one, "last": last}
        return list(found.values())

    @contextmanager
    def _recorded(
        self,
        operation: str,
        *,
        request: Request,
        audited: Operation | None = Operation.CONSULTATION,
        refused: Operation = Operation.CONSULTATION,
    ) -> Iterator[list[str]]:
        """Enter the outcome in the journal, and in the audit log too: a success as ``audited``, else as ``refused``."""
        _check(request)
        seen: list[str] = []
        try:
            yield seen
        except NotFound:
            self._record(operation, outcome=Outcome.NOT_FOUND, request=request, objects=seen, audited=refused)
            raise
        except Exception:
            self._record(operation, outcome=Outcome.FAILED, request=request, objects=seen, audited=refused)
            raise
        self._record(operation, outcome=Outcome.ANSWERED, request=request, objects=seen, audited=audited)

    def _record(
        self,
        operation: str,
        *,
        outcome: Outcome,
        request: Request,
        objects: Sequence[str],
        audited: Operation | None,
    ) -> None:
        caller = Caller(token=self.actor, name=request.by, role=Role.RIGHTS_DESK)
        self.journal.record(
            Lookup(
                justification=Justification(caller, DATA_SUBJECT_RIGHTS, request.reference),
                at=self.clock(),
                operation=operation,
                outcome=outcome,
                object_ids=tuple(objects),
                reason=request.reason,
                audited=audited,
            )
        )

    def _check_reason(self, names: Sequence[str], request: Request) -> None:
        _check(request)
        words = set(fold(request.reason).split())
        parts = {part for name in names for part in fold(name).split() if len(part) >= _SHORTEST_NAME}
        if words & parts:
            raise RequestIncomplete("The reason names the person, and it is kept for ever: say it without the name.")


def _check(request: Request) -> None:
    if not is_case_reference(request.reference):
        raise RequestIncomplete("State the reference of the request or case: 3 to 64 letters, digits and / _ . : -")
    is_long_enough = _SHORTEST_REASON <= len(request.reason.strip()) <= _LONGEST_REASON
    if not is_long_enough or not request.reason.isprintable() or not 0 < len(request.by) <= 128:
        raise RequestIncomplete("State who asks and the reason in 5 to 400 characters of one line.")
