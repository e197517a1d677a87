"""What is written down of each processing of records: the fields of LED article 25(1), and nothing that was processed.

Objects are identifiers of this installation, actors are identifiers of tokens or of the installation's own parts. No
name, no number, no text of a case can be put in (domain.md 3.1, L25-1 and L25-3).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,127}")


class Operation(StrEnum):
    """What was done, in the words of LED article 25(1), and what the installation did to itself."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"  # entity merges, graph joins, assembly of training sets, matches across borders
    ERASURE = "erasure"
    DECISION = "decision"  # what the policy engine or a person allowed or refused
    CONTROL = "control"  # starts, keys, members, the log itself


@dataclass(frozen=True)
class AuditEvent:
    """One processing.

    Attributes:
        operation: What was done.
        action: Which part did it, such as ``lookup.search`` or ``import.apply``.
        actor: Identifier of the token, the command or the process.
        outcome: ``done``, ``refused`` or a stable code.
        purpose: Purpose code; "" where none applies.
        case_reference: The case that justifies it; "" where none does.
        objects: Identifiers of the records concerned.
        recipients: Who received something.
        facts: Hashes, clauses, runs, rounds, counts of rows; words and whole numbers only.
    """

    operation: Operation
    action: str
    actor: str
    outcome: str = "done"
    purpose: str = ""
    case_reference: str = ""
    objects: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        words = [self.action, self.actor, self.outcome, *self.objects, *self.recipients, *self.facts]
        words += [value for value in self.facts.values() if isinstance(value, str)]
        if not all(_WORD.fullmatch(word) for word in words):
            raise ValueError("an audit event holds identifiers, codes and hashes, never a text.")

    def to_record(self, at: datetime) -> dict[str, object]:
        """Return the event as the log keeps it; what is empty is left out."""
        record = {
            "at": at.isoformat(),
            "operation": self.operation.value,
            "action": self.action,
            "actor": self.actor,
            "outcome": self.outcome,
            "purpose": self.purpose,
            "case_reference": self.case_reference,
            "objects": list(self.objects),
            "recipients": list(self.recipients),
            "facts": dict(self.facts),
        }
        return {name: value for name, value in record.items() if value}
